//! Inference plans compared with libtorch, for every instruction set of this machine.

use lens_conformance::extreme_parameters;
use lens_cpu::plan::{NetworkPlan, NetworkShape, Output, PackedWeights, Tiling};
use lens_cpu::{Instructions, Pool};
use lens_engine::EngineName;
use lens_engine::policy::{DeviceRequest, EngineRequest};
use lens_images::{Batch, ImageView, Raster};
use lens_model::{LAYOUT, Metadata, Model, Parameters};
use lens_runtime::{Classifier, Context, ContextOptions};
use lesionlens_torch::DenseNet;
use std::sync::{Arc, LazyLock};
use tch::{Device, Kind, Tensor};

#[cfg(target_arch = "x86_64")]
#[path = "plan/int8.rs"]
mod int8;

/// The parameters of both.
static NETWORK: LazyLock<Parameters> = LazyLock::new(|| {
    let options = ContextOptions { device: DeviceRequest::Cpu, ..ContextOptions::default() };
    extreme_parameters(Context::new(options).unwrap().engine())
});

fn libtorch_network(parameters: &Parameters) -> DenseNet<Tensor> {
    DenseNet::of(parameters, Device::Cpu).unwrap()
}

fn packed(instructions: Instructions) -> Arc<PackedWeights> {
    Arc::new(PackedWeights::pack(instructions, &NETWORK).unwrap())
}

fn plan_of(weights: &Arc<PackedWeights>, shape: NetworkShape) -> NetworkPlan {
    weights.pack_filters(&Pool::new(2, 2), &shape.tilings(), &NETWORK).unwrap();
    NetworkPlan::new(shape, weights).unwrap()
}

/// What each pixel of a feature map adds to the logit.
fn activation_map(features: &Tensor) -> Tensor {
    let weight = Tensor::from_slice(NETWORK.of(LAYOUT.head_weight)).view([1, -1, 1, 1]);
    let bias = Tensor::from_slice(NETWORK.of(LAYOUT.head_bias));
    features.relu().conv2d(&weight, Some(&bias), 1, 0, 1, 1)
}

/// Channels last.
fn pictures(count: usize, height: usize, width: usize) -> Vec<f32> {
    lens_conformance::pictures(count, height, width).values
}

fn views(values: &[f32], height: usize, width: usize) -> Vec<ImageView<'_>> {
    let image = |samples| ImageView { memory: samples, offset: 0, row_step: width * 3, channels: 3 };
    values.chunks_exact(height * width * 3).map(image).collect()
}

fn tensor(values: &[f32], height: usize, width: usize) -> Tensor {
    Tensor::from_slice(values).view([-1, height as i64, width as i64, 3]).permute([0, 3, 1, 2])
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.to_kind(Kind::Float).contiguous().view([-1])).unwrap()
}

#[test]
fn tilings_and_outputs_match_libtorch() {
    let network = libtorch_network(&NETWORK);
    let _guard = tch::no_grad_guard();
    let pool = Pool::new(2, 2);
    let (height, width) = (75, 97);
    let values = pictures(3, height, width);
    let features = network.features(&tensor(&values, height, width));
    for instructions in Instructions::available() {
        let weights = packed(instructions);
        for tiling in [Tiling::F2x2, Tiling::F4x4] {
            let plan = plan_of(&weights, NetworkShape::with_tilings(height, width, |_, _, _| tiling));
            for (output, expected) in [
                (Output::Logit, network.head(&features)),
                (Output::ActivationMap, activation_map(&features)),
                (Output::Features, features.permute([0, 2, 3, 1])),
            ] {
                let found = plan.run(&pool, &views(&values, height, width), output).unwrap();
                let expected = floats(&expected);
                assert_eq!(found.len(), expected.len());
                let scale = expected.iter().fold(0f32, |scale, value| scale.max(value.abs()));
                for (found, expected) in found.iter().zip(&expected) {
                    let error = (found - expected).abs() / scale;
                    assert!(
                        error < 3e-5,
                        "{} {tiling:?} {output:?}: {found} {expected} of {scale}",
                        instructions.engine()
                    );
                }
            }
        }
    }
}

