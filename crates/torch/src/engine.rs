//! The device of an engine and its settings.

use crate::device_queue::DeviceQueue;
use crate::error::{Error, Result};
use crate::gpu_state::{self, GpuSettings};
use crate::input::Input;
use crate::torch::set_threads;
use lens_base::ErrorKind;
use lens_engine::GpuMemory;
use lens_engine::torch_table::TorchSettings;
use lens_images::Images;
use tch::{Device, Tensor};

/// A device and its settings.
#[derive(Debug)]
pub(crate) struct TorchEngine {
    settings: TorchSettings,
    queue: DeviceQueue,
}

impl TorchEngine {
    pub fn new(settings: TorchSettings) -> Result<Self> {
        if settings.threads == 0 {
            return Err(Error::argument("threads is 0; at least 1 is needed"));
        }
        let engine = TorchEngine { queue: DeviceQueue::new(settings.take_turns), settings };
        engine.enter()?;
        Ok(engine)
    }

    pub fn settings(&self) -> &TorchSettings {
        &self.settings
    }

    /// The device of tensors.
    pub fn device(&self) -> Device {
        self.settings.gpu.map_or(Device::Cpu, Device::Cuda)
    }

    /// Applies the settings; each thread calls it before it computes.
    pub fn enter(&self) -> Result<()> {
        set_threads(self.settings.threads);
        if self.settings.gpu.is_some() {
            let TorchSettings { tf32, benchmark, deterministic, .. } = self.settings;
            GpuSettings { tf32, benchmark, deterministic }.apply()?;
        }
        Ok(())
    }

    /// Runs `work` on the input tensor of the images when the device is free.
    pub fn with_input<T>(&self, images: &Images, work: impl FnOnce(&Tensor) -> Result<T>) -> Result<T> {
        self.enter()?;
        let input = Input::of(images, self.device())?;
        let _device = self.queue.acquire();
        work(&input.tensor(self.settings.channels_last)?)
    }

    /// Runs `work` without images when the device is free.
    pub fn with_device<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.enter()?;
        let _device = self.queue.acquire();
        work()
    }

    /// Returns unused memory to the GPU; does nothing on the CPU.
    pub fn empty_cache(&self) -> Result<()> {
        if self.settings.gpu.is_some() { gpu_state::empty_cache() } else { Ok(()) }
    }

    /// Memory of libtorch's allocator on the GPU.
    pub fn gpu_memory(&self) -> Result<GpuMemory> {
        match self.settings.gpu {
            Some(index) => gpu_state::memory(index),
            None => Err(Error::new(ErrorKind::Device, "the engine computes on the CPU, not on a GPU")),
        }
    }
}
