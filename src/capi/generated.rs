//! Choices and options structs of C, from their descriptions in the library. Written by `make header`; do not edit.
#![allow(dead_code, reason = "constants are for the header")]

use super::arguments::optional_text;
use super::cancel::lens_cancel_token;
use super::context::lens_log_fn;
use super::dataset::lens_dataset;
use super::model::lens_model;
use super::options::{self, Raw, StructOptions};
use super::progress::lens_progress_fn;
use lens_base::Result;
use lens_base::options::{Options, Value};
use std::ffi::{c_char, c_void};
use std::mem::offset_of;
use std::ptr;

/// Layout of one pixel. Samples of more than 8 bits are in the machine's byte order and need no alignment.
pub type lens_pixel_format = i32;
/// One unsigned 8-bit sample.
pub const LENS_PIXEL_FORMAT_GRAY8: lens_pixel_format = 0;
/// One unsigned 16-bit sample.
pub const LENS_PIXEL_FORMAT_GRAY16: lens_pixel_format = 1;
/// One signed 16-bit sample.
pub const LENS_PIXEL_FORMAT_GRAY_S16: lens_pixel_format = 2;
/// One 32-bit float; finite.
pub const LENS_PIXEL_FORMAT_GRAY_F32: lens_pixel_format = 3;
/// Red, green, blue, 8 bits each.
pub const LENS_PIXEL_FORMAT_RGB8: lens_pixel_format = 4;
/// Blue, green, red, 8 bits each.
pub const LENS_PIXEL_FORMAT_BGR8: lens_pixel_format = 5;
/// Red, green, blue, alpha, 8 bits each; alpha is ignored.
pub const LENS_PIXEL_FORMAT_RGBA8: lens_pixel_format = 6;
/// Blue, green, red, alpha, 8 bits each; alpha is ignored.
pub const LENS_PIXEL_FORMAT_BGRA8: lens_pixel_format = 7;

/// How a window turns rescaled values into 0..1, by VOI LUT Function (0028,1056) of PS3.3 C.11.2.1.2 and C.11.2.1.3.
pub type lens_window_function = i32;
/// A line over width - 1 from half a unit below the center; for floats the same as LINEAR_EXACT.
pub const LENS_WINDOW_FUNCTION_LINEAR: lens_window_function = 0;
/// A line over the width around the center.
pub const LENS_WINDOW_FUNCTION_LINEAR_EXACT: lens_window_function = 1;
/// 1 / (1 + exp(-4 x (value - center) / width)).
pub const LENS_WINDOW_FUNCTION_SIGMOID: lens_window_function = 2;

/// Which stored values of gray images become 0 to 1.
pub type lens_display = i32;
/// As a viewer shows it: the file's window or lookup table, or, of more than 8 bits without one, from the smallest to
/// the largest value of the frame.
pub const LENS_DISPLAY_VIEWER: lens_display = 0;
/// All values that the stored bits can have, windows and VOI lookup tables left out; of floats, those of the frame. So
/// all frames of integers are shown alike.
pub const LENS_DISPLAY_FULL_RANGE: lens_display = 1;

/// Phase of a long call.
pub type lens_phase = i32;
/// Reading and decoding images; done and total count images.
pub const LENS_PHASE_LOAD: lens_phase = 0;
/// Training; done and total count samples of the epoch.
pub const LENS_PHASE_TRAIN: lens_phase = 1;
/// Validating after an epoch; done and total count samples.
pub const LENS_PHASE_VALIDATE: lens_phase = 2;
/// Classifying; done and total count images.
pub const LENS_PHASE_CLASSIFY: lens_phase = 3;
/// Drawing heatmaps; done and total count what goes through the network over all images of the call: tiles, or images.
pub const LENS_PHASE_HEATMAP: lens_phase = 4;
/// Evaluating, calibrating or localising, or measuring activations for 8 bits; done and total count images.
pub const LENS_PHASE_EVALUATE: lens_phase = 5;

/// Where to compute.
pub type lens_device = i32;
/// The first that works: an NVIDIA GPU, an AMD GPU that libtorch has kernels for, the CPU. The choice and its reason,
/// with why others were passed over, are in the context's description; a GPU that was tried and does not work is a
/// warning in the log.
pub const LENS_DEVICE_AUTO: lens_device = 0;
/// The CPU.
pub const LENS_DEVICE_CPU: lens_device = 1;
/// An NVIDIA GPU.
pub const LENS_DEVICE_CUDA: lens_device = 2;
/// An AMD GPU.
pub const LENS_DEVICE_ROCM: lens_device = 3;

/// Arithmetic of the network's layers. Heatmaps are always accumulated in 32-bit floats.
pub type lens_precision = i32;
/// NVIDIA: bf16 from Ampere on, else fp16. AMD: bf16 on CDNA, else fp16. CPU: f32.
pub const LENS_PRECISION_AUTO: lens_precision = 0;
/// 32-bit floats.
pub const LENS_PRECISION_F32: lens_precision = 1;
/// bfloat16 with f32 weights. On CPU slower than F32, for trying out what a GPU will do.
pub const LENS_PRECISION_BF16: lens_precision = 2;
/// IEEE half precision with f32 weights; training scales the loss. On CPU slower than F32, for trying out what a GPU
/// will do.
pub const LENS_PRECISION_F16: lens_precision = 3;
/// 8-bit integers, on CPUs with AVX-512 VNNI: the convolutions but the first, of models that were optimised for it,
/// when they classify; everything else in 32-bit floats, and other models altogether.
pub const LENS_PRECISION_INT8: lens_precision = 4;

/// Which environment variables are set for the AMD runtime before it is loaded. What the program that embeds the
/// library or its user set wins.
pub type lens_rocm_tuning = i32;
/// Those that are safe for the GPU that is there.
pub const LENS_ROCM_TUNING_AUTO: lens_rocm_tuning = 0;
/// Exactly the ten values of the reference pipeline.
pub const LENS_ROCM_TUNING_REFERENCE: lens_rocm_tuning = 1;
/// None.
pub const LENS_ROCM_TUNING_OFF: lens_rocm_tuning = 2;

/// What computes on the CPU. A plan is the library's own engine, in 32-bit floats (with the precision INT8 in 8-bit
/// integers): when it classifies, draws heatmaps or evaluates, with the network compiled for some instructions; when it
/// trains, with the widest that the processor has. Each model's plan is compared with the network computed layer by
/// layer, on test images, when it is needed first, and where it does not give the same, that reference network computes
/// the model, slowly, and the log is told (a warning). A model's description and reports name what computes. For one
/// model, size of image and plan, results are the same bits for any batch and any number of threads.
pub type lens_engine = i32;
/// On the CPU in f32 a plan for the widest instructions; on GPUs and in half precision libtorch.
pub const LENS_ENGINE_AUTO: lens_engine = 0;
/// libtorch, also for training; needs liblesionlens_torch.so.
pub const LENS_ENGINE_TORCH: lens_engine = 1;
/// A plan for the widest instructions that the processor has.
pub const LENS_ENGINE_PLAN: lens_engine = 2;
/// A plan for AVX2 and FMA.
pub const LENS_ENGINE_PLAN_AVX2: lens_engine = 3;
/// A plan for what every processor has; slow.
pub const LENS_ENGINE_PLAN_PORTABLE: lens_engine = 4;

/// How important a message is; the log is told messages of a level and of those before it.
pub type lens_log_level = i32;
/// A call failed, or cannot go on as it should.
pub const LENS_LOG_LEVEL_ERROR: lens_log_level = 0;
/// Something is not as asked for.
pub const LENS_LOG_LEVEL_WARNING: lens_log_level = 1;
/// What was chosen and done.
pub const LENS_LOG_LEVEL_INFO: lens_log_level = 2;
/// Details.
pub const LENS_LOG_LEVEL_DEBUG: lens_log_level = 3;

/// What to do with a file that is missing or cannot be decoded.
pub type lens_on_unreadable = i32;
/// Fail with a message that names it.
pub const LENS_ON_UNREADABLE_FAIL: lens_on_unreadable = 0;
/// Leave it out and count it: the data set's description, the training record and the evaluation report say how many
/// and name the first ones.
pub const LENS_ON_UNREADABLE_SKIP: lens_on_unreadable = 1;

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
/// Constant.
pub const LENS_SCHEDULE_CONSTANT: lens_schedule = 0;
/// Down along half a cosine, to final_learning_rate at the last step (Loshchilov and Hutter 2017).
pub const LENS_SCHEDULE_COSINE: lens_schedule = 1;
/// Times plateau_factor whenever the validation loss (without a validation set, the training loss) has not fallen for
/// more than plateau_patience epochs; not below final_learning_rate.
pub const LENS_SCHEDULE_PLATEAU: lens_schedule = 2;

/// How the loss is scaled when the context computes in half precision (F16).
pub type lens_grad_scaler = i32;
/// As suits the device.
pub const LENS_GRAD_SCALER_AUTO: lens_grad_scaler = 0;
/// PyTorch's defaults: from 2^16, doubled after 2000 good steps in a row, halved after an overflow.
pub const LENS_GRAD_SCALER_STANDARD: lens_grad_scaler = 1;
/// The reference pipeline's for AMD: from 2^12, times 1.5 after 1000 good steps in a row, times 0.7 after an overflow.
pub const LENS_GRAD_SCALER_AMD: lens_grad_scaler = 2;