#[test]
fn bits_do_not_depend_on_batch_and_threads() {
    let sizes = [(64, 64), (75, 97), (224, 224)];
    for instructions in Instructions::available() {
        let weights = packed(instructions);
        for (height, width) in if instructions.engine() == EngineName::PlanPortable { &sizes[..2] } else { &sizes[..] }
        {
            let plan = plan_of(&weights, NetworkShape::new(*height, *width));
            let values = pictures(11, *height, *width);
            let images = views(&values, *height, *width);
            let alone: Vec<f32> = (0..images.len())
                .map(|image| plan.run(&Pool::new(1, 1), &images[image..=image], Output::Logit).unwrap()[0])
                .collect();
            for threads in [1, 2, 3, 8] {
                let pool = Pool::new(threads, threads);
                for count in [1, 2, 5, 11] {
                    let together = plan.run(&pool, &images[..count], Output::Logit).unwrap();
                    assert_eq!(
                        together,
                        alone[..count],
                        "{} {threads} threads {width} x {height}",
                        instructions.engine()
                    );
                }
            }
        }
    }
}

#[test]
fn concurrent_calls_share_pool_and_plan() {
    let weights = packed(Instructions::available().pop().unwrap());
    let plan = plan_of(&weights, NetworkShape::new(64, 64));
    let values = pictures(9, 64, 64);
    let images = views(&values, 64, 64);
    let expected = plan.run(&Pool::new(1, 1), &images, Output::Logit).unwrap();
    for (threads, capacity) in [(1, 1), (2, 2), (3, 4)] {
        let pool = Pool::new(threads, capacity);
        std::thread::scope(|scope| {
            for caller in 0..6 {
                let (pool, plan, images, expected) = (&pool, &plan, &images, &expected);
                scope.spawn(move || {
                    for round in 0..8 {
                        let count = 1 + (caller + round) % images.len();
                        let found = plan.run(pool, &images[..count], Output::Logit).unwrap();
                        assert_eq!(found, expected[..count]);
                    }
                });
            }
        });
    }
}

fn model(engine: EngineRequest, parameters: Parameters, log: Arc<parking_lot::Mutex<Vec<String>>>) -> Classifier {
    let log = move |_, message: &str| log.lock().push(message.to_string());
    let device = DeviceRequest::Cpu;
    let options = ContextOptions { device, engine, log: Some(Box::new(log)), ..ContextOptions::default() };
    Classifier::new(&Context::new(options).unwrap(), Model::new(parameters, Metadata::default())).unwrap()
}

fn classified(model: &Classifier) -> lens_base::Result<Vec<f32>> {
    let values = pictures(3, 96, 64);
    let raster = |image: &[f32]| Raster::new(64, 96, 3, image.to_vec()).unwrap();
    let mut batch = Batch::new(64, 96);
    for image in values.chunks_exact(96 * 64 * 3) {
        batch.push(&raster(image), 0, 0, model.preprocessing());
    }
    lens_tasks::classify::logits(model, &batch)
}

#[test]
fn requested_engine_computes() {
    let log = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let torch = model(EngineRequest::Torch, NETWORK.try_clone().unwrap(), Arc::clone(&log));
    let plan = model(EngineRequest::Plan, NETWORK.try_clone().unwrap(), Arc::clone(&log));
    let (expected, found) = (classified(&torch).unwrap(), classified(&plan).unwrap());
    assert_eq!(torch.engine(), EngineName::Torch);
    assert_eq!(plan.describe()["engine"], Instructions::available().pop().unwrap().engine().as_str());
    assert_ne!(expected, found, "both came from one engine");
    for (found, expected) in found.iter().zip(&expected) {
        assert!(((found - expected) / expected).abs() < 1e-4, "{found} {expected}");
    }
    assert!(log.lock().is_empty(), "{:?}", log.lock());
}

#[test]
fn failed_plan_check_falls_back() {
    let mut parameters = NETWORK.try_clone().unwrap();
    // The stem overflows, so the plan's check cannot succeed.
    parameters.of_mut(LAYOUT.stem).iter_mut().for_each(|weight| *weight *= 1e38);
    let log = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let model = model(EngineRequest::Plan, parameters, Arc::clone(&log));
    assert!(classified(&model).is_err());
    assert_eq!(model.engine(), EngineName::Reference);
    let said = log.lock().join("\n");
    assert!(said.contains("plan-") && said.contains("test images"), "{said}");
    assert!(said.contains("is not used for this model, the reference network computes it: "), "{said}");
}
