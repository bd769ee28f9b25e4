//! The interface between the library and the second library, which holds libtorch: one versioned table of C functions,
//! plain data, and JSON for settings. All types are `repr(C)` and defined here.
//!
//! Functions that can fail return 0, or the code of an `ErrorKind`, whose message `last_error` then returns; nothing
//! unwinds out of them. Handles may be used and freed on any thread; a learner by one thread at a time.

use crate::policy::Precision;
use lens_system::probe::Vendor;

use serde::{Deserialize, Serialize};
use std::ffi::{CStr, c_void};
use std::path::PathBuf;

/// Version of the table. Both libraries must have the same.
pub const TABLE_VERSION: u32 = 1;

/// The libtorch that the second library is built with, and needs: the layout of its C++ objects differs between versions.
pub const LIBTORCH_VERSION: &str = "2.13.0";

/// The one function that the second library exports.
pub const ENTRY_NAME: &CStr = c"lens_torch_table";

/// Its type. The table lives as long as the library is loaded.
pub type Entry = unsafe extern "C" fn() -> *const TorchTable;

/// The library of libtorch that computes on a vendor's GPUs.
pub fn gpu_library(vendor: Vendor) -> &'static str {
    match vendor {
        Vendor::Nvidia => "libtorch_cuda.so",
        Vendor::Amd => "libtorch_hip.so",
    }
}

/// Text, UTF-8, without a zero byte at its end.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RawText {
    /// First byte.
    pub data: *const u8,
    /// Bytes.
    pub length: usize,
}

impl RawText {
    /// Of these bytes, which must outlive it.
    pub fn of<T: AsRef<[u8]> + ?Sized>(bytes: &T) -> Self {
        let bytes = bytes.as_ref();
        RawText { data: bytes.as_ptr(), length: bytes.len() }
    }
}

/// Receives bytes and copies them; may be called several times, for one part after the other.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RawSink {
    /// Handed to `write`.
    pub context: *mut c_void,
    /// Called only during the call that got the sink.
    pub write: unsafe extern "C" fn(context: *mut c_void, data: *const u8, length: usize),
}

/// An image of `RawImages`; see `lens_images::ImageView`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RawImage {
    /// Memory that several images may share.
    pub memory: *const f32,
    /// Floats in it.
    pub memory_length: usize,
    /// Index of the first sample.
    pub offset: usize,
    /// Samples from one row to the next.
    pub row_step: usize,
    /// 1 or 3.
    pub channels: usize,
}

/// Images of one size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RawImages {
    /// Width of each image.
    pub width: usize,
    /// Height of each image.
    pub height: usize,
    /// How many.
    pub count: usize,
    /// Views of them.
    pub images: *const RawImage,
}

/// All parameters of a network in the layout's order, each row-major.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct RawParameters {
    /// The first value.
    pub values: *const f32,
    /// Number of values, which is the layout's.
    pub count: usize,
}

/// The libtorch that came with the second library, as JSON.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LibtorchInformation {
    /// Its version.
    pub version: String,
    /// Where libtorch_cpu.so lies, links resolved.
    pub directory: Option<PathBuf>,
    /// Other libtorches in the process, brought by another plugin.
    pub others: Vec<PathBuf>,
    /// Vendors whose GPU library it has.
    pub available: Vec<Vendor>,
}

/// Settings of an engine, as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TorchSettings {
    /// CPU threads.
    pub threads: usize,
    /// Index of the GPU; none for the CPU.
    pub gpu: Option<usize>,
    /// Precision.
    pub precision: Precision,
    /// Whether tensors are channels last.
    pub channels_last: bool,
    /// Whether f32 products on NVIDIA may round to TF32.
    pub tf32: bool,
    /// Whether convolution algorithms are timed on GPUs.
    pub benchmark: bool,
    /// Whether only algorithms are used on GPUs that give the same bits each time.
    pub deterministic: bool,
    /// Whether calls from several threads are queued, one batch at a time.
    pub take_turns: bool,
}

/// Called for each tensor of a script with its name, its shape, and its values, row-major.
pub type Visit = unsafe extern "C" fn(
    context: *mut c_void,
    name: RawText,
    shape: *const usize,
    dimensions: usize,
    values: *const f32,
    count: usize,
);

/// The functions of the second library.
#[repr(C)]
pub struct TorchTable {
    /// `TABLE_VERSION`. This field and the next never move.
    pub version: u32,
    /// `size_of::<TorchTable>()`.
    pub size: u32,
    /// Why this thread's last call failed; valid until its next failing call.
    pub last_error: unsafe extern "C" fn() -> RawText,
    /// `LibtorchInformation`. `expected` is the directory that libtorch has to be loaded from; empty: any.
    pub information: unsafe extern "C" fn(expected: RawText, json: RawSink) -> i32,
    /// Sets variables (JSON: an object of strings) that are not set, for the runtime of a GPU that is not loaded yet.
    pub set_environment: unsafe extern "C" fn(variables: RawText) -> i32,
    /// Loads the GPU library of a vendor (its index in `Vendor::ALL`), asks its runtime, and runs a test computation:
    /// `GpuReport`.
    pub open_gpu: unsafe extern "C" fn(vendor: u32, index: i32, json: RawSink) -> i32,

    /// From `TorchSettings`.
    pub engine_new: unsafe extern "C" fn(settings: RawText, engine: *mut *mut c_void) -> i32,
    /// Networks and learners made from it stay valid.
    pub engine_free: unsafe extern "C" fn(engine: *mut c_void),
    /// Returns unused memory to the GPU.
    pub engine_empty_cache: unsafe extern "C" fn(engine: *const c_void) -> i32,
    /// Four numbers of bytes: allocated, its peak, reserved, its peak.
    pub engine_gpu_memory: unsafe extern "C" fn(engine: *const c_void, bytes: *mut u64) -> i32,