/// What the outputs of a head are.
pub type lens_head_kind = i32;
/// As the program has it whose weights they are: findings for CheXNet's and torchxrayvision's. Of others two outputs
/// are taken for classes, and more are refused until it is said what they are.
pub const LENS_HEAD_KIND_AUTO: lens_head_kind = 0;
/// Classes of which one is right, with a softmax over them. The logit is the output of the positive class minus that of
/// the negative class.
pub const LENS_HEAD_KIND_SOFTMAX: lens_head_kind = 1;
/// Findings that are there or not, each with a sigmoid of its own. The logit is the output of the positive class.
pub const LENS_HEAD_KIND_SIGMOID: lens_head_kind = 2;

/// What the network expects of its images' values.
pub type lens_normalisation = i32;
/// As the program has it whose weights they are: CheXNet's and torchxrayvision's are known; of others none.
pub const LENS_NORMALISATION_AUTO: lens_normalisation = 0;
/// The values as they are, 0..1.
pub const LENS_NORMALISATION_NONE: lens_normalisation = 1;
/// Mean 0.485, 0.456, 0.406 and standard deviation 0.229, 0.224, 0.225 for red, green and blue, as torchvision's
/// weights from ImageNet want it.
pub const LENS_NORMALISATION_IMAGENET: lens_normalisation = 2;
/// -1024 for black to 1024 for white, as torchxrayvision has it: mean 0.5, standard deviation 1 / 2048.
pub const LENS_NORMALISATION_TORCHXRAYVISION: lens_normalisation = 3;

/// File format of a saved model.
pub type lens_model_format = i32;
/// safetensors with torchvision's DenseNet-121 parameter names; preprocessing, temperature, threshold and training
/// record in the file's metadata, under "lesionlens".
pub const LENS_MODEL_FORMAT_SAFETENSORS: lens_model_format = 0;
/// TorchScript, for PyTorch and libtorch, written through liblesionlens_torch.so: N x 1 logits, before the temperature,
/// of N x 3 x height x width 32-bit floats in 0..1, normalised as the metadata says (extra/lesionlens.json in the
/// archive).
pub const LENS_MODEL_FORMAT_TORCHSCRIPT: lens_model_format = 1;
/// ONNX (operators of version 17), for other runtimes; it is not read back. Input "image": batch x 3 x height x width
/// 32-bit floats, any batch, sides of at least 32, after the preprocessing that the metadata's "lesionlens" says
/// (JSON). Outputs "logit" and "probability": batch, at the model's temperature.
pub const LENS_MODEL_FORMAT_ONNX: lens_model_format = 2;

/// How a threshold is chosen.
pub type lens_operating_point = i32;
/// The model's own: with a new temperature it moves so that the same images stay positive, up to rounding. 0.5 stays.
pub const LENS_OPERATING_POINT_KEEP: lens_operating_point = 0;
/// The largest sensitivity + specificity - 1 (Youden's index); of equal ones the highest threshold.
pub const LENS_OPERATING_POINT_YOUDEN: lens_operating_point = 1;
/// The highest threshold with at least target_sensitivity.
pub const LENS_OPERATING_POINT_SENSITIVITY: lens_operating_point = 2;

/// Optimised variants of a model.
pub type lens_optimized_variant = i32;
/// What the reference pipeline writes for the context's device: the state dict where the context computes on an AMD
/// GPU, else the 8-bit head.
pub const LENS_OPTIMIZED_VARIANT_AUTO: lens_optimized_variant = 0;
/// TorchScript whose last layer multiplies 8-bit integers: weights rounded to steps of their largest magnitude / 127.5,
/// as PyTorch's quantize_dynamic() rounds them, and features to 7 bits, with the range that a batch has. So a logit
/// depends a little on the batch that its image is in. The network before it stays as it is.
pub const LENS_OPTIMIZED_VARIANT_INT8_HEAD: lens_optimized_variant = 1;
/// What PyTorch's torch.save() writes of the state dict of torchvision's DenseNet-121 with one output.
pub const LENS_OPTIMIZED_VARIANT_STATE_DICT: lens_optimized_variant = 2;
/// A model of this library (safetensors) that contexts of the precision INT8 classify with 8-bit convolutions: the same
/// weights, and how large activations become on images for calibration.
pub const LENS_OPTIMIZED_VARIANT_INT8: lens_optimized_variant = 3;

/// How a heatmap is made: which question it answers. None of them proves where a lesion is: they show what the model
/// goes by.
pub type lens_heatmap_method = i32;
/// Overlapping tiles, each classified by itself: "which parts would be called positive if they were seen alone?" The
/// sharpest method for models trained on patches of the tile's size; it knows nothing of what is around a tile.
pub const LENS_HEATMAP_METHOD_TILES: lens_heatmap_method = 0;
/// Class activation map (Zhou et al. 2016), one pass over the whole image: "which parts push the whole image's logit up
/// or down?" Each cell of the network's last feature map (every 32 pixels) adds its share; their mean is the logit,
/// exactly, for pooling and head are linear. The value is a share through the logistic function: above 0.5 speaks for
/// the positive class, below 0.5 against it. As cells see far beyond their 32 pixels, it is coarse.
pub const LENS_HEATMAP_METHOD_CAM: lens_heatmap_method = 1;
/// Grad-CAM++ (Chattopadhay et al. 2018), one pass over the whole image: "where is the evidence for the positive class,
/// also when it shows in several places?" Channels that speak against it are left out. Values are relative to the
/// image's strongest cell, which has 1: they say where, not how much, and cannot be compared between images; a heatmap
/// without any evidence is 0 everywhere.
pub const LENS_HEATMAP_METHOD_GRAD_CAM_PLUS_PLUS: lens_heatmap_method = 2;
/// Occlusion sensitivity (Zeiler and Fergus 2014): "which parts would the probability of the whole image fall without?"
/// The whole image goes through the network once for each tile, with the tile filled with the image's mean colour; the
/// value is the fall of the probability, 0 where it does not fall. The slowest method, and the only one that asks the
/// model as it is used; a finding that shows in two places does not fall when only one is hidden.
pub const LENS_HEATMAP_METHOD_OCCLUSION: lens_heatmap_method = 3;

/// Where the last tiles go when the stride does not end at the border.
pub type lens_edge = i32;
/// A last row and column of tiles flush with the border, so that every pixel is covered.
pub const LENS_EDGE_COVER: lens_edge = 0;
/// No such tiles; pixels that no tile covers are 0, as in the reference pipeline.
pub const LENS_EDGE_REFERENCE: lens_edge = 1;

/// How overlapping tiles are weighted where they meet.
pub type lens_blend = i32;
/// Each tile counts the same in all its pixels, as in the reference pipeline.
pub const LENS_BLEND_MEAN: lens_blend = 0;
/// A tile counts most in its middle: a Gaussian with a standard deviation of 1/8 of the tile, at least 1/1000 of its
/// peak, as in sliding-window inference of segmentation networks. Smoother heatmaps.
pub const LENS_BLEND_GAUSSIAN: lens_blend = 1;

/// What a heatmap has a value for.
pub type lens_heatmap_resolution = i32;
/// Every pixel of the image.
pub const LENS_HEATMAP_RESOLUTION_IMAGE: lens_heatmap_resolution = 0;
/// Every tile: columns x rows values, for images whose heatmap would be too large. Such a heatmap cannot be laid over
/// an image; its tiles say where they lie.
pub const LENS_HEATMAP_RESOLUTION_TILES: lens_heatmap_resolution = 1;

/// What is taken over several heatmaps.
pub type lens_aggregate = i32;
/// The highest value of each pixel and tile: keeps findings of single frames.
pub const LENS_AGGREGATE_MAX: lens_aggregate = 0;
/// The mean: keeps findings that persist.
pub const LENS_AGGREGATE_MEAN: lens_aggregate = 1;

/// Colours of an overlay, from low to high.
pub type lens_colormap = i32;
/// Black, purple, orange, yellow; the reference pipeline's overlays.
pub const LENS_COLORMAP_INFERNO: lens_colormap = 0;
/// White to dark red; the reference pipeline's sample sheet.
pub const LENS_COLORMAP_REDS: lens_colormap = 1;
/// Blue, green, yellow, red.
pub const LENS_COLORMAP_JET: lens_colormap = 2;
/// Black to white.
pub const LENS_COLORMAP_GRAY: lens_colormap = 3;

/// Which values get the lowest and the highest colour.
pub type lens_overlay_scale = i32;
/// The heatmap's own lowest and highest value (a constant heatmap gets the lowest colour): shows where, not how much.
pub const LENS_OVERLAY_SCALE_MINMAX: lens_overlay_scale = 0;
/// 0 and 1: shows how much, comparable between images.
pub const LENS_OVERLAY_SCALE_ABSOLUTE: lens_overlay_scale = 1;

