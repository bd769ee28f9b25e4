//! Packed weights for a network's plans: packed on first use, and checked against the reference network before they are
//! used.

use crate::check::{PlanCheck, Verdict};
use crate::engine::EngineShared;
use crate::plan::int8::QuantizedWeights;
use crate::plan::{NetworkPlan, PackedWeights, Tiling};
use crate::reference::Reference;
use lens_base::{Error, Result};
use lens_model::{ActivationRanges, Model, Parameters};
use once_cell::unsync::OnceCell;
use std::sync::Arc;

/// The parameters of a model, fetched on first use.
pub struct LazyParameters<'a> {
    model: &'a Model,
    parameters: OnceCell<Arc<Parameters>>,
}

impl<'a> LazyParameters<'a> {
    /// Nothing is fetched yet.
    pub fn new(model: &'a Model) -> Self {
        LazyParameters { model, parameters: OnceCell::new() }
    }

    /// Fetches them if needed.
    pub fn get(&self) -> Result<&Arc<Parameters>> {
        self.parameters.get_or_try_init(|| self.model.parameters())
    }
}

/// Packed weights, and which checks they passed.
#[derive(Default)]
pub struct PreparedWeights {
    weights: Option<Arc<PackedWeights>>,
    /// For the activation ranges of the last request.
    quantized: Option<(ActivationRanges, Arc<QuantizedWeights>)>,
    /// Tilings of all blocks whose plans passed the check.
    checked: Vec<Vec<Tiling>>,
    /// Whether int8 convolutions with these weights passed the check.
    checked_int8: bool,
    /// The images and the reference's results for them.
    check: Option<Arc<PlanCheck>>,
}

impl PreparedWeights {
    /// Weights for plans with these tilings; the inner error says how a plan differs from the reference.
    pub fn weights(
        &mut self,
        engine: &EngineShared,
        parameters: &LazyParameters,
        tilings: &[Tiling],
    ) -> Result<std::result::Result<Arc<PackedWeights>, String>> {
        let weights = match &self.weights {
            Some(weights) => Arc::clone(weights),
            None => {
                let packed = Arc::new(PackedWeights::pack(engine.instructions, parameters.get()?)?);
                Arc::clone(self.weights.insert(packed))
            }
        };
        if !weights.has_filters(tilings) {
            weights.pack_filters(engine.pool(), tilings, parameters.get()?)?;
        }
        if !self.checked.iter().any(|checked| checked == tilings) {
            let plan = NetworkPlan::new(PlanCheck::shape(tilings), &weights)?;
            if let Err(difference) = self.check(engine, parameters)?.verdict(engine.pool(), &plan)? {
                return Ok(Err(difference));
            }
            self.checked.push(tilings.to_vec());
        }
        Ok(Ok(weights))
    }

    /// Int8 convolutions for these ranges; the inner error says how they differ from the reference.
    pub fn quantized(
        &mut self,
        engine: &EngineShared,
        parameters: &LazyParameters,
        weights: &Arc<PackedWeights>,
        ranges: &ActivationRanges,
    ) -> Result<std::result::Result<Arc<QuantizedWeights>, String>> {
        if !self.checked_int8 {
            if let Err(difference) = self.check_int8(engine, parameters, weights)? {
                return Ok(Err(difference));
            }
            self.checked_int8 = true;
        }
        if let Some((of, quantized)) = &self.quantized
            && of == ranges
        {
            return Ok(Ok(Arc::clone(quantized)));
        }
        let quantized = Arc::new(quantize(ranges, parameters)?);
        self.quantized = Some((ranges.clone(), Arc::clone(&quantized)));
        Ok(Ok(quantized))
    }

    fn check_int8(
        &mut self,
        engine: &EngineShared,
        parameters: &LazyParameters,
        weights: &Arc<PackedWeights>,
    ) -> Result<Verdict> {
        let check = self.check(engine, parameters)?;
        let quantized = Arc::new(quantize(&check.ranges()?, parameters)?);
        check.verdict_int8(engine.pool(), weights, &quantized)
    }

    /// The check, made on first use.
    fn check(&mut self, engine: &EngineShared, parameters: &LazyParameters) -> Result<Arc<PlanCheck>> {
        if let Some(check) = &self.check {
            return Ok(Arc::clone(check));
        }
        let (pool, instructions) = (engine.pool(), engine.instructions);
        let check = PlanCheck::of(&Reference { parameters: parameters.get()?, pool, instructions })?;
        Ok(Arc::clone(self.check.insert(Arc::new(check))))
    }
}

fn quantize(ranges: &ActivationRanges, parameters: &LazyParameters) -> Result<QuantizedWeights> {
    QuantizedWeights::pack(ranges, parameters.get()?)?
        .ok_or_else(|| Error::internal("8-bit convolutions were chosen, but the processor lacks AVX-512 VNNI"))
}
