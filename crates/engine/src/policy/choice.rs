//! A decision, and what every decision is made from.

use super::device::Chosen;
use super::request::PolicyRequest;
use crate::reported::ReportedGpu;
use lens_system::probe::{Architecture, Generation, Gpu, Probe, Vendor};
use serde::Serialize;

/// A decision and why it was made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Choice<T> {
    /// What was decided.
    pub value: T,
    /// Why.
    pub reason: String,
}

impl<T> Choice<T> {
    /// With its reason.
    pub fn new(value: T, reason: impl Into<String>) -> Self {
        Choice { value, reason: reason.into() }
    }

    /// What was asked for, or else what `automatic` says.
    pub(super) fn asked_or(asked: Option<T>, automatic: impl FnOnce() -> Self) -> Self {
        asked.map_or_else(automatic, |value| Choice::new(value, "as asked for"))
    }
}

/// What is known when the device has been chosen.
#[derive(Clone, Copy, Debug)]
pub struct Deciding<'a> {
    pub(super) probe: &'a Probe,
    pub(super) request: &'a PolicyRequest,
    /// The maker of the chosen GPU; none on CPU.
    pub(super) vendor: Option<Vendor>,
    /// What libtorch's runtime reported of it.
    pub(super) reported: Option<&'a ReportedGpu>,
    /// What the probe knows of it.
    probed: Option<&'a Gpu>,
}

impl<'a> Deciding<'a> {
    pub(super) fn new(probe: &'a Probe, request: &'a PolicyRequest, chosen: Option<Chosen<'a>>) -> Self {
        let vendor = chosen.map(|chosen| chosen.vendor);
        let reported = chosen.map(|chosen| chosen.gpu);
        let probed = vendor.and_then(|vendor| {
            let mut gpus = probe.gpus_of(vendor);
            let address = reported.and_then(|gpu| gpu.address.as_deref());
            match address {
                Some(address) => gpus.find(|gpu| gpu.address == address),
                // Without an address the first of several could be any of them.
                None => gpus.next().filter(|_| gpus.next().is_none()),
            }
        });
        Deciding { probe, request, vendor, reported, probed }
    }

    /// What the GPU computes with.
    pub(super) fn architecture(&self) -> Option<Architecture> {
        self.probed.and_then(|gpu| gpu.architecture)
    }

    /// NVIDIA: whether it is of the Ampere generation or a later one. What its runtime reports is certain, so it goes
    /// before what the device id says.
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
