//! What everything that computes has in common: the device and how it is used.

use crate::error::{Error, Result};
use crate::gpu_state::{self, GpuSettings};
use crate::input::Input;
use crate::torch::use_threads;
use crate::turns::Turns;
use lens_base::ErrorKind;
use lens_engine::GpuMemory;
use lens_engine::torch_table::TorchSettings;
use lens_images::Images;
use tch::{Device, Tensor};

/// A device, and how it is used.
#[derive(Debug)]
pub(crate) struct TorchEngine {
    settings: TorchSettings,
    turns: Turns,
}

impl TorchEngine {
    pub fn new(settings: TorchSettings) -> Result<Self> {
        if settings.threads == 0 {
            return Err(Error::argument("threads is 0; at least 1 is needed"));
        }
        let engine = TorchEngine { turns: Turns::new(settings.take_turns), settings };
        engine.enter()?;
        Ok(engine)
    }

    pub fn settings(&self) -> &TorchSettings {
        &self.settings
    }

    /// Where tensors live.
    pub fn device(&self) -> Device {
        self.settings.gpu.map_or(Device::Cpu, Device::Cuda)
    }

    /// To be called by each thread that is about to compute.
    pub fn enter(&self) -> Result<()> {
        use_threads(self.settings.threads);
        if self.settings.gpu.is_some() {
            let TorchSettings { tf32, benchmark, deterministic, .. } = self.settings;
            GpuSettings { tf32, benchmark, deterministic }.apply()?;
        }
        Ok(())
    }

    /// Runs `work` on images, as the network takes them, when it is this caller's turn.
    pub fn with_input<T>(&self, images: &Images, work: impl FnOnce(&Tensor) -> Result<T>) -> Result<T> {
        self.enter()?;
        let input = Input::of(images, self.device())?;
        let _turn = self.turns.wait();
        work(&input.tensor(self.settings.channels_last)?)
    }

    /// Runs `work` that needs no images when it is this caller's turn.
    pub fn with_turn<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.enter()?;
        let _turn = self.turns.wait();
        work()
    }

    /// Gives memory that no tensor uses back to the GPU; nothing on the CPU.
    pub fn empty_cache(&self) -> Result<()> {
        if self.settings.gpu.is_some() { gpu_state::empty_cache() } else { Ok(()) }
    }

    /// libtorch's memory on the GPU.
    pub fn gpu_memory(&self) -> Result<GpuMemory> {
        match self.settings.gpu {
            Some(index) => gpu_state::memory(index),
            None => Err(Error::new(ErrorKind::Device, "the engine computes on the CPU, not on a GPU")),
        }
    }
}
