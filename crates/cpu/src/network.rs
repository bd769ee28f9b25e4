//! A model's network on the CPU: its plans, made when they are needed first and compared with the plain network before
//! they are believed.

use crate::engine::Shared;
use crate::plan::int8::Quantized;
use crate::plan::{Output, Plan, Shape, TileView, Tiling, Weights};
use crate::reference::{Map, Reference};
use lens_base::{Error, LogLevel, Result, generator};
use lens_engine::{EngineName, FeatureMaps, Network};
use lens_images::{ImageView, Images};
use lens_model::{ActivationRanges, LAYOUT, Model, Parameters};
use parking_lot::Mutex;
use rand::RngExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Sizes of images that plans are kept for; packed weights are shared, so each costs its working memory.
const KEPT: usize = 4;
/// Side of the images that a plan is checked with.
const CHECK_SIDE: usize = 64;
/// Largest difference from the plain network on them, as a share of the largest value. Rounding stays below a hundredth of
/// this, and weights in wrong places are far above.
const TOLERANCE: f32 = 1e-3;
/// Mean difference of 8-bit features on them, as a share of their mean size: rounding to bytes makes a few hundredths,
/// weights in wrong places about 1.
const TOLERANCE_INT8: f64 = 0.3;

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
    /// What the plain network gives for the check's images.
    expected: Option<Arc<Vec<Map>>>,
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
        let views: Vec<TileView> = images.views.iter().map(tile_view).collect();
        let values = plan.run(self.common.engine.pool(), &views, output)?;
        Ok(Some((plan, values)))
    }
}

fn tile_view<'a>(view: &ImageView<'a>) -> TileView<'a> {
    TileView { samples: view.samples(), row_step: view.row_step, channels: view.channels }
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
            reference.features(view, (images.height, images.width), &mut |weight, found| {
                let seen = &mut largest[weight];
                // NaN stays, to be refused at the end.
                if !seen.is_nan() && (found > *seen || found.is_nan()) {
                    *seen = found;
                }
            })?;
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
            if let Err(difference) = self.check(&mut state, &weights, &tilings)? {
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

    /// What the plain network gives for the check's images.
    fn expected(&self, state: &mut State, noise: &[Vec<f32>; 2]) -> Result<Arc<Vec<Map>>> {
        if let Some(expected) = &state.expected {
            return Ok(Arc::clone(expected));
        }
        let reference = self.reference();
        let size = (CHECK_SIDE, CHECK_SIDE);
        let features = |samples: &Vec<f32>| reference.features(&noise_view(samples), size, &mut |_, _| {});
        let expected = Arc::new(noise.iter().map(features).collect::<Result<Vec<_>>>()?);
        state.expected = Some(Arc::clone(&expected));
        Ok(expected)
    }

    /// Whether noise gives what the plain network gives; if not, how far it is off.
    fn check(
        &self,
        state: &mut State,
        weights: &Arc<Weights>,
        tilings: &[Tiling],
    ) -> Result<std::result::Result<(), String>> {
        let shape = Shape::with_tilings(CHECK_SIDE, CHECK_SIDE, |block, _, _| tilings[block]);
        let plan = Plan::new(shape, weights, &self.parameters)?;
        let noise = noise();
        let expected = self.expected(state, &noise)?;
        let expected: Vec<f32> = expected.iter().flat_map(|map| self.activation_map(map)).collect();
        let found = self.run_on_noise(&plan, &noise, Output::Map)?;
        let largest = expected.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        let differences = found.iter().zip(&expected).map(|(found, expected)| (found - expected).abs());
        // Not by `max`, which would overlook NaN.
        let bad = differences.clone().any(|difference| difference.is_nan() || difference > TOLERANCE * largest);
        if !bad {
            return Ok(Ok(()));
        }
        let worst = differences.fold(0f32, |worst, difference| if difference <= worst { worst } else { difference });
        Ok(Err(format!("on test images it differs by {worst:e} in values of up to {largest:e}")))
    }

    /// What each place adds to the logit.
    fn activation_map(&self, features: &Map) -> Vec<f32> {
        let (weight, bias) = (self.parameters.of(LAYOUT.head_weight), self.parameters.of(LAYOUT.head_bias)[0]);
        let place = |values: &[f32]| {
            let products =
                values.iter().zip(weight).map(|(value, weight)| f64::from(value.max(0.0)) * f64::from(*weight));
            (products.sum::<f64>() + f64::from(bias)) as f32
        };
        features.values.chunks_exact(features.channels).map(place).collect()
    }

    /// Whether noise in 8 bits gives about what the plain network gives; if not, how far it is off. The ranges are those
    /// of the noise: what is checked are kernels and weights, and a calibration for other images would cut it off.
    fn check_int8(&self, state: &mut State, weights: &Arc<Weights>) -> Result<std::result::Result<(), String>> {
        let noise = noise();
        let mut largest = vec![0f32; LAYOUT.parameters().len()];
        let reference = self.reference();
        for samples in &noise {
            let size = (CHECK_SIDE, CHECK_SIDE);
            reference.features(&noise_view(samples), size, &mut |weight, found| {
                largest[weight] = largest[weight].max(found);
            })?;
        }
        let ranges = ActivationRanges::of_largest(&largest)?;
        let expected = self.expected(state, &noise)?;
        let plan = Plan::with_int8(Shape::new(CHECK_SIDE, CHECK_SIDE), weights, &Arc::new(self.packed(&ranges)?));
        let found = self.run_on_noise(&plan, &noise, Output::Features)?;
        let expected = || expected.iter().flat_map(|map| map.values.iter().copied());
        let sum = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value.abs())).sum::<f64>();
        let size = sum(&mut expected());
        let difference = sum(&mut found.iter().zip(expected()).map(|(found, expected)| found - expected));
        // NaN, too, is a difference.
        if difference <= TOLERANCE_INT8 * size {
            return Ok(Ok(()));
        }
        Ok(Err(format!("features of test images differ by {difference:e} in all, of {size:e}")))
    }

    fn run_on_noise(&self, plan: &Plan, noise: &[Vec<f32>; 2], output: Output) -> Result<Vec<f32>> {
        let images: Vec<TileView> = noise.iter().map(|samples| tile_view(&noise_view(samples))).collect();
        plan.run(self.engine.pool(), &images, output)
    }
}

/// Two small images of noise: in colours and in gray, which are computed differently.
fn noise() -> [Vec<f32>; 2] {
    let mut random = generator(0, LAYOUT.parameters().len() as u64);
    let coloured: Vec<f32> = (0..CHECK_SIDE * CHECK_SIDE * 3).map(|_| random.random()).collect();
    let gray = coloured.iter().copied().step_by(3).collect();
    [coloured, gray]
}

fn noise_view(samples: &[f32]) -> ImageView<'_> {
    let channels = samples.len() / (CHECK_SIDE * CHECK_SIDE);
    ImageView { memory: samples, offset: 0, row_step: CHECK_SIDE * channels, channels }
}
