//! `lens_model`.

use super::arguments::{choice, out, required, text};
use super::context::lens_context;
use super::generated::{lens_import_options, lens_model_format, lens_read_options};
use super::guard::{guard, release};
use super::options::{self, StructOptions};
use super::status::lens_status;
use super::text::to_host;
use lens_base::options::Choice;
use lens_runtime::Classifier;
use std::ffi::c_char;
use std::path::Path;
use std::ptr;
use std::sync::Arc;

/// A trained classifier with its preprocessing, threshold and training record. Immutable, so thread-safe: any number of
/// threads may classify with it at once, also in the child of a fork(), where it gives the same bits. Keeps its context alive.
pub struct lens_model(pub(super) Arc<Classifier>);

impl lens_model {
    pub(super) fn to_host(model: Classifier) -> *mut lens_model {
        Box::into_raw(Box::new(lens_model(Arc::new(model))))
    }
}

/// Loads a model.
///
/// Reads .safetensors files written by lens_model_save(), and others that hold a DenseNet-121: .safetensors, and what
/// torch.save() wrote of a state dict, alone or in a checkpoint, as zip or legacy pickle. The format is told by content. A
/// pickle runs nothing: what asks for anything but tensors is refused by name. What lens_model_import() says of weights of
/// other programs holds, with all defaults.
///
/// Two kinds of files bring the network compiled and need liblesionlens_torch.so, and lens_init_options.compiled_graph says
/// whether that computes the logits; heatmaps of activations and everything else come from the weights, which both kinds
/// have, too:
/// - TorchScript (torch.jit.save, not frozen) with torchvision's parameter names, or as lens_model_optimize() and the
///   reference pipeline write it, with a last layer of 8-bit integers;
/// - AOTInductor packages (.pt2) made by the command lesionlens-export, for one kind of device.
///
/// The compiled network is compared with the weights on test images when it is loaded. One that gives something else, or
/// cannot run here, is not used: a warning says why, and the engine computes as for other files. Such files are programs:
/// libtorch interprets what is in the one and runs the native code of the other (which it unpacks below TMPDIR while the
/// model lives), so load them only from where you would take a plugin from.
///
/// A model from a file of weights keeps the file open, and its numbers only as the engine computes with them:
/// saving it, training from it, calibrating it for 8 bits, or images of a new size may read the file again. It may be
/// renamed, deleted or replaced meanwhile; when its content was overwritten, such a call returns LENS_ERROR_IO.
///
/// @param path UTF-8; a regular file of at most 2 GiB.
/// @param[out] model Receives the model; free it with lens_model_free(). NULL on failure.
/// @return LENS_OK; LENS_ERROR_IO when the file cannot be read; LENS_ERROR_FORMAT when it is not such a model: the
///         message lists missing, extra and misshapen parameters; LENS_ERROR_ARGUMENT when the head has several outputs and
///         lens_model_import() must be told which is meant.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_load(
    context: *const lens_context,
    path: *const c_char,
    model: *mut *mut lens_model,
) -> lens_status {
    // SAFETY: the same contract; no options are all defaults.
    unsafe { lens_model_import(context, path, ptr::null(), model) }
}

