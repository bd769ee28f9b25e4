//! `lens_train`.

use super::arguments::{choice, flag, optional_text, out, required};
use super::cancel::lens_cancel_token;
use super::context::lens_context;
use super::dataset::lens_dataset;
use super::guard::guard;
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use ::lens_engine::policy::ScalerSettings;
use lens_base::{Error, Result};
use lens_tasks::train::{self, OptimizerKind, OptimizerOptions, ScheduleKind, ScheduleOptions, SelectBy, TrainOptions};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

/// What makes an epoch's model better than the best so far, on the validation set. Ties keep the earlier epoch.
pub type lens_select_by = i32;
/// Higher accuracy at the threshold.
pub const LENS_SELECT_BY_ACCURACY: lens_select_by = 0;
/// Higher area under the ROC curve; needs both classes in the validation set.
pub const LENS_SELECT_BY_AUC: lens_select_by = 1;
/// Lower loss.
pub const LENS_SELECT_BY_LOSS: lens_select_by = 2;

/// How gradients become steps.
pub type lens_optimizer = i32;
/// Adam (Kingma and Ba 2015); weight decay is added to the gradients.
pub const LENS_OPTIMIZER_ADAM: lens_optimizer = 0;
/// Adam with weight decay apart from the gradients (Loshchilov and Hutter 2019).
pub const LENS_OPTIMIZER_ADAMW: lens_optimizer = 1;
/// Stochastic gradient descent with momentum; weight decay is added to the gradients.
pub const LENS_OPTIMIZER_SGD: lens_optimizer = 2;

/// How the learning rate goes on after the warm-up.
pub type lens_schedule = i32;
/// As it is.
pub const LENS_SCHEDULE_CONSTANT: lens_schedule = 0;
/// Down along half a cosine, to final_learning_rate at the last step.
pub const LENS_SCHEDULE_COSINE: lens_schedule = 1;
/// Times plateau_factor whenever the validation loss (without a validation set, the training loss) has not fallen for
/// more than plateau_patience epochs; not below final_learning_rate.
pub const LENS_SCHEDULE_PLATEAU: lens_schedule = 2;

/// How the loss is scaled when the context computes in F16.
pub type lens_grad_scaler = i32;
/// As suits the device.
pub const LENS_GRAD_SCALER_AUTO: lens_grad_scaler = 0;
/// PyTorch's defaults: from 2^16, doubled after 2000 good steps in a row, halved after an overflow.
pub const LENS_GRAD_SCALER_STANDARD: lens_grad_scaler = 1;
/// The reference pipeline's for AMD: from 2^12, times 1.5 after 1000 good steps in a row, times 0.7 after an overflow.
pub const LENS_GRAD_SCALER_AMD: lens_grad_scaler = 2;

