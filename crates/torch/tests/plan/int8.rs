//! Plans with int8 convolutions compared with libtorch computing with quantised values.

use super::{NETWORK, classified, libtorch_network, packed, pictures, tensor, views};
use lens_base::{Result, left_out};
use lens_cpu::plan::int8::{QuantizedWeights, is_available};
use lens_cpu::plan::{NetworkPlan, NetworkShape, Output};
use lens_cpu::{Instructions, Pool};
use lens_engine::EngineName;
use lens_engine::policy::{DeviceRequest, PrecisionRequest};
use lens_model::{ActivationRanges, LAYOUT, Metadata, Model};
use lens_runtime::{Classifier, Context, ContextOptions, Variant};
use std::sync::{Arc, LazyLock};
use tch::{Kind, Tensor};

/// Height and width of the calibration pictures.
const SIZES: [(usize, usize); 2] = [(64, 64), (96, 72)];

static RANGES: LazyLock<ActivationRanges> = LazyLock::new(|| {
    let batches = SIZES.map(|(height, width)| tensor(&pictures(8, height, width), height, width));
    observed(&batches).unwrap()
});

/// Activation ranges, computed by libtorch.
fn observed(batches: &[Tensor]) -> Result<ActivationRanges> {
    let _guard = tch::no_grad_guard();
    let network = libtorch_network(&NETWORK);
    let mut maxima = vec![0.0f32; LAYOUT.parameters().len()];
    for batch in batches {
        network.observe(batch, &mut |convolution, input| {
            // In plans, the average pooling of a transition comes before its convolution.
            let pooled = LAYOUT.transitions.iter().any(|transition| transition.conv == convolution);
            let input = if pooled { input.avg_pool2d(2, 2, 0, false, true, None) } else { input.shallow_clone() };
            let seen = &mut maxima[convolution];
            let found = input.max().double_value(&[]) as f32;
            if !seen.is_nan() && (found > *seen || found.is_nan()) {
                *seen = found;
            }
        });
    }
    ActivationRanges::from_maxima(&maxima)
}

fn quantized() -> Option<Arc<QuantizedWeights>> {
    let quantized = QuantizedWeights::pack(&RANGES, &NETWORK).unwrap();
    assert_eq!(quantized.is_some(), is_available());
    if quantized.is_none() {
        left_out("this processor has no AVX-512 VNNI");
    }
    quantized.map(Arc::new)
}

fn plan(height: usize, width: usize, quantized: &Arc<QuantizedWeights>) -> NetworkPlan {
    let weights = packed(Instructions::available().pop().unwrap());
    NetworkPlan::with_int8(NetworkShape::new(height, width), &weights, quantized)
}

fn parameter(name: &str) -> Tensor {
    let index = LAYOUT.parameters().iter().position(|spec| spec.name == name).unwrap();
    let shape: Vec<i64> = LAYOUT.parameters()[index].shape.iter().map(|side| *side as i64).collect();
    Tensor::from_slice(NETWORK.of(index)).view(&shape[..])
}

/// A batch norm as scale and shift.
fn scale_shift(name: &str) -> (Tensor, Tensor) {
    let [weight, bias, mean, variance] =
        ["weight", "bias", "running_mean", "running_var"].map(|part| parameter(&format!("{name}.{part}")));
    let scale = weight / (variance + 1e-5).sqrt();
    let shift = bias - mean * &scale;
    (scale.view([1, -1, 1, 1]), shift.view([1, -1, 1, 1]))
}

fn norm(input: &Tensor, name: &str) -> Tensor {
    let (scale, shift) = scale_shift(name);
    input * scale + shift
}

/// A convolution with quantised input and weights.
fn rounded(input: &Tensor, weight: &Tensor, padding: i64, maxima: f32) -> Tensor {
    let scale = f64::from(maxima) / 255.0;
    let input = (input / scale).round().clamp(0.0, 255.0) * scale;
    let scales = weight.abs().amax(&[1i64, 2, 3][..], true) / 127.0;
    let weight = (weight / scales.clamp_min(1e-30)).round() * scales;
    input.conv2d::<&Tensor>(&weight, None, 1, padding, 1, 1)
}

