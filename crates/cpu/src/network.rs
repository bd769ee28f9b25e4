//! A model's network on the CPU: plans, made on first use and checked against the reference network before they are
//! used.

use crate::engine::EngineShared;
use crate::plan::{NetworkPlan, NetworkShape, Output};
use crate::prepared::{LazyParameters, PreparedWeights};
use crate::reference::Reference;
use lens_base::{Error, LogLevel, Result};
use lens_engine::{EngineName, FeatureMaps, Network, check_images};
use lens_images::Images;
use lens_model::{ActivationRanges, LAYOUT, Model, Parameters, update_max};
use lens_system::fork::Mutex;
use once_cell::race::OnceBox;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Image sizes whose plans are cached. Packed weights are shared, so a plan costs its working memory.
const MAX_CACHED_PLANS: usize = 4;

/// A network, possibly with int8 convolutions.
pub struct CpuNetwork {
    shared: Arc<SharedNetwork>,
    ranges: Option<ActivationRanges>,
}

/// What networks of the same parameters share.
struct SharedNetwork {
    engine: Arc<EngineShared>,
    model: Model,
    cache: Mutex<PlanCache>,
    /// Parameters for the reference network, once a plan failed its check or if the reference was asked for.
    reference_parameters: OnceBox<Arc<Parameters>>,
    int8_failed: AtomicBool,
}

struct CachedPlan {
    plan: Arc<NetworkPlan>,
    /// The activation ranges of its int8 convolutions.
    ranges: Option<ActivationRanges>,
}

#[derive(Default)]
struct PlanCache {
    prepared: PreparedWeights,
    /// Most recently used last.
    plans: Vec<CachedPlan>,
}

impl CpuNetwork {
    pub fn new(engine: &Arc<EngineShared>, model: &Model) -> Result<Self> {
        let reference_parameters =
            if engine.is_reference() { OnceBox::with_value(Box::new(model.parameters()?)) } else { OnceBox::new() };
        let shared = SharedNetwork {
            engine: Arc::clone(engine),
            model: model.clone(),
            cache: Mutex::default(),
            reference_parameters,
            int8_failed: AtomicBool::new(false),
        };
        Ok(CpuNetwork { shared: Arc::new(shared), ranges: model.metadata().activation_ranges.clone() })
    }

    /// The activation ranges, if convolutions are computed in int8.
    fn ranges(&self) -> Option<&ActivationRanges> {
        let usable = self.shared.engine.is_int8() && !self.shared.int8_failed.load(Ordering::Relaxed);
        self.ranges.as_ref().filter(|_| usable)
    }

    /// Runs a plan; none if the reference computes.
    fn run(&self, images: &Images, output: Output) -> Result<Option<(Arc<NetworkPlan>, Vec<f32>)>> {
        check_images(images)?;
        let Some(plan) = self.shared.plan_for(images.height, images.width, self.ranges())? else {
            return Ok(None);
        };
        let values = plan.run(self.shared.engine.pool(), &images.views, output)?;
        Ok(Some((plan, values)))
    }
}

impl Network for CpuNetwork {
    fn engine(&self) -> EngineName {
        match self.shared.reference_parameters.get() {
            Some(_) => EngineName::Reference,
            None if self.ranges().is_some() => EngineName::PlanAvx512Int8,
            None => self.shared.engine.instructions.engine(),
        }
    }

    fn logits(&self, images: &Images) -> Result<Vec<f32>> {
        if let Some((_, logits)) = self.run(images, Output::Logit)? {
            return Ok(logits);
        }
        let parameters = self.shared.parameters()?;
        let reference = self.shared.reference(&parameters);
        let size = (images.height, images.width);
        let logit = |view| Ok(reference.logit(&reference.features(view, size, &mut |_, _| {})?));
        images.views.iter().map(logit).collect()
    }

    fn features(&self, images: &Images) -> Result<FeatureMaps> {
        if let Some((plan, values)) = self.run(images, Output::Features)? {
            let last = plan.shape().last();
            return Ok(FeatureMaps { height: last.height, width: last.width, values });
        }
        let parameters = self.shared.parameters()?;
        let reference = self.shared.reference(&parameters);
        let mut maps = FeatureMaps { height: 0, width: 0, values: Vec::new() };
        for view in &images.views {
            let map = reference.features(view, (images.height, images.width), &mut |_, _| {})?;
            (maps.height, maps.width) = (map.height, map.width);
            maps.values.extend(map.values);
        }
        Ok(maps)
    }