    /// A network for inference.
    pub network_new:
        unsafe extern "C" fn(engine: *const c_void, parameters: RawParameters, network: *mut *mut c_void) -> i32,
    /// Frees it.
    pub network_free: unsafe extern "C" fn(network: *mut c_void),
    /// One logit for each image.
    pub network_logits: unsafe extern "C" fn(network: *const c_void, images: *const RawImages, logits: *mut f32) -> i32,
    /// Last feature maps, channels last; `count` is the number of floats and must be exact.
    pub network_features:
        unsafe extern "C" fn(network: *const c_void, images: *const RawImages, features: *mut f32, count: usize) -> i32,
    /// See `Network::observe`; `count` is the number of the layout's parameters.
    pub network_observe:
        unsafe extern "C" fn(network: *const c_void, images: *const RawImages, maxima: *mut f32, count: usize) -> i32,

    /// Reads a TorchScript archive; its metadata (extra/`metadata_name`, if any) goes to `metadata`, and `quantised`
    /// becomes 1 if it has quantised layers.
    pub script_read: unsafe extern "C" fn(
        archive: RawText,
        metadata_name: RawText,
        metadata: RawSink,
        quantised: *mut i32,
        script: *mut *mut c_void,
    ) -> i32,
    /// Visits its tensors of floating point; those of quantised layers dequantised.
    pub script_visit: unsafe extern "C" fn(script: *const c_void, context: *mut c_void, visit: Visit) -> i32,
    /// Prepares it for an engine's device. The script stays to be freed.
    pub script_program:
        unsafe extern "C" fn(script: *mut c_void, engine: *const c_void, program: *mut *mut c_void) -> i32,
    /// Frees it.
    pub script_free: unsafe extern "C" fn(script: *mut c_void),
    /// One of the graphs of an AOTInductor package, whose native code becomes part of the process.
    pub package_program: unsafe extern "C" fn(
        engine: *const c_void,
        path: RawText,
        name: RawText,
        runners: usize,
        program: *mut *mut c_void,
    ) -> i32,
    /// One logit for each image.
    pub program_logits: unsafe extern "C" fn(program: *const c_void, images: *const RawImages, logits: *mut f32) -> i32,
    /// Frees it.
    pub program_free: unsafe extern "C" fn(program: *mut c_void),

    /// The bytes of a TorchScript archive of the network, with `metadata` as extra/`metadata_name`; with `int8_head` 1
    /// its last layer is quantised. `source` defines `forward(self, image)`.
    pub script_write: unsafe extern "C" fn(
        parameters: RawParameters,
        source: RawText,
        int8_head: i32,
        metadata_name: RawText,
        metadata: RawText,
        archive: RawSink,
    ) -> i32,
    /// The bytes that torch.save() would write of the state dict, with `metadata` as an entry.
    pub state_dict_write: unsafe extern "C" fn(
        parameters: RawParameters,
        metadata_name: RawText,
        metadata: RawText,
        archive: RawSink,
    ) -> i32,

    /// A learner from `LearnerSettings`, and from trained parameters and running statistics as in `TrainingParameters`.
    pub learner_new: unsafe extern "C" fn(
        engine: *const c_void,
        settings: RawText,
        values: RawParameters,
        statistics: RawParameters,
        learner: *mut *mut c_void,
    ) -> i32,
    /// Frees it.
    pub learner_free: unsafe extern "C" fn(learner: *mut c_void),
    /// See `Learner`, here and below.
    pub learner_begin: unsafe extern "C" fn(learner: *mut c_void, head_only: i32) -> i32,
    /// `targets`: one for each image.
    pub learner_accumulate: unsafe extern "C" fn(
        learner: *mut c_void,
        images: *const RawImages,
        targets: *const f32,
        pos_weight: f64,
        share: f64,
        loss: *mut f64,
    ) -> i32,
    /// Restores the running statistics.
    pub learner_abandon: unsafe extern "C" fn(learner: *mut c_void) -> i32,
    /// From `UpdateStep` as JSON; `applied` becomes 0 if the gradients were not finite.
    pub learner_update: unsafe extern "C" fn(learner: *mut c_void, step: RawText, applied: *mut i32) -> i32,
    /// Updates the moving average.
    pub learner_update_average: unsafe extern "C" fn(learner: *mut c_void, share: f64) -> i32,
    /// `average` 1: with the average.
    pub learner_logits:
        unsafe extern "C" fn(learner: *mut c_void, images: *const RawImages, average: i32, logits: *mut f32) -> i32,
    /// `slot` is a `Slot`'s number; `count` must be exact.
    pub learner_read: unsafe extern "C" fn(learner: *const c_void, slot: u32, values: *mut f32, count: usize) -> i32,
    /// The same.
    pub learner_write: unsafe extern "C" fn(learner: *mut c_void, slot: u32, values: *const f32, count: usize) -> i32,
    /// `present` becomes 1 if losses are scaled.
    pub learner_scaler:
        unsafe extern "C" fn(learner: *const c_void, present: *mut i32, scale: *mut f64, good_steps: *mut u32) -> i32,
    /// Restores the state of the gradient scaler.
    pub learner_set_scaler: unsafe extern "C" fn(learner: *mut c_void, scale: f64, good_steps: u32) -> i32,
    /// Whether all trained parameters are finite.
    pub learner_is_finite: unsafe extern "C" fn(learner: *const c_void, finite: *mut i32) -> i32,
}
