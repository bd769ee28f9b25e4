//! A model's network on the CPU: its plans, made when they are needed first and compared with the plain network before
//! they are believed.

use crate::engine::Shared;
use crate::plan::{Output, Plan, Shape};
use crate::prepared::{LazyParameters, Prepared};
use crate::reference::Reference;
use lens_base::{Error, LogLevel, Result};
use lens_engine::{EngineName, FeatureMaps, Network, check_images};
use lens_images::Images;
use lens_model::{ActivationRanges, LAYOUT, Model, Parameters, raise};
use once_cell::sync::OnceCell;
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
    model: Model,
    state: Mutex<State>,
    /// The numbers for the plain network, once no plan gave what it should, or where none is wanted.
    plain: OnceCell<Arc<Parameters>>,
    int8_failed: AtomicBool,
}

struct Kept {
    plan: Arc<Plan>,
    /// What its 8-bit convolutions were made with.
    ranges: Option<ActivationRanges>,
}

#[derive(Default)]
struct State {
    prepared: Prepared,
    /// The latest is the last.
    plans: Vec<Kept>,
}

impl CpuNetwork {
    pub fn new(engine: &Arc<Shared>, model: &Model) -> Result<Self> {
        let plain = if engine.is_plain() { OnceCell::with_value(model.parameters()?) } else { OnceCell::new() };
        let common = Common {
            engine: Arc::clone(engine),
            model: model.clone(),
            state: Mutex::default(),
            plain,
            int8_failed: AtomicBool::new(false),
        };
        Ok(CpuNetwork { common: Arc::new(common), ranges: model.metadata().activation_ranges.clone() })
    }

    /// With what its convolutions are computed in 8 bits, when they are.
    fn ranges(&self) -> Option<&ActivationRanges> {
        let usable = self.common.engine.is_int8() && !self.common.int8_failed.load(Ordering::Relaxed);
        self.ranges.as_ref().filter(|_| usable)
    }

    /// By a plan; none where the plain network computes.
    fn run(&self, images: &Images, output: Output) -> Result<Option<(Arc<Plan>, Vec<f32>)>> {
        check_images(images)?;
        let Some(plan) = self.common.plan_for(images.height, images.width, self.ranges())? else {
            return Ok(None);
        };
        let values = plan.run(self.common.engine.pool(), &images.views, output)?;
        Ok(Some((plan, values)))
    }
}

impl Network for CpuNetwork {
    fn engine(&self) -> EngineName {
        match self.common.plain.get() {
            Some(_) => EngineName::Reference,
            None if self.ranges().is_some() => EngineName::PlanAvx512Int8,
            None => self.common.engine.instructions.engine(),
        }
    }

    fn logits(&self, images: &Images) -> Result<Vec<f32>> {
        if let Some((_, logits)) = self.run(images, Output::Logit)? {
            return Ok(logits);
        }
        let parameters = self.common.parameters()?;
        let reference = self.common.reference(&parameters);
        let size = (images.height, images.width);
        let logit = |view| Ok(reference.logit(&reference.features(view, size, &mut |_, _| {})?));
        images.views.iter().map(logit).collect()
    }

    fn features(&self, images: &Images) -> Result<FeatureMaps> {
        if let Some((plan, values)) = self.run(images, Output::Features)? {
            let last = plan.shape().last();
            return Ok(FeatureMaps { height: last.height, width: last.width, values });
        }
        let parameters = self.common.parameters()?;
        let reference = self.common.reference(&parameters);
        let mut maps = FeatureMaps { height: 0, width: 0, values: Vec::new() };
        for view in &images.views {
            let map = reference.features(view, (images.height, images.width), &mut |_, _| {})?;
            (maps.height, maps.width) = (map.height, map.width);
            maps.values.extend(map.values);
        }
        Ok(maps)
    }

    fn observe(&self, images: &Images, largest: &mut [f32]) -> Result<()> {
        check_images(images)?;
        if largest.len() != LAYOUT.parameters().len() {
            let (room, needed) = (largest.len(), LAYOUT.parameters().len());
            return Err(Error::argument(format!(
                "there is room for {room} ranges; the network has {needed} parameters"
            )));
        }
        let parameters = self.common.parameters()?;
        let reference = self.common.reference(&parameters);
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
    /// The model's numbers, for whoever computes without a plan.
    fn parameters(&self) -> Result<Arc<Parameters>> {
        self.plain.get().map_or_else(|| self.model.parameters(), |parameters| Ok(Arc::clone(parameters)))
    }

    fn reference<'a>(&'a self, parameters: &'a Parameters) -> Reference<'a> {
        Reference { parameters, pool: self.engine.pool(), instructions: self.engine.instructions }
    }

    /// The plan for images of this size; none where the plain network computes.
    fn plan_for(&self, height: usize, width: usize, ranges: Option<&ActivationRanges>) -> Result<Option<Arc<Plan>>> {
        if self.plain.get().is_some() {
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
        if self.plain.get().is_some() {
            return Ok(None);
        }
        let (shape, numbers) = (Shape::new(height, width), LazyParameters::new(&self.model));
        let weights = match state.prepared.weights(&self.engine, &numbers, &shape.tilings())? {
            Ok(weights) => weights,
            Err(difference) => {
                self.plain.get_or_try_init(|| numbers.get().cloned())?;
                *state = State::default();
                let name = self.engine.instructions.engine();
                let message = format!("{name} is not used for this model, the plain network computes it: {difference}");
                self.engine.log(LogLevel::Warning, &message);
                return Ok(None);
            }
        };
        let quantized = match ranges {
            None => None,
            Some(ranges) => match state.prepared.quantized(&self.engine, &numbers, &weights, ranges)? {
                Ok(quantized) => Some((ranges, quantized)),
                Err(difference) => {
                    self.int8_failed.store(true, Ordering::Relaxed);
                    let message = format!("8 bits are not used for this model, f32 is: {difference}");
                    self.engine.log(LogLevel::Warning, &message);
                    None
                }
            },
        };
        // Plans read what is packed.
        self.model.release_parameters();
        let ranges = quantized.as_ref().map(|(ranges, _)| *ranges);
        let plan = Arc::new(match &quantized {
            Some((_, quantized)) => Plan::with_int8(shape, &weights, quantized),
            None => Plan::new(shape, &weights)?,
        });
        let megabytes = weights.bytes() as f64 / 1e6;
        let name = self.engine.instructions.engine();
        let name = format!("{name}{}", if plan.is_int8() { " in 8 bits" } else { "" });
        let message = format!("{name} for {width} x {height} pixels; packed weights: {megabytes:.0} MB");
        self.engine.log(LogLevel::Info, &message);
        if state.plans.len() == KEPT {
            state.plans.remove(0);
        }
        state.plans.push(Kept { plan: Arc::clone(&plan), ranges: ranges.cloned() });
        Ok(Some(plan))
    }
}