/// What makes an image flagged, that is, one whose heatmap an evaluation writes.
pub type lens_flag_criterion = i32;
/// It was called positive, or its confidence reaches flag_confidence; the reference pipeline's default.
pub const LENS_FLAG_CRITERION_EITHER: lens_flag_criterion = 0;
/// It was called positive.
pub const LENS_FLAG_CRITERION_PREDICTION: lens_flag_criterion = 1;
/// Its confidence reaches flag_confidence.
pub const LENS_FLAG_CRITERION_CONFIDENCE: lens_flag_criterion = 2;

/// Options of lens_init(). Fill with lens_init_options_init(), then change what you need.
///
/// What a context is made from.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_init_options {
    /// sizeof(lens_init_options); set by lens_init_options_init().
    pub struct_size: usize,
    /// LENS_ABI_VERSION of the header the program was built with, to have it compared with the library's; default
    /// UINT32_MAX: not compared.
    pub abi_version: u32,
    /// Receives log messages; default NULL: none.
    pub log: lens_log_fn,
    /// Handed to log.
    pub log_user_data: *mut c_void,
    /// Where to compute. LENS_DEVICE_...; default LENS_DEVICE_AUTO.
    pub device: lens_device,
    /// Which of several GPUs, from 0. The CPU has index 0 only. 0 or more; default 0.
    pub device_index: i32,
    /// Arithmetic of the network's layers. INT8 is refused where it cannot be computed. LENS_PRECISION_...; default
    /// LENS_PRECISION_AUTO.
    pub precision: lens_precision,
    /// Directory that holds libtorch's libraries, should libtorch be needed. It must hold libtorch_cpu.so of the
    /// version that liblesionlens_torch.so was built with, and where the process has loaded one, that one.
    /// liblesionlens_torch.so is looked for here, too, before it is looked for beside this library. libtorch's library
    /// for GPUs (libtorch_cuda.so or libtorch_hip.so) is looked for here, then beside the loaded libtorch_cpu.so. NULL
    /// (default): the directory libtorch/lib beside liblesionlens_torch.so, where that was built, or what the process
    /// has loaded.
    pub libtorch_dir: *const c_char,
    /// CPU threads of one call. Threads of the library sleep when they have nothing to do; those of libtorch, where it
    /// computes on the CPU, wait actively for each other. At most 1024; 0 (default): as many as the process may use
    /// (container limits count).
    pub threads: u32,
    /// Which environment variables are set for the AMD runtime before it is loaded. LENS_ROCM_TUNING_...; default
    /// LENS_ROCM_TUNING_AUTO.
    pub rocm_tuning: lens_rocm_tuning,
    /// Upper bound, in bytes, for the memory of training, not counting the libraries themselves: its batches are cut
    /// into parts to fit, and decoded images are kept as far as that leaves room. On a GPU it bounds the batches in the
    /// GPU's memory and the images in the machine's. 0 (default): what is free at init, a quarter of it at most for
    /// images.
    pub memory_cap: u64,
    /// Whether the same call with the same seed gives the same bits on the same machine; if not, faster algorithms that
    /// do not (on GPUs) are allowed. 1: yes, 0: no; default 1.
    pub deterministic: i32,
    /// Seed of everything random that is not given a seed of its own. Default 0.
    pub seed: u64,
    /// How much the log callback is told. LENS_LOG_LEVEL_...; default LENS_LOG_LEVEL_WARNING.
    pub log_level: lens_log_level,
    /// What computes on the CPU. A plan is refused on a GPU (ask for the CPU), with the precisions BF16 and F16, and,
    /// as PLAN_AVX2, on a processor without AVX2 and FMA. The precision INT8 needs AUTO or PLAN, on a processor with
    /// AVX-512 VNNI. LENS_ENGINE_...; default LENS_ENGINE_AUTO.
    pub engine: lens_engine,
    /// GPU: share of its memory that the process may take. Set once per process, through PYTORCH_ALLOC_CONF when
    /// libtorch's library for GPUs is loaded; what the program that embeds the library or its user set there wins.
    /// Above 0 and at most 1, or 0 (default): automatic, 0.85 on AMD, 1 on NVIDIA.
    pub memory_fraction: f64,
    /// GPU: training gives memory that is not in use back after so many batches, and every fifth epoch; 0: never. 0 or
    /// more, or -1 (default): automatic, 100 on AMD, never on NVIDIA.
    pub empty_cache_every: i32,
    /// Whether activations lie pixel by pixel (NHWC), or channel by channel (NCHW). The library's own engine always has
    /// the former. 1: yes, 0: no, -1 (default): automatic, pixel by pixel.
    pub channels_last: i32,
    /// NVIDIA: whether products of 32-bit floats may round their factors to TF32. 1: yes, 0: no, -1 (default):
    /// automatic, on from Ampere on, unless precision is F32.
    pub tf32: i32,
    /// GPU: whether cuDNN or MIOpen times its algorithms for each new shape, which can take seconds. 1: yes, 0: no, -1
    /// (default): automatic, on where the GPU is AMD's, unless deterministic, as in the reference pipeline.
    pub benchmark: i32,
    /// Whether the compiled network that a model's file may bring computes its logits. 1: yes, 0: no, -1 (default):
    /// automatic, on, but not on AMD, as in the reference pipeline, nor where an engine was asked for.
    pub compiled_graph: i32,
    /// Whether calls from several threads compute in turns, batch by batch and in the order they came, or at once. 1:
    /// yes, 0: no, -1 (default): automatic, on for GPUs, whose memory then holds one batch at a time; on the CPU calls
    /// share one pool of threads and run beside each other.
    pub take_turns: i32,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_init_options {
    const NAME: &'static str = "lens_init_options";
    const FIRST_SIZE: usize = offset_of!(Self, memory_fraction);
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, abi_version), size_of::<u32>()),
        (offset_of!(Self, log), size_of::<lens_log_fn>()),
        (offset_of!(Self, log_user_data), size_of::<*mut c_void>()),
        (offset_of!(Self, device), size_of::<lens_device>()),
        (offset_of!(Self, device_index), size_of::<i32>()),
        (offset_of!(Self, precision), size_of::<lens_precision>()),
        (offset_of!(Self, libtorch_dir), size_of::<*const c_char>()),
        (offset_of!(Self, threads), size_of::<u32>()),
        (offset_of!(Self, rocm_tuning), size_of::<lens_rocm_tuning>()),
        (offset_of!(Self, memory_cap), size_of::<u64>()),
        (offset_of!(Self, deterministic), size_of::<i32>()),
        (offset_of!(Self, seed), size_of::<u64>()),
        (offset_of!(Self, log_level), size_of::<lens_log_level>()),
        (offset_of!(Self, engine), size_of::<lens_engine>()),
        (offset_of!(Self, memory_fraction), size_of::<f64>()),
        (offset_of!(Self, empty_cache_every), size_of::<i32>()),
        (offset_of!(Self, channels_last), size_of::<i32>()),
        (offset_of!(Self, tf32), size_of::<i32>()),
        (offset_of!(Self, benchmark), size_of::<i32>()),
        (offset_of!(Self, compiled_graph), size_of::<i32>()),
        (offset_of!(Self, take_turns), size_of::<i32>()),
    ];
    fn defaults() -> Self {
        lens_init_options {
            struct_size: size_of::<Self>(),
            abi_version: u32::MAX,
            log: None,
            log_user_data: ptr::null_mut(),
            device: LENS_DEVICE_AUTO,
            device_index: 0,
            precision: LENS_PRECISION_AUTO,
            libtorch_dir: ptr::null(),
            threads: 0,
            rocm_tuning: LENS_ROCM_TUNING_AUTO,
            memory_cap: 0,
            deterministic: 1,
            seed: 0,
            log_level: LENS_LOG_LEVEL_WARNING,
            engine: LENS_ENGINE_AUTO,
            memory_fraction: 0.0,
            empty_cache_every: -1,
            channels_last: -1,
            tf32: -1,
            benchmark: -1,
            compiled_graph: -1,
            take_turns: -1,
        }
    }
}