/// Options of lens_train(). Fill with lens_train_options_init(), then change what you need. The defaults are the
/// reference pipeline's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_train_options {
    /// sizeof(lens_train_options); set by lens_train_options_init().
    pub struct_size: usize,
    /// Passes over as many samples as the training set has, 1 to 100000; default 20.
    pub epochs: u32,
    /// Samples of one optimiser step, 2 to 65536; default 128.
    pub batch_size: u32,
    /// Images are resized to this many pixels in width and height, 32 to 4096; default 128. Stored in the model.
    pub image_size: u32,
    /// LENS_SELECT_BY_...; default LENS_SELECT_BY_ACCURACY. Unused without a validation set.
    pub select_by: lens_select_by,
    /// Learning rate, above 0 and at most 1; default 1e-4. The schedule varies it.
    pub learning_rate: f64,
    /// Weight of positive samples in the loss, above 0; 0 (default): negatives / positives of the training set.
    pub pos_weight: f64,
    /// Probability of mirroring left-right, 0 to 1; default 0.5.
    pub flip_horizontal: f64,
    /// Probability of mirroring up-down, 0 to 1; default 0.5.
    pub flip_vertical: f64,
    /// Rotation by a random angle of up to this many degrees either way, 0 to 180; nearest neighbour, corners filled
    /// with 0; default 10.
    pub rotation_degrees: f64,
    /// 1 (default): draw samples with replacement so that both classes come equally often. 0: each sample once per
    /// epoch, shuffled.
    pub weighted_sampler: i32,
    /// Subtracted from the 0..1 values of red, green and blue before the network; default 0. Stored in the model.
    pub mean: [f32; 3],
    /// Then divided by, above 0; default 1. Stored in the model.
    pub standard_deviation: [f32; 3],
    /// Probability from which an image is called positive (greater than), 0 to 1; default 0.5. Stored in the model.
    pub threshold: f32,
    /// Seed of weights, sampling and augmentation; default 0: the context's seed. On CPU the same seed, data, options
    /// and number of threads give the same weights bit for bit (where memory is too short for a whole batch, also the
    /// same micro_batch_size).
    pub seed: u64,
    /// Weights to start from; default NULL: random, by torchvision's rule, or start_weights. The model itself is not
    /// changed.
    pub start_model: *const lens_model,
    /// Directory (made when missing) of the run; default NULL: nothing is written. It receives best.safetensors whenever
    /// the model gets better, last.checkpoint (everything that is needed to go on) and curves.png after every epoch, and
    /// run.json at the end. One run at a time; an unfinished one is refused unless resume is set.
    pub run_directory: *const c_char,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// LENS_OPTIMIZER_...; default LENS_OPTIMIZER_ADAM.
    pub optimizer: lens_optimizer,
    /// LENS_SCHEDULE_...; default LENS_SCHEDULE_CONSTANT.
    pub schedule: lens_schedule,
    /// Pull of the weights of convolutions and head towards 0, 0 to 1; default 0. Norms and biases are left alone.
    pub weight_decay: f64,
    /// Of LENS_OPTIMIZER_SGD, 0 or more and below 1; default 0.9.
    pub momentum: f64,
    /// Epochs, not necessarily whole, in which the learning rate rises linearly from 0; default 0.
    pub warmup_epochs: f64,
    /// Where a cosine ends and below which a plateau does not go, 0 to learning_rate; default 0.
    pub final_learning_rate: f64,
    /// Of LENS_SCHEDULE_PLATEAU, above 0 and below 1; default 0.1.
    pub plateau_factor: f64,
    /// Of LENS_SCHEDULE_PLATEAU, in epochs; default 5.
    pub plateau_patience: u32,
    /// Training ends after this many epochs without a better model; default 0: never early. Needs a validation set.
    pub early_stopping_patience: u32,
    /// Longest gradient (Euclidean norm over all parameters); longer ones are shortened to it. Default 0: any length.
    pub clip_norm: f64,
    /// Share of every label that is spread evenly over both classes, 0 or more and below 1; default 0.
    pub label_smoothing: f64,
    /// Decay of a moving average of weights and running statistics, above 0 and below 1, for example 0.999: the average
    /// is then what is validated and returned. In the first steps n it is at most (1 + n) / (10 + n). Default 0: none.
    pub average_decay: f64,
    /// First epochs in which only the head is trained, on the features of the frozen backbone; the optimiser starts anew
    /// after them. 0 to epochs; default 0. Of use with a start_model.
    pub freeze_epochs: u32,
    /// Most images that go through the network at once, 2 to 65536: larger batches are made of several such parts, whose
    /// gradients add up, and whose batch statistics are their own. Default 0: the whole batch, or as many as fit into the
    /// memory that is free or that memory_cap allows. When memory runs out all the same the parts are halved, and nothing
    /// is lost.
    pub micro_batch_size: u32,
    /// LENS_GRAD_SCALER_...; default LENS_GRAD_SCALER_AUTO. Unused in F32 and BF16.
    pub grad_scaler: lens_grad_scaler,
    /// 1: go on from run_directory/last.checkpoint when there is one; options and data must be those of the run (epochs
    /// may be more, except with LENS_SCHEDULE_COSINE). The result is, on CPU bit for bit, that of a run without the
    /// interruption, whenever and however it was interrupted. Default 0.
    pub resume: i32,
    /// The checkpoint is written this often within an epoch too, in minutes, 0 or more; default 10. 0: after epochs (and
    /// when the call is cancelled) only.
    pub checkpoint_minutes: f64,
    /// File with weights to start from, in place of start_model: what lens_model_load() reads, and DenseNet-121 with a head
    /// of any number of outputs, such as torchvision's densenet121-a639ec97.pth; a head that does not have one output is
    /// left out, and a random one takes its place. Of a model file only the weights are taken. Default NULL.
    pub start_weights: *const c_char,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_train_options {
    const NAME: &'static str = "lens_train_options";
    const FIRST_SIZE: usize = std::mem::offset_of!(lens_train_options, optimizer);
    fn defaults() -> Self {
        let defaults = TrainOptions::default();
        lens_train_options {
            struct_size: size_of::<Self>(),
            epochs: defaults.epochs,
            batch_size: defaults.batch_size,
            image_size: defaults.preprocessing.image_size,
            select_by: LENS_SELECT_BY_ACCURACY,
            learning_rate: defaults.learning_rate,
            pos_weight: 0.0,
            flip_horizontal: defaults.augmentation.flip_horizontal,
            flip_vertical: defaults.augmentation.flip_vertical,
            rotation_degrees: defaults.augmentation.rotation_degrees,
            weighted_sampler: i32::from(defaults.weighted_sampler),
            mean: defaults.preprocessing.mean,
            standard_deviation: defaults.preprocessing.standard_deviation,
            threshold: defaults.threshold,
            seed: 0,
            start_model: ptr::null(),
            run_directory: ptr::null(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            optimizer: LENS_OPTIMIZER_ADAM,
            schedule: LENS_SCHEDULE_CONSTANT,
            weight_decay: defaults.optimizer.weight_decay,
            momentum: defaults.optimizer.momentum,
            warmup_epochs: defaults.schedule.warmup_epochs,
            final_learning_rate: defaults.schedule.final_learning_rate,
            plateau_factor: defaults.schedule.plateau_factor,
            plateau_patience: defaults.schedule.plateau_patience,
            early_stopping_patience: 0,
            clip_norm: 0.0,
            label_smoothing: defaults.label_smoothing,
            average_decay: 0.0,
            freeze_epochs: defaults.freeze_epochs,
            micro_batch_size: 0,
            grad_scaler: LENS_GRAD_SCALER_AUTO,
            resume: i32::from(defaults.resume),
            start_weights: ptr::null(),
            checkpoint_minutes: defaults.checkpoint_every.map_or(0.0, |every| every.as_secs_f64() / 60.0),
        }
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_train_options_init(options: *mut lens_train_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Trains DenseNet-121 with a one-logit head and returns the best model.
///
/// After each epoch the model is validated, and kept when it is better by select_by; without a validation set the last
/// epoch's model is returned. All files are decoded once before the first epoch, so a bad one is found before any
/// training. The training record (options, data, every epoch's figures) is part of the model's description; with what is
/// known of the machine it is written to run_directory/run.json.
///
/// On LENS_CANCELLED the checkpoint is written too. A file that cannot be written (a full disk) ends training with
/// LENS_ERROR_IO and leaves the file before it whole.
///
/// @param train Needs both classes.
/// @param validation NULL: none.
/// @param options NULL for all defaults.
/// @param[out] model Receives the model; free it with lens_model_free(). NULL on failure and on LENS_CANCELLED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_train(
    context: *const lens_context,
    train: *const lens_dataset,
    validation: *const lens_dataset,
    options: *const lens_train_options,
    model: *mut *mut lens_model,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let model = unsafe { out("model", model) }?;
        // SAFETY: NULL or a live handle by contract.
        let context = unsafe { required("context", context) }?;
        // SAFETY: NULL or a live handle by contract.
        let training = unsafe { required("train", train) }?.snapshot();
        // SAFETY: NULL or a live handle by contract.
        let validation = unsafe { validation.as_ref() }.map(lens_dataset::snapshot);
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        let mut core = TrainOptions {
            epochs: options.epochs,
            batch_size: options.batch_size,
            select_by: choice(
                "select_by",
                options.select_by,
                &[
                    (LENS_SELECT_BY_ACCURACY, "LENS_SELECT_BY_ACCURACY", SelectBy::Accuracy),
                    (LENS_SELECT_BY_AUC, "LENS_SELECT_BY_AUC", SelectBy::Auc),
                    (LENS_SELECT_BY_LOSS, "LENS_SELECT_BY_LOSS", SelectBy::Loss),
                ],
            )?,
            learning_rate: options.learning_rate,
            pos_weight: (options.pos_weight != 0.0).then_some(options.pos_weight),
            weighted_sampler: flag("weighted_sampler", options.weighted_sampler)?,
            threshold: options.threshold,
            seed: if options.seed == 0 { context.0.seed() } else { options.seed },
            // SAFETY: NULL or a live handle by contract.
            start_model: unsafe { options.start_model.as_ref() }.map(|model| Arc::clone(&model.0)),
            // SAFETY: NULL or a C string by contract.
            run_directory: unsafe { optional_text("run_directory", options.run_directory) }?.map(Into::into),
            // SAFETY: NULL or a C string by contract.
            start_weights: unsafe { optional_text("start_weights", options.start_weights) }?.map(Into::into),
            optimizer: optimizer(&options)?,
            schedule: schedule(&options)?,
            clip_norm: (options.clip_norm != 0.0).then_some(options.clip_norm),
            label_smoothing: options.label_smoothing,
            average_decay: (options.average_decay != 0.0).then_some(options.average_decay),
            freeze_epochs: options.freeze_epochs,
            early_stopping: (options.early_stopping_patience != 0).then_some(options.early_stopping_patience),
            grad_scaler: choice(
                "grad_scaler",
                options.grad_scaler,
                &[
                    (LENS_GRAD_SCALER_AUTO, "LENS_GRAD_SCALER_AUTO", None),
                    (LENS_GRAD_SCALER_STANDARD, "LENS_GRAD_SCALER_STANDARD", Some(ScalerSettings::STANDARD)),
                    (LENS_GRAD_SCALER_AMD, "LENS_GRAD_SCALER_AMD", Some(ScalerSettings::AMD)),
                ],
            )?,
            micro_batch: (options.micro_batch_size != 0).then_some(options.micro_batch_size),
            checkpoint_every: checkpoint_every(options.checkpoint_minutes)?,
            resume: flag("resume", options.resume)?,
            ..TrainOptions::default()
        };
        core.preprocessing.image_size = options.image_size;
        core.preprocessing.mean = options.mean;
        core.preprocessing.standard_deviation = options.standard_deviation;
        core.augmentation.flip_horizontal = options.flip_horizontal;
        core.augmentation.flip_vertical = options.flip_vertical;
        core.augmentation.rotation_degrees = options.rotation_degrees;
        // SAFETY: token and callback are as their contracts say for the time of the call.
        let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
        // Held, so that the call goes on when the host frees its handle meanwhile.
        let context = Arc::clone(&context.0);
        let trained = train::train(&context, &training, validation.as_deref(), &core, &mut control)?;
        *model = lens_model::to_host(trained);
        Ok(())
    })
}

fn optimizer(options: &lens_train_options) -> Result<OptimizerOptions> {
    let kind = choice(
        "optimizer",
        options.optimizer,
        &[
            (LENS_OPTIMIZER_ADAM, "LENS_OPTIMIZER_ADAM", OptimizerKind::Adam),
            (LENS_OPTIMIZER_ADAMW, "LENS_OPTIMIZER_ADAMW", OptimizerKind::AdamW),
            (LENS_OPTIMIZER_SGD, "LENS_OPTIMIZER_SGD", OptimizerKind::Sgd),
        ],
    )?;
    Ok(OptimizerOptions { kind, weight_decay: options.weight_decay, momentum: options.momentum })
}

fn schedule(options: &lens_train_options) -> Result<ScheduleOptions> {
    let kind = choice(
        "schedule",
        options.schedule,
        &[
            (LENS_SCHEDULE_CONSTANT, "LENS_SCHEDULE_CONSTANT", ScheduleKind::Constant),
            (LENS_SCHEDULE_COSINE, "LENS_SCHEDULE_COSINE", ScheduleKind::Cosine),
            (LENS_SCHEDULE_PLATEAU, "LENS_SCHEDULE_PLATEAU", ScheduleKind::Plateau),
        ],
    )?;
    Ok(ScheduleOptions {
        kind,
        warmup_epochs: options.warmup_epochs,
        final_learning_rate: options.final_learning_rate,
        plateau_factor: options.plateau_factor,
        plateau_patience: options.plateau_patience,
    })
}

fn checkpoint_every(minutes: f64) -> Result<Option<Duration>> {
    if minutes == 0.0 {
        return Ok(None);
    }
    Duration::try_from_secs_f64(minutes * 60.0)
        .map(Some)
        .map_err(|_| Error::argument(format!("checkpoint_minutes {minutes} must be 0 or more, and finite")))
}
