//! A model's network on the CPU: its plans, made when they are needed first and compared with the plain network before
//! they are believed.

use crate::check::{Check, Verdict};
use crate::engine::Shared;
use crate::plan::int8::Quantized;
use crate::plan::{Output, Plan, Shape, TileView, Tiling, Weights};
use crate::reference::Reference;
use lens_base::{Error, LogLevel, Result};
use lens_engine::{EngineName, FeatureMaps, Network};
use lens_images::{ImageView, Images};
use lens_model::{ActivationRanges, Model, Parameters, raise};
use parking_lot::Mutex;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sizes of images that plans are kept for; packed weights are shared, so each costs its working memory.
const KEPT: usize = 4;

/// A network whose convolutions may be in 8 bits.
pub struct CpuNetwork {
    common: Arc<Common>,
    ranges: Option<ActivationRanges>,
}

/// What networks of the same numbers share.
struct Common {
    engine: Arc<Shared>,
    parameters: Arc<Parameters>,
    state: Mutex<State>,
    /// No plan gave what it should.
    fallen_back: AtomicBool,
    int8_failed: AtomicBool,
}

struct Kept {
    plan: Arc<Plan>,
    /// What its 8-bit convolutions were made with.
    ranges: Option<ActivationRanges>,
}

#[derive(Default)]
struct State {
    weights: Option<Arc<Weights>>,
    /// The latest is the last.
    plans: Vec<Kept>,
    /// Of the ranges that were asked for last.
    quantized: Option<(ActivationRanges, Arc<Quantized>)>,
    /// Choices of algorithms that gave what the plain network gives.
    checked: Vec<Vec<Tiling>>,
    /// Whether 8-bit convolutions with these weights gave about that.
    checked_int8: bool,
    /// What plans are compared with.
    check: Option<Arc<Check>>,
}

impl CpuNetwork {
    pub fn new(engine: &Arc<Shared>, model: &Model) -> Self {
        let common = Common {
            engine: Arc::clone(engine),
            parameters: Arc::clone(model.parameters()),
            state: Mutex::default(),
            fallen_back: AtomicBool::new(false),
            int8_failed: AtomicBool::new(false),
        };
        CpuNetwork { common: Arc::new(common), ranges: model.metadata().activation_ranges.clone() }
    }

    /// With what its convolutions are computed in 8 bits, when they are.
    fn ranges(&self) -> Option<&ActivationRanges> {
        let usable = self.common.engine.is_int8() && !self.common.int8_failed.load(Ordering::Relaxed);
        self.ranges.as_ref().filter(|_| usable)
    }

    fn run(&self, images: &Images, output: Output) -> Result<Option<(Arc<Plan>, Vec<f32>)>> {
        let Some(plan) = self.common.plan_for(images.height, images.width, self.ranges())? else {
            return Ok(None);
        };
        let views: Vec<TileView> = images.views.iter().map(TileView::from).collect();
        let values = plan.run(self.common.engine.pool(), &views, output)?;
        Ok(Some((plan, values)))
    }
}

impl<'a> From<&ImageView<'a>> for TileView<'a> {
    fn from(view: &ImageView<'a>) -> Self {
        TileView { samples: view.samples(), row_step: view.row_step, channels: view.channels }
    }
}

impl Network for CpuNetwork {
    fn engine(&self) -> EngineName {
        match self.common.fallen_back.load(Ordering::Relaxed) {
            true => EngineName::Reference,
            false if self.ranges().is_some() => EngineName::PlanAvx512Int8,
            false => self.common.engine.instructions.engine(),
        }
    }

    fn logits(&self, images: &Images) -> Result<Vec<f32>> {
        if let Some((_, logits)) = self.run(images, Output::Logit)? {
            return Ok(logits);
        }
        let reference = self.common.reference();
        let size = (images.height, images.width);
        let logit = |view| Ok(reference.logit(&reference.features(view, size, &mut |_, _| {})?));
        images.views.iter().map(logit).collect()
    }

    fn features(&self, images: &Images) -> Result<FeatureMaps> {
        if let Some((plan, values)) = self.run(images, Output::Features)? {
            let last = plan.shape().last();
            return Ok(FeatureMaps { height: last.height, width: last.width, values });
        }
        let reference = self.common.reference();
        let mut maps = FeatureMaps { height: 0, width: 0, values: Vec::new() };
        for view in &images.views {
            let map = reference.features(view, (images.height, images.width), &mut |_, _| {})?;
            (maps.height, maps.width) = (map.height, map.width);
            maps.values.extend(map.values);
        }
        Ok(maps)
    }

    fn observe(&self, images: &Images, largest: &mut [f32]) -> Result<()> {
        let reference = self.common.reference();
        for view in &images.views {
            let mut seen = |weight: usize, found| raise(&mut largest[weight], found);
            reference.features(view, (images.height, images.width), &mut seen)?;
        }
        Ok(())
    }