impl lens_init_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_runtime::ContextOptions> {
        let mut options = lens_runtime::ContextOptions::default();
        options.set("device", Raw("device").choice(self.device)?)?;
        options.set("device_index", Raw("device_index").integer(self.device_index)?)?;
        options.set("precision", Raw("precision").choice(self.precision)?)?;
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("libtorch_dir", self.libtorch_dir) }? {
            options.set("libtorch_dir", Value::Text(Some(text.into())))?;
        }
        options.set("threads", Raw("threads").integer(self.threads)?)?;
        options.set("rocm_tuning", Raw("rocm_tuning").choice(self.rocm_tuning)?)?;
        options.set("memory_cap", Raw("memory_cap").integer(self.memory_cap)?)?;
        options.set("deterministic", Raw("deterministic").flag(self.deterministic)?)?;
        options.set("seed", Raw("seed").integer(self.seed)?)?;
        options.set("log_level", Raw("log_level").choice(self.log_level)?)?;
        options.set("engine", Raw("engine").choice(self.engine)?)?;
        options.set("memory_fraction", Raw("memory_fraction").float(self.memory_fraction)?)?;
        options.set("empty_cache_every", Raw("empty_cache_every").integer(self.empty_cache_every)?)?;
        options.set("channels_last", Raw("channels_last").automatic(self.channels_last)?)?;
        options.set("tf32", Raw("tf32").automatic(self.tf32)?)?;
        options.set("benchmark", Raw("benchmark").automatic(self.benchmark)?)?;
        options.set("compiled_graph", Raw("compiled_graph").automatic(self.compiled_graph)?)?;
        options.set("take_turns", Raw("take_turns").automatic(self.take_turns)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_init_options_init(options: *mut lens_init_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_image_file_load(). Fill with lens_read_options_init(), then change what you need.
///
/// How image files are read. A model keeps what it was trained with, and files that are read for it are read so.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_read_options {
    /// sizeof(lens_read_options); set by lens_read_options_init().
    pub struct_size: usize,
    /// Which stored values become 0 to 1. LENS_DISPLAY_...; default LENS_DISPLAY_VIEWER.
    pub display: lens_display,
    /// Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the
    /// tables; frames without any take 0. Unused with the full range. Default 0.
    pub window: u32,
    /// Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and
    /// slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. 1: yes, 0: no; default 1.
    pub apply_orientation: i32,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_read_options {
    const NAME: &'static str = "lens_read_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, display), size_of::<lens_display>()),
        (offset_of!(Self, window), size_of::<u32>()),
        (offset_of!(Self, apply_orientation), size_of::<i32>()),
    ];
    fn defaults() -> Self {
        lens_read_options {
            struct_size: size_of::<Self>(),
            display: LENS_DISPLAY_VIEWER,
            window: 0,
            apply_orientation: 1,
        }
    }
}

impl lens_read_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_images::ReadOptions> {
        let mut options = lens_images::ReadOptions::default();
        options.set("display", Raw("display").choice(self.display)?)?;
        options.set("window", Raw("window").integer(self.window)?)?;
        options.set("apply_orientation", Raw("apply_orientation").flag(self.apply_orientation)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_read_options_init(options: *mut lens_read_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_dataset_open(). Fill with lens_dataset_options_init(), then change what you need.
///
/// How a directory of labelled images is read. The defaults are the reference pipeline's layout.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_dataset_options {
    /// sizeof(lens_dataset_options); set by lens_dataset_options_init().
    pub struct_size: usize,
    /// labels.csv: name of the column with the file names, relative to image_directory. NULL (default):
    /// "patch_filename".
    pub filename_column: *const c_char,
    /// labels.csv: name of the column with the labels. NULL (default): "stenoza_label".
    pub label_column: *const c_char,
    /// labels.csv: directory of the images, relative to the root. NULL (default): "images".
    pub image_directory: *const c_char,
    /// The positive class: the value of the label column, or the name of the folder, that means positive; everything
    /// else is negative. NULL (default): labels must be 0 or 1 (or false or true, no or yes), and of two folders the
    /// second in byte order of their names is positive.
    pub positive_class: *const c_char,
    /// What to do with files that are missing or cannot be decoded. Missing ones are found when the data set is opened,
    /// undecodable ones when they are first used. LENS_ON_UNREADABLE_...; default LENS_ON_UNREADABLE_FAIL.
    pub on_unreadable: lens_on_unreadable,
    /// labels.csv: name of the column with the frame of a multi-frame file, from 0, or nothing for frame 0. NULL
    /// (default): "frame" if there is such a column, else frame 0 of every file.
    pub frame_column: *const c_char,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_dataset_options {
    const NAME: &'static str = "lens_dataset_options";
    const FIRST_SIZE: usize = offset_of!(Self, frame_column);
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, filename_column), size_of::<*const c_char>()),
        (offset_of!(Self, label_column), size_of::<*const c_char>()),
        (offset_of!(Self, image_directory), size_of::<*const c_char>()),
        (offset_of!(Self, positive_class), size_of::<*const c_char>()),
        (offset_of!(Self, on_unreadable), size_of::<lens_on_unreadable>()),
        (offset_of!(Self, frame_column), size_of::<*const c_char>()),
    ];
    fn defaults() -> Self {
        lens_dataset_options {
            struct_size: size_of::<Self>(),
            filename_column: ptr::null(),
            label_column: ptr::null(),
            image_directory: ptr::null(),
            positive_class: ptr::null(),
            on_unreadable: LENS_ON_UNREADABLE_FAIL,
            frame_column: ptr::null(),
        }
    }
}

impl lens_dataset_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_images::DatasetOptions> {
        let mut options = lens_images::DatasetOptions::default();
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("filename_column", self.filename_column) }? {
            options.set("filename_column", Value::Text(Some(text.into())))?;
        }
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("label_column", self.label_column) }? {
            options.set("label_column", Value::Text(Some(text.into())))?;
        }
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("image_directory", self.image_directory) }? {
            options.set("image_directory", Value::Text(Some(text.into())))?;
        }
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("positive_class", self.positive_class) }? {
            options.set("positive_class", Value::Text(Some(text.into())))?;
        }
        options.set("on_unreadable", Raw("on_unreadable").choice(self.on_unreadable)?)?;
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("frame_column", self.frame_column) }? {
            options.set("frame_column", Value::Text(Some(text.into())))?;
        }
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_dataset_options_init(options: *mut lens_dataset_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_train(). Fill with lens_train_options_init(), then change what you need.
///
/// How to train. The defaults are the reference pipeline's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_train_options {
    /// sizeof(lens_train_options); set by lens_train_options_init().
    pub struct_size: usize,
    /// A model with weights to start from, in place of start_weights; default NULL. The model itself is not changed.
    pub start_model: *const lens_model,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// Passes over as many samples as the training set has. 1 to 100000; default 20.
    pub epochs: u32,
    /// Samples of one optimiser step. 2 to 65536; default 128.
    pub batch_size: u32,
    /// Images are resized to this many pixels in width and height. Stored in the model. 32 to 4096; default 128.
    pub image_size: u32,
    /// Subtracted from the 0..1 values of red, green and blue before the network. Stored in the model. Default 0.
    pub mean: [f32; 3],
    /// Then red, green and blue are divided by it. Stored in the model. Above 0; default 1.
    pub standard_deviation: [f32; 3],
    /// What makes an epoch's model better than the best so far. Unused without a validation set. LENS_SELECT_BY_...;
    /// default LENS_SELECT_BY_ACCURACY.
    pub select_by: lens_select_by,
    /// Learning rate. The schedule varies it. Above 0 and at most 1; default 1e-4.
    pub learning_rate: f64,
    /// Weight of positive samples in the loss. Above 0, or 0 (default): negatives / positives of the training set.
    pub pos_weight: f64,
    /// Probability of mirroring left-right. 0 to 1; default 0.5.
    pub flip_horizontal: f64,
    /// Probability of mirroring up-down. 0 to 1; default 0.5.
    pub flip_vertical: f64,
    /// Rotation by a random angle of up to this many degrees either way; nearest neighbour, corners filled with 0. 0 to
    /// 180; default 10.
    pub rotation_degrees: f64,
    /// Whether samples are drawn with replacement so that both classes come equally often; if not, each sample comes
    /// once per epoch, shuffled. 1: yes, 0: no; default 1.
    pub weighted_sampler: i32,
    /// Probability above which an image is called positive. Stored in the model. 0 to 1; default 0.5.
    pub threshold: f32,
    /// Seed of weights, sampling and augmentation. On CPU the same seed, data, options and number of threads give the
    /// same weights bit for bit (where memory is too short for a whole batch, also the same micro_batch_size). 0
    /// (default): the context's seed.
    pub seed: u64,
    /// How gradients become steps. LENS_OPTIMIZER_...; default LENS_OPTIMIZER_ADAM.
    pub optimizer: lens_optimizer,
    /// Weight decay of the weights of convolutions and head; norms and biases have none. 0 to 1; default 0.
    pub weight_decay: f64,
    /// Momentum of SGD. 0 or more and below 1; default 0.9.
    pub momentum: f64,
    /// How the learning rate goes on after the warm-up. LENS_SCHEDULE_...; default LENS_SCHEDULE_CONSTANT.
    pub schedule: lens_schedule,
    /// Epochs, not necessarily whole, in which the learning rate rises linearly from 0; at most epochs. 0 to 100000;
    /// default 0.
    pub warmup_epochs: f64,
    /// Learning rate at which a cosine ends and below which a plateau does not go; at most learning_rate. 0 to 1;
    /// default 0.
    pub final_learning_rate: f64,
    /// What a plateau multiplies the learning rate by. Above 0 and below 1; default 0.1.
    pub plateau_factor: f64,
    /// Epochs without a lower loss that a plateau waits. At most 100000; default 5.
    pub plateau_patience: u32,
    /// Epochs without a better model after which training ends. Needs a validation set. At most 100000; 0 (default):
    /// training never ends early.
    pub early_stopping_patience: u32,
    /// Gradient clipping: largest L2 norm over all parameters; larger gradients are scaled down to it. Above 0, or 0
    /// (default): no clipping.
    pub clip_norm: f64,
    /// Share of every label that is spread evenly over both classes. 0 or more and below 1; default 0.
    pub label_smoothing: f64,
    /// Decay of a moving average of weights and running statistics, for example 0.999: the average is then what is
    /// validated and returned. In the first steps n it is at most (1 + n) / (10 + n). Above 0 and below 1, or 0
    /// (default): no average.
    pub average_decay: f64,
    /// First epochs in which only the head is trained, on the features of the frozen backbone; at most epochs. The
    /// optimiser starts anew after them. Of use with start weights. At most 100000; default 0.
    pub freeze_epochs: u32,
    /// Most images that go through the network at once: larger batches are made of several such parts, whose gradients
    /// add up, and whose batch statistics are their own. When memory runs out all the same the parts are halved, and
    /// nothing is lost. 2 to 65536, or 0 (default): the whole batch, or as many as fit into the memory that is free or
    /// that memory_cap allows.
    pub micro_batch_size: u32,
    /// How the loss is scaled in half precision. Unused in F32 and BF16. LENS_GRAD_SCALER_...; default
    /// LENS_GRAD_SCALER_AUTO.
    pub grad_scaler: lens_grad_scaler,
    /// Directory (made when missing) of the run. It receives best.safetensors whenever the model gets better,
    /// last.checkpoint (everything that is needed to go on) and curves.png after every epoch, and run.json at the end.
    /// One run at a time; a directory with an unfinished run is refused unless resume is set. NULL (default): nothing
    /// is written.
    pub run_directory: *const c_char,
    /// Whether to go on from the run directory's last.checkpoint when there is one; options and data must be those of
    /// the run (epochs may be more, except with a cosine schedule). The result is, on CPU bit for bit, that of a run
    /// without the interruption, whenever and however it was interrupted. 1: yes, 0: no; default 0.
    pub resume: i32,
    /// Minutes between checkpoints within an epoch; 0: after epochs (and when the call is cancelled) only. 0 to
    /// 1000000; default 10.
    pub checkpoint_minutes: f64,
    /// File with weights to start from: whatever a model can be loaded from, and DenseNet-121 with a head of any number
    /// of outputs, such as torchvision's densenet121-a639ec97.pth; a head that does not have one output is left out,
    /// and a random one takes its place, unless head_positive, head_negative or head_kind says what to make of it. Of a
    /// model file only the weights are taken. NULL (default): random, by torchvision's rule.
    pub start_weights: *const c_char,
    /// The positive class of a head with several outputs: its number from 0, or its name where the program's classes
    /// are known (CheXNet's and torchxrayvision's are). NULL (default): the second of two outputs; in training the head
    /// is left out.
    pub head_positive: *const c_char,
    /// The class that the positive one is set against where a softmax has more than two: the probability is then that
    /// of the positive class given that it is one of these two. Named like head_positive. NULL (default): the other of
    /// two outputs.
    pub head_negative: *const c_char,
    /// What the outputs of a head with several are. LENS_HEAD_KIND_...; default LENS_HEAD_KIND_AUTO.
    pub head_kind: lens_head_kind,
    /// What the network expects of its images' values. In training, mean and standard_deviation win over what is known
    /// of the weights. LENS_NORMALISATION_...; default LENS_NORMALISATION_AUTO.
    pub normalisation: lens_normalisation,
    /// Which stored values become 0 to 1. LENS_DISPLAY_...; default LENS_DISPLAY_VIEWER.
    pub display: lens_display,
    /// Which window or VOI lookup table of a DICOM file is used, from 0, the windows in the file's order and then the
    /// tables; frames without any take 0. Unused with the full range. Default 0.
    pub window: u32,
    /// Whether pictures that say that they lie on their side or are mirrored (tag 274 of TIFF and EXIF) are turned, and
    /// slices of NIfTI files (by sform or qform) as DICOM images of their plane lie. 1: yes, 0: no; default 1.
    pub apply_orientation: i32,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_train_options {
    const NAME: &'static str = "lens_train_options";
    const FIRST_SIZE: usize = offset_of!(Self, optimizer);
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, start_model), size_of::<*const lens_model>()),
        (offset_of!(Self, progress), size_of::<lens_progress_fn>()),
        (offset_of!(Self, progress_user_data), size_of::<*mut c_void>()),
        (offset_of!(Self, cancel), size_of::<*const lens_cancel_token>()),
        (offset_of!(Self, epochs), size_of::<u32>()),
        (offset_of!(Self, batch_size), size_of::<u32>()),
        (offset_of!(Self, image_size), size_of::<u32>()),
        (offset_of!(Self, mean), size_of::<[f32; 3]>()),
        (offset_of!(Self, standard_deviation), size_of::<[f32; 3]>()),
        (offset_of!(Self, select_by), size_of::<lens_select_by>()),
        (offset_of!(Self, learning_rate), size_of::<f64>()),
        (offset_of!(Self, pos_weight), size_of::<f64>()),
        (offset_of!(Self, flip_horizontal), size_of::<f64>()),
        (offset_of!(Self, flip_vertical), size_of::<f64>()),
        (offset_of!(Self, rotation_degrees), size_of::<f64>()),
        (offset_of!(Self, weighted_sampler), size_of::<i32>()),
        (offset_of!(Self, threshold), size_of::<f32>()),
        (offset_of!(Self, seed), size_of::<u64>()),
        (offset_of!(Self, optimizer), size_of::<lens_optimizer>()),
        (offset_of!(Self, weight_decay), size_of::<f64>()),
        (offset_of!(Self, momentum), size_of::<f64>()),
        (offset_of!(Self, schedule), size_of::<lens_schedule>()),
        (offset_of!(Self, warmup_epochs), size_of::<f64>()),
        (offset_of!(Self, final_learning_rate), size_of::<f64>()),
        (offset_of!(Self, plateau_factor), size_of::<f64>()),
        (offset_of!(Self, plateau_patience), size_of::<u32>()),
        (offset_of!(Self, early_stopping_patience), size_of::<u32>()),
        (offset_of!(Self, clip_norm), size_of::<f64>()),
        (offset_of!(Self, label_smoothing), size_of::<f64>()),
        (offset_of!(Self, average_decay), size_of::<f64>()),
        (offset_of!(Self, freeze_epochs), size_of::<u32>()),
        (offset_of!(Self, micro_batch_size), size_of::<u32>()),
        (offset_of!(Self, grad_scaler), size_of::<lens_grad_scaler>()),
        (offset_of!(Self, run_directory), size_of::<*const c_char>()),
        (offset_of!(Self, resume), size_of::<i32>()),
        (offset_of!(Self, checkpoint_minutes), size_of::<f64>()),
        (offset_of!(Self, start_weights), size_of::<*const c_char>()),
        (offset_of!(Self, head_positive), size_of::<*const c_char>()),
        (offset_of!(Self, head_negative), size_of::<*const c_char>()),
        (offset_of!(Self, head_kind), size_of::<lens_head_kind>()),
        (offset_of!(Self, normalisation), size_of::<lens_normalisation>()),
        (offset_of!(Self, display), size_of::<lens_display>()),
        (offset_of!(Self, window), size_of::<u32>()),
        (offset_of!(Self, apply_orientation), size_of::<i32>()),
    ];
    fn defaults() -> Self {
        lens_train_options {
            struct_size: size_of::<Self>(),
            start_model: ptr::null(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            epochs: 20,
            batch_size: 128,
            image_size: 128,
            mean: [0.0, 0.0, 0.0],
            standard_deviation: [1.0, 1.0, 1.0],
            select_by: LENS_SELECT_BY_ACCURACY,
            learning_rate: 0.0001,
            pos_weight: 0.0,
            flip_horizontal: 0.5,
            flip_vertical: 0.5,
            rotation_degrees: 10.0,
            weighted_sampler: 1,
            threshold: 0.5,
            seed: 0,
            optimizer: LENS_OPTIMIZER_ADAM,
            weight_decay: 0.0,
            momentum: 0.9,
            schedule: LENS_SCHEDULE_CONSTANT,
            warmup_epochs: 0.0,
            final_learning_rate: 0.0,
            plateau_factor: 0.1,
            plateau_patience: 5,
            early_stopping_patience: 0,
            clip_norm: 0.0,
            label_smoothing: 0.0,
            average_decay: 0.0,
            freeze_epochs: 0,
            micro_batch_size: 0,
            grad_scaler: LENS_GRAD_SCALER_AUTO,
            run_directory: ptr::null(),
            resume: 0,
            checkpoint_minutes: 10.0,
            start_weights: ptr::null(),
            head_positive: ptr::null(),
            head_negative: ptr::null(),
            head_kind: LENS_HEAD_KIND_AUTO,
            normalisation: LENS_NORMALISATION_AUTO,
            display: LENS_DISPLAY_VIEWER,
            window: 0,
            apply_orientation: 1,
        }
    }
}