/// The last feature map of the quantised network.
fn features(input: &Tensor) -> Tensor {
    let mut ranges = RANGES.values().iter();
    let mut next = || *ranges.next().unwrap();
    let stem = input.conv2d::<&Tensor>(&parameter("features.conv0.weight"), None, 2, 3, 1, 1);
    let mut values = norm(&stem, "features.norm0").relu().max_pool2d(3, 2, 1, 1, false);
    for (block, layers) in [6, 12, 24, 16].into_iter().enumerate().map(|(index, layers)| (index + 1, layers)) {
        for layer in 1..=layers {
            let name = format!("features.denseblock{block}.denselayer{layer}");
            let (scale, shift) = scale_shift(&format!("{name}.norm2"));
            let weight = parameter(&format!("{name}.conv1.weight")) * scale.view([-1, 1, 1, 1]);
            let inner = rounded(&norm(&values, &format!("{name}.norm1")).relu(), &weight, 0, next());
            let weight = parameter(&format!("{name}.conv2.weight"));
            let added = rounded(&(inner + shift).relu(), &weight, 1, next());
            values = Tensor::cat(&[values, added], 1);
        }
        if block < 4 {
            let name = format!("features.transition{block}");
            let pooled = norm(&values, &format!("{name}.norm")).relu().avg_pool2d(2, 2, 0, false, true, None);
            values = rounded(&pooled, &parameter(&format!("{name}.conv.weight")), 0, next());
        }
    }
    norm(&values, "features.norm5")
}

#[test]
fn int8_plan_matches_quantised_libtorch() {
    let Some(quantized) = quantized() else { return };
    let (network, pool) = (libtorch_network(&NETWORK), Pool::new(2, 2));
    let _guard = tch::no_grad_guard();
    for (count, height, width) in [(2, 32, 32), (3, 33, 33), (5, 64, 64), (3, 75, 97), (1, 224, 224)] {
        let values = pictures(count, height, width);
        let expected = features(&tensor(&values, height, width));
        let exact = network.features(&tensor(&values, height, width));
        let plan = plan(height, width, &quantized);
        let found = plan.run(&pool, &views(&values, height, width), Output::Features).unwrap();
        let found = Tensor::from_slice(&found).view_as(&expected.permute([0, 2, 3, 1])).permute([0, 3, 1, 2]);
        let distance = |other: &Tensor| {
            let mean = |tensor: Tensor| tensor.abs().mean(Kind::Double).double_value(&[]);
            mean(&found - other) / mean(other.shallow_clone())
        };
        // A value near the middle between two quantisation steps may be rounded either way, which changes what follows;
        // the kernels' own tests are exact.
        let (from_rounded, from_exact) = (distance(&expected), distance(&exact));
        println!("{count} of {width} x {height}: {from_rounded:.1e} from rounded, {from_exact:.1e} from exact");
        assert!(from_rounded < 0.05, "{count} of {width} x {height}: {from_rounded}");
        assert!(from_rounded < from_exact && from_exact < 0.2, "{count} of {width} x {height}: {from_exact}");
    }
}

#[test]
fn int8_bits_do_not_depend_on_batch_and_threads() {
    let Some(quantized) = quantized() else { return };
    for (height, width) in [(32, 32), (33, 33), (64, 64), (75, 97), (224, 224)] {
        let plan = plan(height, width, &quantized);
        let values = pictures(7, height, width);
        let images = views(&values, height, width);
        let one = Pool::new(1, 1);
        let alone: Vec<f32> = images.iter().map(|image| plan.run(&one, &[*image], Output::Logit).unwrap()[0]).collect();
        for threads in [1, 2, 3, 8] {
            let pool = Pool::new(threads, threads);
            for count in [1, 2, 5, 7] {
                let found = plan.run(&pool, &images[..count], Output::Logit).unwrap();
                assert_eq!(found, alone[..count], "{count} of {width} x {height}, {threads} threads");
            }
        }
    }
}

#[test]
fn non_finite_pixel_gives_nan_logit() {
    let Some(quantized) = quantized() else { return };
    let plan = plan(64, 64, &quantized);
    let mut values = pictures(3, 64, 64);
    let expected = plan.run(&Pool::new(2, 2), &views(&values, 64, 64), Output::Logit).unwrap();
    values[64 * 64 * 3 + 777] = f32::NAN;
    values[64 * 64 * 3 * 3 - 1] = f32::INFINITY;
    let found = plan.run(&Pool::new(2, 2), &views(&values, 64, 64), Output::Logit).unwrap();
    assert_eq!(found[0], expected[0]);
    assert!(found[1].is_nan() && found[2].is_nan(), "{found:?}");
}

