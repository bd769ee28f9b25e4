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
use crate::train::{self, SelectBy, TrainOptions};
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Arc;

/// What makes an epoch's model better than the best so far, on the validation set. Ties keep the earlier epoch.
pub type lens_select_by = i32;
/// Higher accuracy at the threshold.
pub const LENS_SELECT_BY_ACCURACY: lens_select_by = 0;
/// Higher area under the ROC curve; needs both classes in the validation set.
pub const LENS_SELECT_BY_AUC: lens_select_by = 1;
/// Lower loss.
pub const LENS_SELECT_BY_LOSS: lens_select_by = 2;

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
    /// Adam's learning rate, above 0 and at most 1; default 1e-4.
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
    /// and number of threads give the same weights bit for bit.
    pub seed: u64,
    /// Weights to start from; default NULL: random, by torchvision's rule. The model itself is not changed.
    pub start_model: *const lens_model,
    /// Directory (made when missing) that receives run.json and, whenever it gets better, best.safetensors; default
    /// NULL: nothing is written.
    pub run_directory: *const c_char,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_train_options {
    const NAME: &'static str = "lens_train_options";
    const FIRST_SIZE: usize = size_of::<Self>();
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
/// training. The training record (options, hardware, every epoch's figures) is part of the model's description and is
/// written to run_directory/run.json.
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
