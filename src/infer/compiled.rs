//! A model's compiled network: made when it is needed first, checked against libtorch before it is believed.

use super::plan::int8::Quantized;
use super::plan::{Instructions, Output, Plan, Shape, TileView, Tiling, Weights};
use crate::data::generator;
use crate::error::{Error, Result};
use crate::model::{ActivationRanges, LAYOUT, Model};
use crate::runtime::{HostPixels, LogLevel, Pool, TORCH, catch};
use parking_lot::Mutex;
use rand::RngExt;
use std::sync::Arc;
use tch::{Kind, Tensor};

/// Sizes of images that plans are kept for; packed weights are shared, so each costs its working memory.
const KEPT: usize = 4;
/// Side of the images that a plan is checked with.
const CHECK_SIDE: usize = 64;
/// Largest difference from libtorch on them, as a share of the largest value. Rounding stays below a hundredth of this, and
/// weights in wrong places are far above.
const TOLERANCE: f32 = 1e-3;
/// Mean difference of 8-bit features from libtorch's on them, as a share of their mean size: rounding to bytes makes a few
/// hundredths, weights in wrong places about 1.
const TOLERANCE_INT8: f64 = 0.3;

#[derive(Default)]
struct Compiled {
    state: Mutex<State>,
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
    /// Models that differ in their ranges alone share this.
    quantized: Option<(ActivationRanges, Arc<Quantized>)>,
    /// Choices of algorithms that gave what libtorch gives.
    checked: Vec<Vec<Tiling>>,
    /// Whether 8-bit convolutions with these weights gave about what libtorch gives.
    checked_int8: bool,
}

/// The plan for images of this size; none where libtorch computes.
pub fn plan_for(model: &Model, height: usize, width: usize) -> Result<Option<Arc<Plan>>> {
    if model.network_engine() == TORCH {
        return Ok(None);
    }
    let mut state = model.extension(Compiled::default).state.lock();
    let ranges = model.activation_ranges();
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
    let Some(instructions) = Instructions::named(model.context().policy().engine.value) else {
        if model.network_engine() != TORCH {
            fall_back(model, &format!("this processor does not run {}", model.network_engine()));
        }
        return Ok(None);
    };
    let parameters = |index: usize| parameter(model, index);
    let weights = match &state.weights {
        Some(weights) => Arc::clone(weights),
        None => Arc::clone(state.weights.insert(Arc::new(Weights::pack(instructions, &parameters)?))),
    };
    let shape = Shape::new(height, width);
    let tilings = shape.tilings();
    if !state.checked.contains(&tilings) {
        if let Err(difference) = check(model, &weights, &tilings)? {
            *state = State::default();
            fall_back(model, &difference);
            return Ok(None);
        }
        state.checked.push(tilings);
    }
    if ranges.is_some()
        && !state.checked_int8
        && let Err(difference) = check_int8(model, &weights)?
    {
        *state = State::default();
        fall_back(model, &format!("in 8 bits, {difference}"));
        return Ok(None);
    }
    state.checked_int8 |= ranges.is_some();
    let plan = Arc::new(match quantized(&mut state, model)? {
        Some(quantized) => Plan::with_int8(shape, &weights, &quantized),
        None => Plan::new(shape, &weights, &parameters)?,
    });
    let megabytes = weights.bytes() as f64 / 1e6;
    let name = format!("{}{}", instructions.name(), if plan.is_int8() { " in 8 bits" } else { "" });
    let message = format!("{name} for {width} x {height} pixels; packed weights: {megabytes:.0} MB");
    model.context().log(LogLevel::Info, &message);
    if state.plans.len() == KEPT {
        state.plans.remove(0);
    }
    state.plans.push(Kept { plan: Arc::clone(&plan), ranges: ranges.cloned() });
    Ok(Some(plan))
}

/// The model's convolutions in 8 bits, when it was calibrated for that and they were asked for.
fn quantized(state: &mut State, model: &Model) -> Result<Option<Arc<Quantized>>> {
    let Some(ranges) = model.activation_ranges() else {
        return Ok(None);
    };
    if let Some((of, quantized)) = &state.quantized
        && of == ranges
    {
        return Ok(Some(Arc::clone(quantized)));
    }
    let quantized = packed(model, ranges)?;
    let quantized = Arc::new(quantized);
    state.quantized = Some((ranges.clone(), Arc::clone(&quantized)));
    Ok(Some(quantized))
}

fn packed(model: &Model, ranges: &ActivationRanges) -> Result<Quantized> {
    Quantized::pack(ranges, &|index| parameter(model, index))?
        .ok_or_else(|| Error::internal("8-bit convolutions were chosen, but the processor lacks AVX-512 VNNI"))
}

