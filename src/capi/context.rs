//! `lens_context` and `lens_init`.

use super::arguments::{out, required};
use super::generated::{lens_init_options, lens_log_level};
use super::guard::{guard, release};
use super::options;
use super::status::lens_status;
use super::text::to_host;
use super::version::LENS_ABI_VERSION;
use lens_base::options::Choice;
use lens_base::{Error, ErrorKind, Log, LogLevel};
use lens_runtime::Context;
use std::ffi::{CString, c_char, c_void};
use std::sync::Arc;

/// A configured instance of the library: device, precision, threads. Everything made from it keeps it alive. Thread-safe.
///
/// In the child of a fork() it works as in the parent, as everything made from it does, with threads that the child starts for
/// itself; so does freeing. Where libtorch was loaded before the fork, what needs libtorch fails in the child with
/// LENS_ERROR_UNSUPPORTED.
///
/// On a GPU, calls that come from several threads through one context take turns, batch by batch, in the order in which
/// they asked: a long call delays a short one by a batch per caller before it. On CPU they run beside each other.
pub struct lens_context(pub(super) Arc<Context>);

/// Receives log messages, from any thread that calls the library, possibly several at once. It must not throw or
/// longjmp through the library.
///
/// @param level LENS_LOG_LEVEL_...
/// @param message UTF-8; valid during the callback only.
/// @param user_data The pointer given beside the callback; it must stay valid as long as the context or anything made
///        from it lives.
pub type lens_log_fn =
    Option<unsafe extern "C" fn(level: lens_log_level, message: *const c_char, user_data: *mut c_void)>;

/// The caller's log callback and its pointer.
struct HostLog {
    callback: unsafe extern "C" fn(lens_log_level, *const c_char, *mut c_void),
    user_data: *mut c_void,
}

// SAFETY: the contract of lens_log_fn allows calls from any thread, several at once, with this pointer.
unsafe impl Send for HostLog {}
// SAFETY: as above.
unsafe impl Sync for HostLog {}

impl HostLog {
    fn send(&self, level: LogLevel, message: &str) {
        let level = level.number();
        let text = CString::new(message.replace('\0', "\\0")).unwrap_or_default();
        // SAFETY: the caller gave this function to be called with this pointer.
        unsafe { (self.callback)(level, text.as_ptr(), self.user_data) };
    }
}

/// Sets the library up: finds out what machine this is and decides how to use it. May be called repeatedly and from
/// several threads; each call makes a context of its own.
///
/// This library needs nothing beyond the system's C library to classify, draw heatmaps, evaluate, calibrate and train on the
/// CPU, and then nothing else is loaded. liblesionlens_torch.so, with libtorch, is loaded here when the machine shows a GPU
/// that LENS_DEVICE_AUTO may use, or when a GPU, half precision or LENS_ENGINE_TORCH is asked for; and by lens_model_load(),
/// lens_model_save() and lens_model_optimize() for TorchScript, AOTInductor and PyTorch's own files that they read or write
/// through it. Where it is missing, LENS_DEVICE_AUTO goes on with the CPU and says why in lens_context_describe(), and what
/// cannot be done without it fails with what to install. What is loaded stays loaded.
///
/// Where libtorch computes, the number of threads, TF32, benchmark and deterministic are libtorch's own settings and so hold
/// for the process: the context used last wins. When a GPU is to be used, call this early: libtorch looks for GPUs once, at
/// its first convolution if not before, so its library for GPUs must be loaded before anything in the process computes with
/// libtorch. Environment variables for the GPU's runtime are set just before that library is loaded (those in
/// lens_context_describe(), only ones that are not there yet), with setenv(), which is not safe while another thread of
/// the program reads the environment. On CPU nothing is set.
///
/// @param options NULL for all defaults.
/// @param[out] context Receives the context; free it with lens_context_free(). NULL on failure.
/// @return LENS_OK; LENS_ERROR_ARGUMENT for an option out of range; LENS_ERROR_DEVICE when a device was asked for that
///         cannot be used, with the reason; LENS_ERROR_UNSUPPORTED for a precision the device does not compute in,
///         or when liblesionlens_torch.so is needed and cannot be loaded; LENS_ERROR_VERSION when header, libraries or
///         libtorch do not fit; LENS_ERROR_IO when libtorch_dir holds none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_init(options: *const lens_init_options, context: *mut *mut lens_context) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let context = unsafe { out("context", context) }?;
        // SAFETY: NULL or a struct as large as its struct_size, by contract.
        let options = unsafe { options::read(options) }?;
        if options.abi_version != u32::MAX && options.abi_version != LENS_ABI_VERSION {
            return Err(Error::new(
                ErrorKind::Version,
                format!(
                    "abi_version: the program was built for ABI {}, the loaded library {} has ABI {LENS_ABI_VERSION}",
                    options.abi_version,
                    env!("CARGO_PKG_VERSION")
                ),
            ));
        }
        // SAFETY: its strings are NULL or C strings, by contract.
        let mut core = unsafe { options.to_library() }?;
        core.log = options.log.map(|callback| {
            let log = HostLog { callback, user_data: options.log_user_data };
            let send: Log = Box::new(move |level, message| log.send(level, message));
            send
        });
        let made = Context::new(core)?;
        *context = Box::into_raw(Box::new(lens_context(made)));
        Ok(())
    })
}

/// What was found and decided, as JSON: hardware, versions, policy with the reason for each choice, environment
/// variables set, kept and skipped.
///
/// @param[out] json Receives the text; free it with lens_string_free(). NULL on failure.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_context_describe(context: *const lens_context, json: *mut *mut c_char) -> lens_status {
    guard(|| {
        // SAFETY: NULL or writable by the contract of every out parameter.
        let json = unsafe { out("json", json) }?;
        // SAFETY: NULL or a live handle by contract.
        let context = unsafe { required("context", context) }?;
        *json = to_host(context.0.describe().to_string())?;
        Ok(())
    })
}

/// Frees the handle; NULL is a no-op. Models made from it go on working.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn lens_context_free(context: *mut lens_context) {
    release(|| {
        if !context.is_null() {
            // SAFETY: from lens_init and freed once, by contract.
            drop(unsafe { Box::from_raw(context) });
        }
    });
}
