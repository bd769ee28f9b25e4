//! Decisions and their common inputs.

use super::device::SelectedGpu;
use super::request::PolicyRequest;
use crate::gpu_report::ReportedGpu;
use lens_system::probe::{Architecture, Generation, Gpu, Probe, Vendor};
use serde::Serialize;

/// A decision with its reason.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Decision<T> {
    /// The value.
    pub value: T,
    /// The reason.
    pub reason: String,
}

impl<T> Decision<T> {
    /// A decision with its reason.
    pub fn new(value: T, reason: impl Into<String>) -> Self {
        Decision { value, reason: reason.into() }
    }

    /// The requested value, or else the automatic one.
    pub(super) fn asked_or(asked: Option<T>, automatic: impl FnOnce() -> Self) -> Self {
        asked.map_or_else(automatic, |value| Decision::new(value, "as asked for"))
    }
}

/// Inputs of decisions, once the device is selected.
#[derive(Clone, Copy, Debug)]
pub struct DecisionInputs<'a> {
    pub(super) probe: &'a Probe,
    pub(super) request: &'a PolicyRequest,
    /// Vendor of the selected GPU; none on CPU.
    pub(super) vendor: Option<Vendor>,
    /// What its runtime reported.
    pub(super) reported: Option<&'a ReportedGpu>,
    /// What the probe found of it.
    probed: Option<&'a Gpu>,
}

impl<'a> DecisionInputs<'a> {
    pub(super) fn new(probe: &'a Probe, request: &'a PolicyRequest, selected: Option<SelectedGpu<'a>>) -> Self {
        let vendor = selected.map(|selected| selected.vendor);
        let reported = selected.map(|selected| selected.gpu);
        let probed = vendor.and_then(|vendor| {
            let mut gpus = probe.gpus_of(vendor);
            let address = reported.and_then(|gpu| gpu.address.as_deref());
            match address {
                Some(address) => gpus.find(|gpu| gpu.address == address),
                // Without an address it cannot be told which of several it is.
                None => gpus.next().filter(|_| gpus.next().is_none()),
            }
        });
        DecisionInputs { probe, request, vendor, reported, probed }
    }

    /// The architecture of the GPU.
    pub(super) fn architecture(&self) -> Option<Architecture> {
        self.probed.and_then(|gpu| gpu.architecture)
    }

    /// NVIDIA: whether it is of the Ampere generation or later. What the runtime reports takes precedence over the
    /// device id.
    pub(super) fn is_ampere_or_later(&self) -> Option<bool> {
        if let Some((major, _)) = self.reported.and_then(|gpu| gpu.capability) {
            return Some(major >= 8);
        }
        match self.architecture()? {
            Architecture::Nvidia(generation) => Some(generation >= Generation::Ampere),
            Architecture::Gfx(..) => None,
        }
    }
}
