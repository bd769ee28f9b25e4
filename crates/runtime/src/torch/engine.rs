//! The engine of libtorch, through the table.

use super::learner::TorchLearner;
use super::library::{TorchLibrary, check_process};
use super::raw::{checked, json, logits_of, raw_parameters, with_images};
use lens_base::Result;
use lens_engine::torch_table::{RawText, TorchSettings, TorchTable};
use lens_engine::{Engine, EngineName, FeatureMaps, GpuMemory, Learner, LearnerSettings, Network};
use lens_images::Images;
use lens_model::{ActivationRanges, LAYOUT, Model, TrainingParameters};
use std::ffi::c_void;
use std::sync::Arc;

/// A handle of the other library, with its free function. Not used in the child of a fork, nor freed there.
pub(super) struct Handle {
    pub table: &'static TorchTable,
    pointer: *mut c_void,
    free: unsafe extern "C" fn(*mut c_void),
}

// SAFETY: the table's handles may be used and freed on any thread.
unsafe impl Send for Handle {}
// SAFETY: those that are shared here may be used by several threads at once; a learner is only used through `&mut`.
unsafe impl Sync for Handle {}

impl Handle {
    /// The handle that `make` writes, to be freed by `free`.
    pub fn new(
        table: &'static TorchTable,
        free: unsafe extern "C" fn(*mut c_void),
        make: impl FnOnce(*mut *mut c_void) -> i32,
    ) -> Result<Self> {
        let mut pointer = std::ptr::null_mut();
        checked(table, make(&raw mut pointer))?;
        Ok(Handle { table, pointer, free })
    }

    /// What the other library knows it by.
    pub fn pointer(&self) -> Result<*mut c_void> {
        check_process()?;
        Ok(self.pointer)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        if check_process().is_ok() {
            // SAFETY: from the function that makes such handles, and freed once.
            unsafe { (self.free)(self.pointer) };
        }
    }
}

impl std::fmt::Debug for Handle {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_tuple("Handle").field(&self.pointer).finish()
    }
}

/// libtorch on a device.
pub struct TorchEngine {
    handle: Arc<Handle>,
}

impl TorchEngine {
    /// An engine with these settings.
    pub fn new(library: &Arc<TorchLibrary>, settings: &TorchSettings) -> Result<Self> {
        let (table, settings) = (library.table()?, json(settings)?);
        // SAFETY: text that outlives the call, and room for the handle.
        let make = |engine| unsafe { (table.engine_new)(RawText::of(&settings), engine) };
        Ok(TorchEngine { handle: Arc::new(Handle::new(table, table.engine_free, make)?) })
    }

    pub(super) fn handle(&self) -> &Handle {
        &self.handle
    }
}

impl Engine for TorchEngine {
    fn load(&self, model: &Model) -> Result<Arc<dyn Network>> {
        let (table, engine) = (self.handle.table, self.handle.pointer()?);
        let held = model.parameters()?;
        let parameters = raw_parameters(held.all());
        // SAFETY: a live engine, numbers that outlive the call, and room for the handle.
        let make = |network| unsafe { (table.network_new)(engine, parameters, network) };
        let handle = Handle::new(table, table.network_free, make)?;
        model.release_parameters();
        Ok(Arc::new(TorchNetwork { handle: Arc::new(handle) }))
    }

    fn learner(&self, start: &TrainingParameters, settings: &LearnerSettings) -> Result<Box<dyn Learner>> {
        Ok(Box::new(TorchLearner::new(&self.handle, start, settings)?))
    }

    fn empty_cache(&self) {
        if let Ok(engine) = self.handle.pointer() {
            // SAFETY: a live engine. A failure leaves things as they are, and the next allocation tells.
            unsafe { (self.handle.table.engine_empty_cache)(engine) };
        }
    }

    fn gpu_memory(&self) -> Option<GpuMemory> {
        let engine = self.handle.pointer().ok()?;
        let mut bytes = [0; 4];
        // SAFETY: a live engine, and room for the four numbers.
        let code = unsafe { (self.handle.table.engine_gpu_memory)(engine, bytes.as_mut_ptr()) };
        let [allocated, allocated_peak, reserved, reserved_peak] = bytes;
        (code == 0).then_some(GpuMemory { allocated, allocated_peak, reserved, reserved_peak })
    }
}

/// A network on libtorch's engine.
struct TorchNetwork {
    handle: Arc<Handle>,
}

impl Network for TorchNetwork {
    fn engine(&self) -> EngineName {
        EngineName::Torch
    }

    fn logits(&self, images: &Images) -> Result<Vec<f32>> {
        let (table, pointer) = (self.handle.table, self.handle.pointer()?);
        // SAFETY: a live network, images that outlive the call, and room for one number for each.
        logits_of(table, images, |raw, logits| unsafe { (table.network_logits)(pointer, raw, logits) })
    }

    fn features(&self, images: &Images) -> Result<FeatureMaps> {
        let (table, network) = (self.handle.table, self.handle.pointer()?);
        let (height, width) = (last_side(images.height), last_side(images.width));
        let mut values = vec![0.0; images.len() * height * width * LAYOUT.count(LAYOUT.head_weight)];
        with_images(images, |raw| {
            // SAFETY: a live network, images that outlive the call, and `values` is writable.
            checked(table, unsafe { (table.network_features)(network, raw, values.as_mut_ptr(), values.len()) })
        })?;
        Ok(FeatureMaps { height, width, values })
    }

    fn observe(&self, images: &Images, maxima: &mut [f32]) -> Result<()> {
        let (table, network) = (self.handle.table, self.handle.pointer()?);
        with_images(images, |raw| {
            // SAFETY: a live network, images that outlive the call, and `maxima` is writable.
            checked(table, unsafe { (table.network_observe)(network, raw, maxima.as_mut_ptr(), maxima.len()) })
        })
    }

    fn with_ranges(&self, _: Option<&ActivationRanges>) -> Arc<dyn Network> {
        Arc::new(TorchNetwork { handle: Arc::clone(&self.handle) })
    }
}

/// Side of the last feature map: halved twice rounding up, by convolution and pooling, then three times rounding down.
fn last_side(side: usize) -> usize {
    side.div_ceil(2).div_ceil(2) / 8
}
