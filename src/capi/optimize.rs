//! `lens_model_optimize`.

use super::arguments::{choice, required, text};
use super::cancel::lens_cancel_token;
use super::dataset::lens_dataset;
use super::guard::guard;
use super::model::lens_model;
use super::options::{self, Options};
use super::progress::{control, lens_progress_fn};
use super::status::lens_status;
use lens_base::Error;
use lens_runtime::Variant;
use lens_tasks::classify::AUTOMATIC;
use lens_tasks::evaluate::quantize;
use std::ffi::{c_char, c_void};
use std::path::Path;
use std::ptr;
use std::sync::Arc;

/// What lens_model_optimize() writes.
pub type lens_optimized_variant = i32;
/// What the reference pipeline writes on such a machine: LENS_OPTIMIZED_STATE_DICT where the context computes on an AMD
/// GPU, else LENS_OPTIMIZED_INT8_HEAD.
pub const LENS_OPTIMIZED_AUTO: lens_optimized_variant = 0;
/// TorchScript whose last layer multiplies 8-bit integers: weights rounded to steps of their largest magnitude / 127.5, as
/// PyTorch's quantize_dynamic() rounds them, and features to 7 bits, with the range that a batch has. So a logit depends a
/// little on the batch that its image is in. The network before it stays as it is.
pub const LENS_OPTIMIZED_INT8_HEAD: lens_optimized_variant = 1;
/// What PyTorch's torch.save() writes of the state dict of torchvision's DenseNet-121 with one output.
pub const LENS_OPTIMIZED_STATE_DICT: lens_optimized_variant = 2;
/// A model of this library (safetensors) that contexts with LENS_PRECISION_INT8 classify with 8-bit convolutions: the
/// same weights, and how large activations become on the images of lens_optimize_options.calibration.
pub const LENS_OPTIMIZED_INT8: lens_optimized_variant = 3;

/// Options of lens_model_optimize(). Fill with lens_optimize_options_init(), then change what you need.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct lens_optimize_options {
    /// sizeof(lens_optimize_options); set by lens_optimize_options_init().
    pub struct_size: usize,
    /// LENS_OPTIMIZED_...; default LENS_OPTIMIZED_AUTO.
    pub variant: lens_optimized_variant,
    /// LENS_OPTIMIZED_INT8: images that go through the network at once, up to 65536; default 0: automatic, 32 on the CPU, and
    /// on GPUs as many as have 4 million pixels.
    pub batch_limit: u32,
    /// LENS_OPTIMIZED_INT8: images like those to be classified, a few hundred of both classes; labels do not matter.
    /// Default NULL, as all other variants want it.
    pub calibration: *const lens_dataset,
    /// Called about once a batch; default NULL.
    pub progress: lens_progress_fn,
    /// Handed to progress.
    pub progress_user_data: *mut c_void,
    /// Stops the call when triggered; default NULL.
    pub cancel: *const lens_cancel_token,
}

// SAFETY: repr(C), struct_size first, numbers, raw pointers and an optional function pointer only.
unsafe impl Options for lens_optimize_options {
    const NAME: &'static str = "lens_optimize_options";
    const FIRST_SIZE: usize = size_of::<Self>();
    fn defaults() -> Self {
        lens_optimize_options {
            struct_size: size_of::<Self>(),
            variant: LENS_OPTIMIZED_AUTO,
            batch_limit: AUTOMATIC,
            calibration: ptr::null(),
            progress: None,
            progress_user_data: ptr::null_mut(),
            cancel: ptr::null(),
        }
    }
}

/// Fills the options with their defaults; NULL is a no-op.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_optimize_options_init(options: *mut lens_optimize_options) {
    // SAFETY: NULL or writable by contract.
    unsafe { options::init(options) }
}

/// Writes an optimised variant of a model, which lens_model_load() reads: LENS_OPTIMIZED_INT8 for this library, or what
/// the reference pipeline calls optimised, for programs that load it with PyTorch or libtorch. Of the latter,
/// preprocessing, temperature, threshold and training record lie in the archive's entry extra/lesionlens.json.
///
/// This library's own speed needs neither of the reference's: on a CPU a model of any file is compiled when it is loaded
/// (LENS_ENGINE_PLAN), which is faster; for NVIDIA see the command lesionlens-export.
///
/// @param path UTF-8; an existing file is replaced, atomically.
/// @param options NULL for all defaults.
/// @return LENS_ERROR_DATA when no image for calibration can be read; LENS_CANCELLED, with nothing written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_optimize(
    model: *const lens_model,
    path: *const c_char,
    options: *const lens_optimize_options,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live handle by contract.
        let model = Arc::clone(&unsafe { required("model", model) }?.0);
        // SAFETY: NULL or a C string by contract.
        let path = unsafe { text("path", path) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        let variant = choice(
            "variant",
            options.variant,
            &[
                (LENS_OPTIMIZED_AUTO, "LENS_OPTIMIZED_AUTO", None),
                (LENS_OPTIMIZED_INT8_HEAD, "LENS_OPTIMIZED_INT8_HEAD", Some(Variant::Int8Head)),
                (LENS_OPTIMIZED_STATE_DICT, "LENS_OPTIMIZED_STATE_DICT", Some(Variant::StateDict)),
                (LENS_OPTIMIZED_INT8, "LENS_OPTIMIZED_INT8", Some(Variant::Int8)),
            ],
        )?;
        if variant == Some(Variant::Int8) {
            // SAFETY: NULL or a live handle by contract.
            let images = unsafe { required("calibration", options.calibration) }?.snapshot();
            // SAFETY: token and callback are as their contracts say for the time of the call.
            let mut control = unsafe { control(options.progress, options.progress_user_data, options.cancel) };
            return quantize(&model, &images, options.batch_limit, &mut control)?.optimize(variant, Path::new(path));
        }
        if !options.calibration.is_null() {
            return Err(Error::argument("calibration is not NULL, but variant is not LENS_OPTIMIZED_INT8"));
        }
        model.optimize(variant, Path::new(path))
    })
}