    fn observe(&self, images: &Images, maxima: &mut [f32]) -> Result<()> {
        check_images(images)?;
        if maxima.len() != LAYOUT.parameters().len() {
            let (room, needed) = (maxima.len(), LAYOUT.parameters().len());
            return Err(Error::argument(format!(
                "there is room for {room} ranges; the network has {needed} parameters"
            )));
        }
        let parameters = self.shared.parameters()?;
        let reference = self.shared.reference(&parameters);
        for view in &images.views {
            let mut observe = |weight: usize, found| update_max(&mut maxima[weight], found);
            reference.features(view, (images.height, images.width), &mut observe)?;
        }
        Ok(())
    }

    fn with_ranges(&self, ranges: Option<&ActivationRanges>) -> Arc<dyn Network> {
        Arc::new(CpuNetwork { shared: Arc::clone(&self.shared), ranges: ranges.cloned() })
    }
}

impl SharedNetwork {
    /// The model's parameters, for the reference.
    fn parameters(&self) -> Result<Arc<Parameters>> {
        self.reference_parameters.get().map_or_else(|| self.model.parameters(), |parameters| Ok(Arc::clone(parameters)))
    }

    fn reference<'a>(&'a self, parameters: &'a Parameters) -> Reference<'a> {
        Reference { parameters, pool: self.engine.pool(), instructions: self.engine.instructions }
    }

    /// The plan for images of this size; none if the reference computes.
    fn plan_for(
        &self,
        height: usize,
        width: usize,
        ranges: Option<&ActivationRanges>,
    ) -> Result<Option<Arc<NetworkPlan>>> {
        if self.reference_parameters.get().is_some() {
            return Ok(None);
        }
        let mut cache = self.cache.lock();
        let fits = |cached: &CachedPlan| {
            (cached.plan.shape().height, cached.plan.shape().width) == (height, width)
                && cached.ranges.as_ref() == ranges
        };
        if let Some(index) = cache.plans.iter().position(fits) {
            let cached = cache.plans.remove(index);
            let plan = Arc::clone(&cached.plan);
            cache.plans.push(cached);
            return Ok(Some(plan));
        }
        // Another call may have found a difference while this one waited for the lock.
        if self.reference_parameters.get().is_some() {
            return Ok(None);
        }
        let (shape, parameters) = (NetworkShape::new(height, width), LazyParameters::new(&self.model));
        let weights = match cache.prepared.weights(&self.engine, &parameters, &shape.tilings())? {
            Ok(weights) => weights,
            Err(difference) => {
                self.reference_parameters.get_or_try_init(|| parameters.get().cloned().map(Box::new))?;
                *cache = PlanCache::default();
                let name = self.engine.instructions.engine();
                let message =
                    format!("{name} is not used for this model, the reference network computes it: {difference}");
                self.engine.log(LogLevel::Warning, &message);
                return Ok(None);
            }
        };
        let quantized = match ranges {
            None => None,
            Some(ranges) => match cache.prepared.quantized(&self.engine, &parameters, &weights, ranges)? {
                Ok(quantized) => Some((ranges, quantized)),
                Err(difference) => {
                    self.int8_failed.store(true, Ordering::Relaxed);
                    let message = format!("8 bits are not used for this model, f32 is: {difference}");
                    self.engine.log(LogLevel::Warning, &message);
                    None
                }
            },
        };
        // Plans hold packed copies.
        self.model.release_parameters();
        let ranges = quantized.as_ref().map(|(ranges, _)| *ranges);
        let plan = Arc::new(match &quantized {
            Some((_, quantized)) => NetworkPlan::with_int8(shape, &weights, quantized),
            None => NetworkPlan::new(shape, &weights)?,
        });
        let megabytes = weights.bytes() as f64 / 1e6;
        let name = self.engine.instructions.engine();
        let name = format!("{name}{}", if plan.is_int8() { " in 8 bits" } else { "" });
        let message = format!("{name} for {width} x {height} pixels; packed weights: {megabytes:.0} MB");
        self.engine.log(LogLevel::Info, &message);
        if cache.plans.len() == MAX_CACHED_PLANS {
            cache.plans.remove(0);
        }
        cache.plans.push(CachedPlan { plan: Arc::clone(&plan), ranges: ranges.cloned() });
        Ok(Some(plan))
    }
}