/// Runs a plan on the images of tensors of N x 3 x H x W, one tensor after the other; channels-last ones, whose images
/// may overlap and need not lie side by side, are read where they are.
pub fn run(plan: &Plan, pool: &Pool, images: &[Tensor], output: Output) -> Result<Vec<f32>> {
    let pixels = images.iter().map(HostPixels::of).collect::<Result<Vec<_>>>()?;
    let views = pixels.iter().flat_map(HostPixels::images);
    let views: Vec<TileView> = views.map(|(samples, row_step)| TileView { samples, row_step }).collect();
    plan.run(pool, &views, output)
}

fn fall_back(model: &Model, reason: &str) {
    let message = format!("{} is not used for this model, libtorch computes it: {reason}", model.network_engine());
    model.context().log(LogLevel::Warning, &message);
    model.fall_back_to_torch();
}

/// A parameter of the model, row by row.
fn parameter(model: &Model, index: usize) -> Result<Vec<f32>> {
    let tensor = model.network().parameters().nth(index);
    let tensor = tensor.ok_or_else(|| Error::internal(format!("there is no parameter {index}")))?;
    Ok(Vec::try_from(tensor.f_contiguous()?.f_view([-1])?)?)
}

/// Two small images of noise, in colours and in gray, which are computed differently, and the tensor that libtorch takes.
fn noise() -> (Vec<f32>, Tensor) {
    let mut random = generator(0, LAYOUT.parameters().len() as u64);
    let mut samples: Vec<f32> = (0..CHECK_SIDE * CHECK_SIDE * 3).map(|_| random.random()).collect();
    let gray: Vec<f32> = samples.iter().step_by(3).flat_map(|value| [*value; 3]).collect();
    samples.extend(gray);
    let side = CHECK_SIDE as i64;
    let input = Tensor::from_slice(&samples).view([2, side, side, 3]).permute([0, 3, 1, 2]);
    (samples, input)
}

fn run_on_noise(plan: &Plan, model: &Model, samples: &[f32], output: Output) -> Result<Vec<f32>> {
    let row_step = CHECK_SIDE * 3;
    let images: Vec<TileView> =
        samples.chunks_exact(CHECK_SIDE * row_step).map(|samples| TileView { samples, row_step }).collect();
    plan.run(model.context().pool(), &images, output)
}

/// Whether noise gives what it gives in libtorch; if not, how far it is off.
fn check(model: &Model, weights: &Arc<Weights>, tilings: &[Tiling]) -> Result<std::result::Result<(), String>> {
    let shape = Shape::with_tilings(CHECK_SIDE, CHECK_SIDE, |block, _, _| tilings[block]);
    let plan = Plan::new(shape, weights, &|index| parameter(model, index))?;
    model.context().enter();
    let (samples, input) = noise();
    let found = run_on_noise(&plan, model, &samples, Output::Map)?;
    let expected: Vec<f32> = catch(|| {
        let _guard = tch::no_grad_guard();
        let map = model.network().activation_map(&model.network().features(&input));
        Ok(Vec::try_from(map.f_to_kind(Kind::Float)?.f_contiguous()?.f_view([-1])?)?)
    })?;
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

/// Whether noise in 8 bits gives about what it gives in libtorch; if not, how far it is off. The ranges are those of the
/// noise: what is checked are kernels and weights, and a calibration for other images would cut it off.
fn check_int8(model: &Model, weights: &Arc<Weights>) -> Result<std::result::Result<(), String>> {
    model.context().enter();
    let (samples, input) = noise();
    let (ranges, expected) = catch(|| {
        let _guard = tch::no_grad_guard();
        let ranges = ActivationRanges::observe(model.network(), &[input.shallow_clone()])?;
        let features = model.network().features(&input).f_permute([0, 2, 3, 1])?.f_to_kind(Kind::Float)?;
        Ok((ranges, Vec::<f32>::try_from(features.f_contiguous()?.f_view([-1])?)?))
    })?;
    let plan = Plan::with_int8(Shape::new(CHECK_SIDE, CHECK_SIDE), weights, &Arc::new(packed(model, &ranges)?));
    let found = run_on_noise(&plan, model, &samples, Output::Features)?;
    let sum = |values: &mut dyn Iterator<Item = f32>| values.map(|value| f64::from(value.abs())).sum::<f64>();
    let size = sum(&mut expected.iter().copied());
    let difference = sum(&mut found.iter().zip(&expected).map(|(found, expected)| found - expected));
    // NaN, too, is a difference.
    if difference <= TOLERANCE_INT8 * size {
        return Ok(Ok(()));
    }
    Ok(Err(format!("features of test images differ by {difference:e} in all, of {size:e}")))
}