impl lens_train_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_tasks::train::TrainOptions> {
        let mut options = lens_tasks::train::TrainOptions::default();
        options.set("epochs", Raw("epochs").integer(self.epochs)?)?;
        options.set("batch_size", Raw("batch_size").integer(self.batch_size)?)?;
        options.set("image_size", Raw("image_size").integer(self.image_size)?)?;
        options.set("mean", Raw("mean").rgb(self.mean)?)?;
        options.set("standard_deviation", Raw("standard_deviation").rgb(self.standard_deviation)?)?;
        options.set("select_by", Raw("select_by").choice(self.select_by)?)?;
        options.set("learning_rate", Raw("learning_rate").float(self.learning_rate)?)?;
        options.set("pos_weight", Raw("pos_weight").float(self.pos_weight)?)?;
        options.set("flip_horizontal", Raw("flip_horizontal").float(self.flip_horizontal)?)?;
        options.set("flip_vertical", Raw("flip_vertical").float(self.flip_vertical)?)?;
        options.set("rotation_degrees", Raw("rotation_degrees").float(self.rotation_degrees)?)?;
        options.set("weighted_sampler", Raw("weighted_sampler").flag(self.weighted_sampler)?)?;
        options.set("threshold", Raw("threshold").float(self.threshold)?)?;
        options.set("seed", Raw("seed").integer(self.seed)?)?;
        options.set("optimizer", Raw("optimizer").choice(self.optimizer)?)?;
        options.set("weight_decay", Raw("weight_decay").float(self.weight_decay)?)?;
        options.set("momentum", Raw("momentum").float(self.momentum)?)?;
        options.set("schedule", Raw("schedule").choice(self.schedule)?)?;
        options.set("warmup_epochs", Raw("warmup_epochs").float(self.warmup_epochs)?)?;
        options.set("final_learning_rate", Raw("final_learning_rate").float(self.final_learning_rate)?)?;
        options.set("plateau_factor", Raw("plateau_factor").float(self.plateau_factor)?)?;
        options.set("plateau_patience", Raw("plateau_patience").integer(self.plateau_patience)?)?;
        options
            .set("early_stopping_patience", Raw("early_stopping_patience").integer(self.early_stopping_patience)?)?;
        options.set("clip_norm", Raw("clip_norm").float(self.clip_norm)?)?;
        options.set("label_smoothing", Raw("label_smoothing").float(self.label_smoothing)?)?;
        options.set("average_decay", Raw("average_decay").float(self.average_decay)?)?;
        options.set("freeze_epochs", Raw("freeze_epochs").integer(self.freeze_epochs)?)?;
        options.set("micro_batch_size", Raw("micro_batch_size").integer(self.micro_batch_size)?)?;
        options.set("grad_scaler", Raw("grad_scaler").choice(self.grad_scaler)?)?;
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("run_directory", self.run_directory) }? {
            options.set("run_directory", Value::Text(Some(text.into())))?;
        }
        options.set("resume", Raw("resume").flag(self.resume)?)?;
        options.set("checkpoint_minutes", Raw("checkpoint_minutes").float(self.checkpoint_minutes)?)?;
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("start_weights", self.start_weights) }? {
            options.set("start_weights", Value::Text(Some(text.into())))?;
        }
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("head_positive", self.head_positive) }? {
            options.set("head_positive", Value::Text(Some(text.into())))?;
        }
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("head_negative", self.head_negative) }? {
            options.set("head_negative", Value::Text(Some(text.into())))?;
        }
        options.set("head_kind", Raw("head_kind").choice(self.head_kind)?)?;
        options.set("normalisation", Raw("normalisation").choice(self.normalisation)?)?;
        options.set("display", Raw("display").choice(self.display)?)?;
        options.set("window", Raw("window").integer(self.window)?)?;
        options.set("apply_orientation", Raw("apply_orientation").flag(self.apply_orientation)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_train_options_init(options: *mut lens_train_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_model_import(). Fill with lens_import_options_init(), then change what you need.
///
/// How weights of other programs become a model.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_import_options {
    /// sizeof(lens_import_options); set by lens_import_options_init().
    pub struct_size: usize,
    /// The positive class of a head with several outputs: its number from 0, or its name where the program's classes
    /// are known (CheXNet's and torchxrayvision's are). NULL (default): the second of two outputs; in training the head
    /// is left out.
    pub head_positive: *const c_char,
    /// The class that the positive one is set against where a softmax has more than two: the probability is then that
    /// of the positive class given that it is one of these two. Named like head_positive. NULL (default): the other of
    /// two outputs.
    pub head_negative: *const c_char,
    /// What the outputs of a head with several are. LENS_HEAD_KIND_...; default LENS_HEAD_KIND_AUTO.
    pub head_kind: lens_head_kind,
    /// What the network expects of its images' values. In training, mean and standard_deviation win over what is known
    /// of the weights. LENS_NORMALISATION_...; default LENS_NORMALISATION_AUTO.
    pub normalisation: lens_normalisation,
    /// Images are resized to this many pixels in width and height before the network. 32 to 4096, or 0 (default): 224
    /// for weights of CheXNet and torchxrayvision, 128 for others.
    pub image_size: u32,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_import_options {
    const NAME: &'static str = "lens_import_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, head_positive), size_of::<*const c_char>()),
        (offset_of!(Self, head_negative), size_of::<*const c_char>()),
        (offset_of!(Self, head_kind), size_of::<lens_head_kind>()),
        (offset_of!(Self, normalisation), size_of::<lens_normalisation>()),
        (offset_of!(Self, image_size), size_of::<u32>()),
    ];
    fn defaults() -> Self {
        lens_import_options {
            struct_size: size_of::<Self>(),
            head_positive: ptr::null(),
            head_negative: ptr::null(),
            head_kind: LENS_HEAD_KIND_AUTO,
            normalisation: LENS_NORMALISATION_AUTO,
            image_size: 0,
        }
    }
}

impl lens_import_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<::lens_model::weights::ImportOptions> {
        let mut options = ::lens_model::weights::ImportOptions::default();
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("head_positive", self.head_positive) }? {
            options.set("head_positive", Value::Text(Some(text.into())))?;
        }
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("head_negative", self.head_negative) }? {
            options.set("head_negative", Value::Text(Some(text.into())))?;
        }
        options.set("head_kind", Raw("head_kind").choice(self.head_kind)?)?;
        options.set("normalisation", Raw("normalisation").choice(self.normalisation)?)?;
        options.set("image_size", Raw("image_size").integer(self.image_size)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_import_options_init(options: *mut lens_import_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_model_calibrate(). Fill with lens_calibrate_options_init(), then change what you need.
///
/// How to calibrate.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_calibrate_options {
    /// sizeof(lens_calibrate_options); set by lens_calibrate_options_init().
    pub struct_size: usize,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// Whether to fit the temperature. 1: yes, 0: no; default 1.
    pub fit_temperature: i32,
    /// How the threshold is chosen. LENS_OPERATING_POINT_...; default LENS_OPERATING_POINT_KEEP.
    pub operating_point: lens_operating_point,
    /// The sensitivity that the threshold has at least, where it is chosen for one. Above 0 and at most 1; default
    /// 0.95.
    pub target_sensitivity: f64,
    /// Images that go through the network at once. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as
    /// many as have 4 million pixels.
    pub batch_limit: u32,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_calibrate_options {
    const NAME: &'static str = "lens_calibrate_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, progress), size_of::<lens_progress_fn>()),
        (offset_of!(Self, progress_user_data), size_of::<*mut c_void>()),
        (offset_of!(Self, cancel), size_of::<*const lens_cancel_token>()),
        (offset_of!(Self, fit_temperature), size_of::<i32>()),
        (offset_of!(Self, operating_point), size_of::<lens_operating_point>()),
        (offset_of!(Self, target_sensitivity), size_of::<f64>()),
        (offset_of!(Self, batch_limit), size_of::<u32>()),
    ];
    fn defaults() -> Self {
        lens_calibrate_options {
            struct_size: size_of::<Self>(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            fit_temperature: 1,
            operating_point: LENS_OPERATING_POINT_KEEP,
            target_sensitivity: 0.95,
            batch_limit: 0,
        }
    }
}

impl lens_calibrate_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_tasks::evaluate::CalibrateOptions> {
        let mut options = lens_tasks::evaluate::CalibrateOptions::default();
        options.set("fit_temperature", Raw("fit_temperature").flag(self.fit_temperature)?)?;
        options.set("operating_point", Raw("operating_point").choice(self.operating_point)?)?;
        options.set("target_sensitivity", Raw("target_sensitivity").float(self.target_sensitivity)?)?;
        options.set("batch_limit", Raw("batch_limit").integer(self.batch_limit)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_calibrate_options_init(options: *mut lens_calibrate_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_model_optimize(). Fill with lens_optimize_options_init(), then change what you need.
///
/// What to write as an optimised variant.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_optimize_options {
    /// sizeof(lens_optimize_options); set by lens_optimize_options_init().
    pub struct_size: usize,
    /// LENS_OPTIMIZED_VARIANT_INT8: images like those to be classified, a few hundred of both classes; labels do not
    /// matter. Default NULL, as all other variants want it.
    pub calibration: *const lens_dataset,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// Which variant is written. LENS_OPTIMIZED_VARIANT_...; default LENS_OPTIMIZED_VARIANT_AUTO.
    pub variant: lens_optimized_variant,
    /// Images that go through the network at once in calibration for 8-bit convolutions. At most 65536; 0 (default):
    /// automatic, 32 on the CPU, and on GPUs as many as have 4 million pixels.
    pub batch_limit: u32,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_optimize_options {
    const NAME: &'static str = "lens_optimize_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, calibration), size_of::<*const lens_dataset>()),
        (offset_of!(Self, progress), size_of::<lens_progress_fn>()),
        (offset_of!(Self, progress_user_data), size_of::<*mut c_void>()),
        (offset_of!(Self, cancel), size_of::<*const lens_cancel_token>()),
        (offset_of!(Self, variant), size_of::<lens_optimized_variant>()),
        (offset_of!(Self, batch_limit), size_of::<u32>()),
    ];
    fn defaults() -> Self {
        lens_optimize_options {
            struct_size: size_of::<Self>(),
            calibration: ptr::null(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            variant: LENS_OPTIMIZED_VARIANT_AUTO,
            batch_limit: 0,
        }
    }
}

impl lens_optimize_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_tasks::evaluate::OptimizeOptions> {
        let mut options = lens_tasks::evaluate::OptimizeOptions::default();
        options.set("variant", Raw("variant").choice(self.variant)?)?;
        options.set("batch_limit", Raw("batch_limit").integer(self.batch_limit)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_optimize_options_init(options: *mut lens_optimize_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_classify(). Fill with lens_classify_options_init(), then change what you need.
///
/// How to classify.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_classify_options {
    /// sizeof(lens_classify_options); set by lens_classify_options_init().
    pub struct_size: usize,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
    pub threshold: f32,
    /// Images that go through the network at once. With the library's own engine results do not depend on it; with
    /// libtorch beyond rounding. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as many as have 4
    /// million pixels.
    pub batch_limit: u32,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_classify_options {
    const NAME: &'static str = "lens_classify_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, progress), size_of::<lens_progress_fn>()),
        (offset_of!(Self, progress_user_data), size_of::<*mut c_void>()),
        (offset_of!(Self, cancel), size_of::<*const lens_cancel_token>()),
        (offset_of!(Self, threshold), size_of::<f32>()),
        (offset_of!(Self, batch_limit), size_of::<u32>()),
    ];
    fn defaults() -> Self {
        lens_classify_options {
            struct_size: size_of::<Self>(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            threshold: -1.0,
            batch_limit: 0,
        }
    }
}

impl lens_classify_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_tasks::classify::ClassifyOptions> {
        let mut options = lens_tasks::classify::ClassifyOptions::default();
        options.set("threshold", Raw("threshold").float(self.threshold)?)?;
        options.set("batch_limit", Raw("batch_limit").integer(self.batch_limit)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_classify_options_init(options: *mut lens_classify_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_heatmap_compute(). Fill with lens_heatmap_options_init(), then change what you need.
///
/// How to draw heatmaps. The defaults are the reference pipeline's tiles, on the image as it is, with every pixel
/// covered; the reference pipeline itself is resize_width = resize_height = 128, edge = reference, all else default.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_heatmap_options {
    /// sizeof(lens_heatmap_options); set by lens_heatmap_options_init().
    pub struct_size: usize,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// How a heatmap is made. LENS_HEATMAP_METHOD_...; default LENS_HEATMAP_METHOD_TILES.
    pub method: lens_heatmap_method,
    /// Width and height of a tile in pixels of the resampled image. Tiles go into the network at this size, whatever
    /// size it was trained at. 32 to 4096; default 64.
    pub tile_size: u32,
    /// Distance of tiles in pixels of the resampled image, at most tile_size. At most 4096; 0 (default): three quarters
    /// of tile_size.
    pub stride: u32,
    /// Where the last tiles go when the stride does not end at the border. LENS_EDGE_...; default LENS_EDGE_COVER.
    pub edge: lens_edge,
    /// How overlapping tiles are weighted where they meet. LENS_BLEND_...; default LENS_BLEND_MEAN.
    pub blend: lens_blend,
    /// The image is resampled by this factor before tiling. The heatmap has the image's own size all the same. Above 0
    /// and at most 16; default 1.
    pub scale: f64,
    /// Instead of scale: the image is resized to this width before tiling. Give both width and height, and leave scale
    /// at 1. At most 65536; 0 (default): by scale.
    pub resize_width: u32,
    /// The height that belongs to resize_width. At most 65536; 0 (default): by scale.
    pub resize_height: u32,
    /// Tiles that go through the network at once; those of different images share a batch. It bounds the memory that
    /// the call needs beside the heatmaps. For occlusion a batch holds as many whole images as fit into the pixels of
    /// so many tiles, at least one; CAM and Grad-CAM++ take one image at a time. At most 65536; 0 (default): automatic,
    /// 64 on the CPU, and on GPUs as many as have 4 million pixels (1024 of 64 x 64).
    pub batch_limit: u32,
    /// Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
    pub threshold: f32,
    /// What the heatmap has a value for. LENS_HEATMAP_RESOLUTION_...; default LENS_HEATMAP_RESOLUTION_IMAGE.
    pub resolution: lens_heatmap_resolution,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_heatmap_options {
    const NAME: &'static str = "lens_heatmap_options";
    const FIRST_SIZE: usize = offset_of!(Self, resolution);
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, progress), size_of::<lens_progress_fn>()),
        (offset_of!(Self, progress_user_data), size_of::<*mut c_void>()),
        (offset_of!(Self, cancel), size_of::<*const lens_cancel_token>()),
        (offset_of!(Self, method), size_of::<lens_heatmap_method>()),
        (offset_of!(Self, tile_size), size_of::<u32>()),
        (offset_of!(Self, stride), size_of::<u32>()),
        (offset_of!(Self, edge), size_of::<lens_edge>()),
        (offset_of!(Self, blend), size_of::<lens_blend>()),
        (offset_of!(Self, scale), size_of::<f64>()),
        (offset_of!(Self, resize_width), size_of::<u32>()),
        (offset_of!(Self, resize_height), size_of::<u32>()),
        (offset_of!(Self, batch_limit), size_of::<u32>()),
        (offset_of!(Self, threshold), size_of::<f32>()),
        (offset_of!(Self, resolution), size_of::<lens_heatmap_resolution>()),
    ];
    fn defaults() -> Self {
        lens_heatmap_options {
            struct_size: size_of::<Self>(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            method: LENS_HEATMAP_METHOD_TILES,
            tile_size: 64,
            stride: 0,
            edge: LENS_EDGE_COVER,
            blend: LENS_BLEND_MEAN,
            scale: 1.0,
            resize_width: 0,
            resize_height: 0,
            batch_limit: 0,
            threshold: -1.0,
            resolution: LENS_HEATMAP_RESOLUTION_IMAGE,
        }
    }
}

impl lens_heatmap_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_tasks::heatmap::HeatmapOptions> {
        let mut options = lens_tasks::heatmap::HeatmapOptions::default();
        options.set("method", Raw("method").choice(self.method)?)?;
        options.set("tile_size", Raw("tile_size").integer(self.tile_size)?)?;
        options.set("stride", Raw("stride").integer(self.stride)?)?;
        options.set("edge", Raw("edge").choice(self.edge)?)?;
        options.set("blend", Raw("blend").choice(self.blend)?)?;
        options.set("scale", Raw("scale").float(self.scale)?)?;
        options.set("resize_width", Raw("resize_width").integer(self.resize_width)?)?;
        options.set("resize_height", Raw("resize_height").integer(self.resize_height)?)?;
        options.set("batch_limit", Raw("batch_limit").integer(self.batch_limit)?)?;
        options.set("threshold", Raw("threshold").float(self.threshold)?)?;
        options.set("resolution", Raw("resolution").choice(self.resolution)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_heatmap_options_init(options: *mut lens_heatmap_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_heatmap_overlay(). Fill with lens_overlay_options_init(), then change what you need.
///
/// How to draw an overlay. The defaults are the reference pipeline's.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_overlay_options {
    /// sizeof(lens_overlay_options); set by lens_overlay_options_init().
    pub struct_size: usize,
    /// Colours of the overlay. LENS_COLORMAP_...; default LENS_COLORMAP_INFERNO.
    pub colormap: lens_colormap,
    /// Which values get the lowest and the highest colour. LENS_OVERLAY_SCALE_...; default LENS_OVERLAY_SCALE_MINMAX.
    pub scale: lens_overlay_scale,
    /// Opacity of the colours: 0 shows the image only, 1 the colours only. 0 to 1; default 0.5.
    pub alpha: f32,
    /// Whether a bar of the colours is drawn inside the image at the right edge, half as high as it, with the values of
    /// the lowest and the highest colour; without them where the image's shorter side is under 96 pixels. 1: yes, 0:
    /// no; default 0.
    pub color_bar: i32,
    /// How many of the hottest tiles are outlined; all when there are no more. Default 0.
    pub outline_tiles: u32,
    /// Values of the heatmap (0 to 1, whatever the scale) below this are not coloured: the image alone is seen there. 0
    /// colours everything. 0 to 1; default 0.
    pub hide_below: f32,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_overlay_options {
    const NAME: &'static str = "lens_overlay_options";
    const FIRST_SIZE: usize = offset_of!(Self, color_bar);
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, colormap), size_of::<lens_colormap>()),
        (offset_of!(Self, scale), size_of::<lens_overlay_scale>()),
        (offset_of!(Self, alpha), size_of::<f32>()),
        (offset_of!(Self, color_bar), size_of::<i32>()),
        (offset_of!(Self, outline_tiles), size_of::<u32>()),
        (offset_of!(Self, hide_below), size_of::<f32>()),
    ];
    fn defaults() -> Self {
        lens_overlay_options {
            struct_size: size_of::<Self>(),
            colormap: LENS_COLORMAP_INFERNO,
            scale: LENS_OVERLAY_SCALE_MINMAX,
            alpha: 0.5,
            color_bar: 0,
            outline_tiles: 0,
            hide_below: 0.0,
        }
    }
}

impl lens_overlay_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_tasks::heatmap::OverlayOptions> {
        let mut options = lens_tasks::heatmap::OverlayOptions::default();
        options.set("colormap", Raw("colormap").choice(self.colormap)?)?;
        options.set("scale", Raw("scale").choice(self.scale)?)?;
        options.set("alpha", Raw("alpha").float(self.alpha)?)?;
        options.set("color_bar", Raw("color_bar").flag(self.color_bar)?)?;
        options.set("outline_tiles", Raw("outline_tiles").integer(self.outline_tiles)?)?;
        options.set("hide_below", Raw("hide_below").float(self.hide_below)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_overlay_options_init(options: *mut lens_overlay_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_evaluate(). Fill with lens_evaluate_options_init(), then change what you need.
///
/// How to evaluate.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_evaluate_options {
    /// sizeof(lens_evaluate_options); set by lens_evaluate_options_init().
    pub struct_size: usize,
    /// How heatmaps are drawn; its threshold, progress and cancel are not used, its resolution must be
    /// LENS_HEATMAP_RESOLUTION_IMAGE. Default NULL: with by_heatmap lens_heatmap_compute()'s defaults, otherwise class
    /// activation maps at the model's size, whose mean is the call's logit.
    pub heatmap: *const lens_heatmap_options,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// Probability above which an image is called positive. 0 to 1, or -1 (default): the model's own.
    pub threshold: f32,
    /// Images that go through the network at once. At most 65536; 0 (default): automatic, 32 on the CPU, and on GPUs as
    /// many as have 4 million pixels.
    pub batch_limit: u32,
    /// Directory (made when missing) that receives the report's files. NULL (default): nothing is written.
    pub output_dir: *const c_char,
    /// Whether images are called by the mean of their heatmap's tiles, as in the reference pipeline, and not whole, at
    /// the model's size. An image's confidence is the mean of its heatmap, or its probability. 1: yes, 0: no; default
    /// 0.
    pub by_heatmap: i32,
    /// Whether flagged images' heatmaps are written into flagged_raw/, as .npy (32-bit floats) and as 16-bit PNG. 1:
    /// yes, 0: no; default 1.
    pub save_heatmap_raw: i32,
    /// Whether flagged images' heatmaps are written over their images into flagged_overlays/. 1: yes, 0: no; default 1.
    pub save_heatmap_overlay: i32,
    /// What makes an image flagged, that is, one whose heatmap is written. LENS_FLAG_CRITERION_...; default
    /// LENS_FLAG_CRITERION_EITHER.
    pub flag_criterion: lens_flag_criterion,
    /// Confidence from which on an image is flagged. 0 to 1; default 0.5.
    pub flag_confidence: f32,
    /// Share of flagged ones among the 12 images of sample_results.png. 0 to 1; default 0.75.
    pub sample_flagged_ratio: f64,
    /// The sensitivity that the operating point "sensitivity" has at least. Above 0 and at most 1; default 0.95.
    pub target_sensitivity: f64,
    /// Resampled data sets for the confidence intervals that have no formula. 100 to 1000000, or 0: no such intervals;
    /// default 2000.
    pub bootstrap_samples: u32,
    /// Seed of the resampling. 0 (default): the context's seed.
    pub seed: u64,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_evaluate_options {
    const NAME: &'static str = "lens_evaluate_options";
    const FIRST_SIZE: usize = offset_of!(Self, by_heatmap);
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, heatmap), size_of::<*const lens_heatmap_options>()),
        (offset_of!(Self, progress), size_of::<lens_progress_fn>()),
        (offset_of!(Self, progress_user_data), size_of::<*mut c_void>()),
        (offset_of!(Self, cancel), size_of::<*const lens_cancel_token>()),
        (offset_of!(Self, threshold), size_of::<f32>()),
        (offset_of!(Self, batch_limit), size_of::<u32>()),
        (offset_of!(Self, output_dir), size_of::<*const c_char>()),
        (offset_of!(Self, by_heatmap), size_of::<i32>()),
        (offset_of!(Self, save_heatmap_raw), size_of::<i32>()),
        (offset_of!(Self, save_heatmap_overlay), size_of::<i32>()),
        (offset_of!(Self, flag_criterion), size_of::<lens_flag_criterion>()),
        (offset_of!(Self, flag_confidence), size_of::<f32>()),
        (offset_of!(Self, sample_flagged_ratio), size_of::<f64>()),
        (offset_of!(Self, target_sensitivity), size_of::<f64>()),
        (offset_of!(Self, bootstrap_samples), size_of::<u32>()),
        (offset_of!(Self, seed), size_of::<u64>()),
    ];
    fn defaults() -> Self {
        lens_evaluate_options {
            struct_size: size_of::<Self>(),
            heatmap: ptr::null(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            threshold: -1.0,
            batch_limit: 0,
            output_dir: ptr::null(),
            by_heatmap: 0,
            save_heatmap_raw: 1,
            save_heatmap_overlay: 1,
            flag_criterion: LENS_FLAG_CRITERION_EITHER,
            flag_confidence: 0.5,
            sample_flagged_ratio: 0.75,
            target_sensitivity: 0.95,
            bootstrap_samples: 2000,
            seed: 0,
        }
    }
}

impl lens_evaluate_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_tasks::evaluate::EvaluateOptions> {
        let mut options = lens_tasks::evaluate::EvaluateOptions::default();
        options.set("threshold", Raw("threshold").float(self.threshold)?)?;
        options.set("batch_limit", Raw("batch_limit").integer(self.batch_limit)?)?;
        // SAFETY: NULL or a C string by contract.
        if let Some(text) = unsafe { optional_text("output_dir", self.output_dir) }? {
            options.set("output_dir", Value::Text(Some(text.into())))?;
        }
        options.set("by_heatmap", Raw("by_heatmap").flag(self.by_heatmap)?)?;
        options.set("save_heatmap_raw", Raw("save_heatmap_raw").flag(self.save_heatmap_raw)?)?;
        options.set("save_heatmap_overlay", Raw("save_heatmap_overlay").flag(self.save_heatmap_overlay)?)?;
        options.set("flag_criterion", Raw("flag_criterion").choice(self.flag_criterion)?)?;
        options.set("flag_confidence", Raw("flag_confidence").float(self.flag_confidence)?)?;
        options.set("sample_flagged_ratio", Raw("sample_flagged_ratio").float(self.sample_flagged_ratio)?)?;
        options.set("target_sensitivity", Raw("target_sensitivity").float(self.target_sensitivity)?)?;
        options.set("bootstrap_samples", Raw("bootstrap_samples").integer(self.bootstrap_samples)?)?;
        options.set("seed", Raw("seed").integer(self.seed)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_evaluate_options_init(options: *mut lens_evaluate_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Options of lens_localize(). Fill with lens_localize_options_init(), then change what you need.
///
/// How to compare heatmaps with boxes.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_localize_options {
    /// sizeof(lens_localize_options); set by lens_localize_options_init().
    pub struct_size: usize,
    /// How heatmaps are drawn; its threshold, progress and cancel are not used, its resolution must be
    /// LENS_HEATMAP_RESOLUTION_IMAGE. Default NULL: lens_heatmap_compute()'s defaults.
    pub heatmap: *const lens_heatmap_options,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
    /// How far from a box the hottest point may be and still be a hit, in pixels of the image. 0 to 65536, or -1
    /// (default): half a tile.
    pub tolerance: f64,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and optional function pointers only.
unsafe impl StructOptions for lens_localize_options {
    const NAME: &'static str = "lens_localize_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    const FIELDS: &'static [(usize, usize)] = &[
        (0, size_of::<usize>()),
        (offset_of!(Self, heatmap), size_of::<*const lens_heatmap_options>()),
        (offset_of!(Self, progress), size_of::<lens_progress_fn>()),
        (offset_of!(Self, progress_user_data), size_of::<*mut c_void>()),
        (offset_of!(Self, cancel), size_of::<*const lens_cancel_token>()),
        (offset_of!(Self, tolerance), size_of::<f64>()),
    ];
    fn defaults() -> Self {
        lens_localize_options {
            struct_size: size_of::<Self>(),
            heatmap: ptr::null(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
            tolerance: -1.0,
        }
    }
}

impl lens_localize_options {
    /// The same for the library.
    ///
    /// # Safety
    /// Its strings are NULL or C strings.
    pub(super) unsafe fn to_library(self) -> Result<lens_tasks::evaluate::LocalizeOptions> {
        let mut options = lens_tasks::evaluate::LocalizeOptions::default();
        options.set("tolerance", Raw("tolerance").float(self.tolerance)?)?;
        Ok(options)
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_localize_options_init(options: *mut lens_localize_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}