/// Makes a model from weights of another program, as lens_model_load() does, and saying what they mean.
///
/// The names may be torchvision's or timm's, torchvision's before 0.3, CheXNet's (model.pth.tar) or MONAI's, behind any
/// prefix that all parameters of the network have in common ("module.", "model.", "module.densenet121."). What is done to
/// the weights is logged (LENS_LOG_LEVEL_INFO, what is assumed as a warning), is "import" in lens_model_describe(), and stays
/// in the model when it is saved:
/// - a first convolution of one channel gets three, a third of it each: gray images give what they gave;
/// - of a head with two outputs the logit is the second minus the first (softmax), unless head_positive or head_kind says
///   otherwise; of one with more outputs head_positive names the one that is meant. CheXNet's and torchxrayvision's outputs
///   are known by name, and are findings, each with a sigmoid of its own;
/// - torchxrayvision's op_threshs becomes the threshold; of others it is 0.5;
/// - image_size and normalisation are those of CheXNet and torchxrayvision where it is their weights, else 128 px and none,
///   which is wrong for weights that were trained otherwise: say how.
///
/// @param path UTF-8; a regular file of at most 2 GiB.
/// @param options NULL for all defaults. Refused with a file that says itself what it expects: a model of this library, or
///        a compiled network.
/// @param[out] model Receives the model; free it with lens_model_free(). NULL on failure.
/// @return As lens_model_load(); LENS_ERROR_ARGUMENT when an option does not suit the file: the message lists what would.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_import(
    context: *const lens_context,
    path: *const c_char,
    options: *const lens_import_options,
    model: *mut *mut lens_model,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let model = unsafe { out("model", model) }?;
        // SAFETY: NULL or a live handle by contract.
        let context = unsafe { required("context", context) }?;
        // SAFETY: NULL or a C string by contract.
        let path = unsafe { text("path", path) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        // SAFETY: its strings are NULL or C strings, by contract.
        let core = unsafe { options.to_library() }?;
        let context = Arc::clone(&context.0);
        *model = lens_model::to_host(Classifier::import(&context, Path::new(path), &core)?);
        Ok(())
    })
}

/// Saves a model, atomically (a temporary file in the same directory, then renamed).
///
/// @param path UTF-8; an existing file is replaced.
/// @param format LENS_MODEL_FORMAT_...
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_save(
    model: *const lens_model,
    path: *const c_char,
    format: lens_model_format,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or a live handle by contract.
        let model = Arc::clone(&unsafe { required("model", model) }?.0);
        // SAFETY: NULL or a C string by contract.
        let path = unsafe { text("path", path) }?;
        let format = choice("format", format)?;
        model.save(Path::new(path), format)
    })
}

/// Architecture, SHA-256 of the weights, preprocessing, temperature, threshold, engine and training record, as JSON.
///
/// "temperature" is what the network's output is divided by, 1 unless lens_model_calibrate() fitted it;
/// "temperature_record" and "operating_point" (null, or the rule, what it did, and on which data set) say where temperature
/// and threshold come from. "int8" is whether lens_model_optimize() calibrated it for LENS_PRECISION_INT8; "engine" is what
/// computes its logits: "plan-avx512", "plan-avx512-int8", "plan-avx2", "plan-portable", "reference", "torch",
/// "torchscript" or "aoti". "import" (null for models of this library) is what lens_model_import() did: "program" whose names
/// the parameters had, "prefix", "renamed" (tensors), "first_convolution", "head" ("outputs", "rule": "kept", "row" or
/// "difference", "positive" and "negative" with "index" and "name", "assumed", "meaning"), "normalisation", "threshold",
/// "left_out".
///
/// "model_sha256" is taken over the weights alone (parameters in order of their names: name, shape, bytes), so it
/// stays the same however often the model is saved and loaded. "file_sha256" is that of the file the model was loaded
/// from, as sha256sum prints it, and null for a model that was not.
///
/// @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_describe(model: *const lens_model, json: *mut *mut c_char) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let json = unsafe { out("json", json) }?;
        // SAFETY: NULL or a live handle by contract.
        let model = Arc::clone(&unsafe { required("model", model) }?.0);
        *json = to_host(model.describe().to_string())?;
        Ok(())
    })
}

/// How the images that the model was trained with were read; how lens_image_file_load() should read those that it is to
/// classify.
///
/// @param[out] options Filled as by lens_read_options_init(), but with the model's. All zero on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_get_read_options(
    model: *const lens_model,
    options: *mut lens_read_options,
) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let options = unsafe { out("options", options) }?;
        // SAFETY: NULL or a live handle by contract.
        let reading = unsafe { required("model", model) }?.0.preprocessing().reading;
        *options = lens_read_options {
            display: reading.display.number(),
            window: reading.window,
            apply_orientation: i32::from(reading.apply_orientation),
            ..lens_read_options::defaults()
        };
        Ok(())
    })
}

/// Frees the model; NULL is a no-op. Running calls go on with it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_model_free(model: *mut lens_model) {
    release(|| {
        if !model.is_null() {
            // SAFETY: from this library and freed once, by contract.
            drop(unsafe { Box::from_raw(model) });
        }
    });
}