#[test]
fn activation_ranges_round_trip_and_validation() {
    let values = RANGES.values().to_vec();
    assert_eq!(ActivationRanges::from_values(values.clone()).unwrap(), *RANGES);
    assert!(ActivationRanges::from_values(values[1..].to_vec()).unwrap_err().message().contains("118 ranges"));
    for bad in [f32::NAN, -1.0, f32::INFINITY] {
        let mut values = values.clone();
        values[5] = bad;
        assert!(ActivationRanges::from_values(values).unwrap_err().message().contains(&format!("{bad}")));
    }
    let image = tensor(&pictures(1, 32, 32), 32, 32) * f64::NAN;
    assert!(observed(&[image]).is_err());
    let batches = SIZES.map(|(height, width)| tensor(&pictures(8, height, width), height, width));
    let [one, other] = batches.map(|batch| observed(&[batch]).unwrap());
    let both: Vec<f32> = one.values().iter().zip(other.values()).map(|(one, other)| one.max(*other)).collect();
    assert_eq!(both, RANGES.values());
}

#[test]
fn calibrated_model_is_computed_in_int8_on_request() {
    let context =
        |precision| Context::new(ContextOptions { device: DeviceRequest::Cpu, precision, ..ContextOptions::default() });
    if !is_available() {
        assert!(context(PrecisionRequest::Int8).unwrap_err().message().contains("VNNI"));
        left_out("this processor has no AVX-512 VNNI");
        return;
    }
    let bytes = context(PrecisionRequest::Int8).unwrap();
    let exact = Classifier::new(&bytes, Model::new(NETWORK.try_clone().unwrap(), Metadata::default())).unwrap();
    let mut metadata = exact.metadata().clone();
    metadata.activation_ranges = Some(RANGES.clone());
    let rounded = exact.with_metadata(metadata).unwrap();
    assert_eq!((exact.engine(), rounded.engine()), (EngineName::PlanAvx512, EngineName::PlanAvx512Int8));
    // Both share the packed weights.
    let (from_exact, from_rounded) = (classified(&exact).unwrap(), classified(&rounded).unwrap());
    assert_eq!(from_exact, classified(&exact).unwrap());
    assert_eq!(from_rounded, classified(&rounded).unwrap());
    assert_ne!(from_exact, from_rounded);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    rounded.optimize(Variant::Int8, &path).unwrap();
    assert!(exact.optimize(Variant::Int8, &path).is_err());
    assert_eq!(classified(&Classifier::load(&bytes, &path).unwrap()).unwrap(), from_rounded);
    // Other contexts compute it in f32.
    let plain = Classifier::load(&context(PrecisionRequest::Auto).unwrap(), &path).unwrap();
    assert_eq!(classified(&plain).unwrap(), from_exact);
}

#[test]
fn failed_int8_check_falls_back() {
    if !is_available() {
        left_out("this processor has no AVX-512 VNNI");
        return;
    }
    let mut parameters = NETWORK.try_clone().unwrap();
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        // The first input of each layer becomes so large that all others are quantised to 0; its weights are 0.
        if spec.name.ends_with("norm1.weight") || spec.name.ends_with("norm1.bias") {
            parameters.of_mut(index)[0] = 1e6;
        } else if spec.name.ends_with("conv1.weight") {
            parameters.of_mut(index).chunks_exact_mut(spec.shape[1]).for_each(|weights| weights[0] = 0.0);
        }
    }
    let said = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let lines = Arc::clone(&said);
    let log = move |_, message: &str| lines.lock().push(message.to_string());
    let (device, precision) = (DeviceRequest::Cpu, PrecisionRequest::Int8);
    let options = ContextOptions { device, precision, log: Some(Box::new(log)), ..ContextOptions::default() };
    let mut metadata = Metadata::default();
    metadata.activation_ranges = Some(RANGES.clone());
    let model = Classifier::new(&Context::new(options).unwrap(), Model::new(parameters, metadata)).unwrap();
    assert_eq!(model.engine(), EngineName::PlanAvx512Int8);
    classified(&model).unwrap();
    assert_eq!(model.engine(), EngineName::PlanAvx512);
    let said = said.lock().join("\n");
    assert!(said.contains("8 bits are not used for this model, f32 is: features of test images differ "), "{said}");
}
