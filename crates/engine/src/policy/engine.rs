//! Selection of the engine for inference.

use super::decision::{Decision, DecisionInputs};
use super::precision::Precision;
use super::request::{EngineRequest, PrecisionRequest};
use crate::EngineName;
use lens_base::{Error, ErrorKind, Result};

/// Whether convolutions of calibrated models are computed in int8.
pub(super) fn int8(inputs: &DecisionInputs, engine: EngineName) -> Result<Decision<bool>> {
    if inputs.request.precision != PrecisionRequest::Int8 {
        return Ok(Decision::new(false, "not asked for"));
    }
    let features = &inputs.probe.cpu.features;
    if engine == EngineName::PlanAvx512 && features.iter().any(|feature| feature == "avx512_vnni") {
        return Ok(Decision::new(true, "as asked for; models without calibration are computed in f32"));
    }
    Err(Error::new(
        ErrorKind::Unsupported,
        format!(
            "precision INT8 was asked for, which is computed by plans on the CPU with AVX-512 VNNI; here the engine is \
             {engine}, and the processor is known to have: {}. Ask for LENS_PRECISION_AUTO",
            features.join(", ")
        ),
    ))
}

pub(super) fn engine(inputs: &DecisionInputs, precision: Precision) -> Result<Decision<EngineName>> {
    let features = &inputs.probe.cpu.features;
    let has = |feature: &str| features.iter().any(|found| found == feature);
    let wide = [(EngineName::PlanAvx512, has("avx512f")), (EngineName::PlanAvx2, has("avx2") && has("fma"))];
    let widest = wide.into_iter().find_map(|(name, there)| there.then_some(name));
    let unsupported = |reason: String| Err(Error::new(ErrorKind::Unsupported, reason));
    let asked = match inputs.request.engine {
        EngineRequest::Torch => return Ok(Decision::new(EngineName::Torch, "as asked for")),
        EngineRequest::Auto => {
            return Ok(match widest {
                _ if inputs.vendor.is_some() => Decision::new(EngineName::Torch, "plans compute on the CPU only"),
                _ if precision != Precision::F32 => Decision::new(EngineName::Torch, "plans compute in f32 only"),
                Some(name) => Decision::new(name, "the network compiled for the widest instructions of this processor"),
                None => Decision::new(
                    EngineName::PlanPortable,
                    "the processor is not known to have AVX-512 or AVX2 with FMA",
                ),
            });
        }
        EngineRequest::Plan => widest.unwrap_or(EngineName::PlanPortable),
        EngineRequest::PlanAvx2 if wide[1].1 => EngineName::PlanAvx2,
        EngineRequest::PlanAvx2 => {
            return unsupported(format!(
                "engine PLAN_AVX2 was asked for, but the processor is not known to have AVX2 and FMA (found: {}): ask for \
                 LENS_ENGINE_AUTO",
                features.join(", ")
            ));
        }
        EngineRequest::PlanPortable => EngineName::PlanPortable,
    };
    if inputs.vendor.is_some() {
        return unsupported(
            "a plan was asked for as engine, but plans compute on the CPU only: ask for LENS_DEVICE_CPU or \
             LENS_ENGINE_AUTO"
                .into(),
        );
    }
    if precision != Precision::F32 {
        return unsupported(
            "a plan was asked for as engine, but plans compute in f32 only: ask for LENS_PRECISION_F32 or \
             LENS_ENGINE_AUTO"
                .into(),
        );
    }
    Ok(Decision::new(asked, "as asked for"))
}