    fn with_ranges(&self, ranges: Option<&ActivationRanges>) -> Arc<dyn Network> {
        Arc::new(CpuNetwork { common: Arc::clone(&self.common), ranges: ranges.cloned() })
    }
}

impl Common {
    fn reference(&self) -> Reference<'_> {
        Reference { parameters: &self.parameters, pool: self.engine.pool(), instructions: self.engine.instructions }
    }

    /// The plan for images of this size; none where the plain network computes.
    fn plan_for(&self, height: usize, width: usize, ranges: Option<&ActivationRanges>) -> Result<Option<Arc<Plan>>> {
        if self.fallen_back.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut state = self.state.lock();
        let fits = |kept: &Kept| {
            (kept.plan.shape().height, kept.plan.shape().width) == (height, width) && kept.ranges.as_ref() == ranges
        };
        if let Some(index) = state.plans.iter().position(fits) {
            let kept = state.plans.remove(index);
            let plan = Arc::clone(&kept.plan);
            state.plans.push(kept);
            return Ok(Some(plan));
        }
        // Another call may have found a difference while this one waited.
        if self.fallen_back.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let instructions = self.engine.instructions;
        let weights = match &state.weights {
            Some(weights) => Arc::clone(weights),
            None => Arc::clone(state.weights.insert(Arc::new(Weights::pack(instructions, &self.parameters)?))),
        };
        let shape = Shape::new(height, width);
        let tilings = shape.tilings();
        if !state.checked.contains(&tilings) {
            if let Err(difference) = self.check_tilings(&mut state, &weights, &tilings)? {
                *state = State::default();
                self.fallen_back.store(true, Ordering::Relaxed);
                let name = instructions.engine();
                let message = format!("{name} is not used for this model, the plain network computes it: {difference}");
                self.engine.log(LogLevel::Warning, &message);
                return Ok(None);
            }
            state.checked.push(tilings);
        }
        let ranges = match ranges {
            Some(_) if !state.checked_int8 => match self.check_int8(&mut state, &weights)? {
                Ok(()) => ranges,
                Err(difference) => {
                    self.int8_failed.store(true, Ordering::Relaxed);
                    let message = format!("8 bits are not used for this model, f32 is: {difference}");
                    self.engine.log(LogLevel::Warning, &message);
                    None
                }
            },
            ranges => ranges,
        };
        state.checked_int8 |= ranges.is_some();
        let plan = Arc::new(match ranges {
            Some(ranges) => Plan::with_int8(shape, &weights, &self.quantized(&mut state, ranges)?),
            None => Plan::new(shape, &weights, &self.parameters)?,
        });
        let megabytes = weights.bytes() as f64 / 1e6;
        let name = format!("{}{}", instructions.engine(), if plan.is_int8() { " in 8 bits" } else { "" });
        let message = format!("{name} for {width} x {height} pixels; packed weights: {megabytes:.0} MB");
        self.engine.log(LogLevel::Info, &message);
        if state.plans.len() == KEPT {
            state.plans.remove(0);
        }
        state.plans.push(Kept { plan: Arc::clone(&plan), ranges: ranges.cloned() });
        Ok(Some(plan))
    }

    fn quantized(&self, state: &mut State, ranges: &ActivationRanges) -> Result<Arc<Quantized>> {
        if let Some((of, quantized)) = &state.quantized
            && of == ranges
        {
            return Ok(Arc::clone(quantized));
        }
        let quantized = Arc::new(self.packed(ranges)?);
        state.quantized = Some((ranges.clone(), Arc::clone(&quantized)));
        Ok(quantized)
    }

    fn packed(&self, ranges: &ActivationRanges) -> Result<Quantized> {
        Quantized::pack(ranges, &self.parameters)?
            .ok_or_else(|| Error::internal("8-bit convolutions were chosen, but the processor lacks AVX-512 VNNI"))
    }

    /// What plans are compared with, computed when it is needed first.
    fn check(&self, state: &mut State) -> Result<Arc<Check>> {
        if let Some(check) = &state.check {
            return Ok(Arc::clone(check));
        }
        Ok(Arc::clone(state.check.insert(Arc::new(Check::of(&self.reference())?))))
    }

    fn check_tilings(&self, state: &mut State, weights: &Arc<Weights>, tilings: &[Tiling]) -> Result<Verdict> {
        let plan = Plan::new(Check::shape(tilings), weights, &self.parameters)?;
        self.check(state)?.verdict(self.engine.pool(), &plan)
    }

    fn check_int8(&self, state: &mut State, weights: &Arc<Weights>) -> Result<Verdict> {
        let check = self.check(state)?;
        let quantized = Arc::new(self.packed(&check.ranges()?)?);
        check.verdict_int8(self.engine.pool(), weights, &quantized)
    }
}
