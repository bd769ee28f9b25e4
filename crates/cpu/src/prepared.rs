//! What the plans of a network are made of: packed when it is needed first, and compared with the plain network before it
//! is believed.

use crate::check::{Check, Verdict};
use crate::engine::Shared;
use crate::plan::int8::Quantized;
use crate::plan::{Plan, Tiling, Weights};
use crate::reference::Reference;
use lens_base::{Error, Result};
use lens_model::{ActivationRanges, Model, Parameters};
use once_cell::unsync::OnceCell;
use std::sync::Arc;

/// The numbers of a model, fetched when they are needed first.
pub struct LazyParameters<'a> {
    model: &'a Model,
    parameters: OnceCell<Arc<Parameters>>,
}

impl<'a> LazyParameters<'a> {
    /// Not yet.
    pub fn new(model: &'a Model) -> Self {
        LazyParameters { model, parameters: OnceCell::new() }
    }

    /// The numbers.
    pub fn get(&self) -> Result<&Arc<Parameters>> {
        self.parameters.get_or_try_init(|| self.model.parameters())
    }
}

/// Packed weights, and what is known about them.
#[derive(Default)]
pub struct Prepared {
    weights: Option<Arc<Weights>>,
    /// Of the ranges that were asked for last.
    quantized: Option<(ActivationRanges, Arc<Quantized>)>,
    /// Choices of algorithms that gave what the plain network gives.
    checked: Vec<Vec<Tiling>>,
    /// Whether 8-bit convolutions with these weights gave about that.
    checked_int8: bool,
    /// What plans are compared with.
    check: Option<Arc<Check>>,
}

impl Prepared {
    /// Weights for plans with these tilings, or by how much such a plan is off.
    pub fn weights(
        &mut self,
        engine: &Shared,
        numbers: &LazyParameters,
        tilings: &[Tiling],
    ) -> Result<std::result::Result<Arc<Weights>, String>> {
        let weights = match &self.weights {
            Some(weights) => Arc::clone(weights),
            None => {
                let packed = Arc::new(Weights::pack(engine.instructions, numbers.get()?)?);
                Arc::clone(self.weights.insert(packed))
            }
        };
        if !weights.have(tilings) {
            weights.pack_filters(engine.pool(), tilings, numbers.get()?)?;
        }
        if !self.checked.iter().any(|checked| checked == tilings) {
            let plan = Plan::new(Check::shape(tilings), &weights)?;
            if let Err(difference) = self.check(engine, numbers)?.verdict(engine.pool(), &plan)? {
                return Ok(Err(difference));
            }
            self.checked.push(tilings.to_vec());
        }
        Ok(Ok(weights))
    }

    /// Convolutions in 8 bits for these ranges, or by how much they are off.
    pub fn quantized(
        &mut self,
        engine: &Shared,
        numbers: &LazyParameters,
        weights: &Arc<Weights>,
        ranges: &ActivationRanges,
    ) -> Result<std::result::Result<Arc<Quantized>, String>> {
        if !self.checked_int8 {
            if let Err(difference) = self.check_int8(engine, numbers, weights)? {
                return Ok(Err(difference));
            }
            self.checked_int8 = true;
        }
        if let Some((of, quantized)) = &self.quantized
            && of == ranges
        {
            return Ok(Ok(Arc::clone(quantized)));
        }
        let quantized = Arc::new(packed(ranges, numbers)?);
        self.quantized = Some((ranges.clone(), Arc::clone(&quantized)));
        Ok(Ok(quantized))
    }

    fn check_int8(&mut self, engine: &Shared, numbers: &LazyParameters, weights: &Arc<Weights>) -> Result<Verdict> {
        let check = self.check(engine, numbers)?;
        let quantized = Arc::new(packed(&check.ranges()?, numbers)?);
        check.verdict_int8(engine.pool(), weights, &quantized)
    }

    /// What plans are compared with, computed when it is needed first.
    fn check(&mut self, engine: &Shared, numbers: &LazyParameters) -> Result<Arc<Check>> {
        if let Some(check) = &self.check {
            return Ok(Arc::clone(check));
        }
        let (pool, instructions) = (engine.pool(), engine.instructions);
        let check = Check::of(&Reference { parameters: numbers.get()?, pool, instructions })?;
        Ok(Arc::clone(self.check.insert(Arc::new(check))))
    }
}

fn packed(ranges: &ActivationRanges, numbers: &LazyParameters) -> Result<Quantized> {
    Quantized::pack(ranges, numbers.get()?)?
        .ok_or_else(|| Error::internal("8-bit convolutions were chosen, but the processor lacks AVX-512 VNNI"))
}
