//! The compiled network against libtorch, for every instruction set of this machine.

use lens_cpu::plan::{Output, Plan, Shape, Tiling, Weights};
use lens_cpu::{Instructions, Pool};
use lens_engine::EngineName;
use lens_engine::policy::{DeviceRequest, EngineRequest};
use lens_images::{Batch, ImageView, Raster};
use lens_model::{LAYOUT, Metadata, Model, Parameters, Role};
use lens_runtime::{Classifier, Context, ContextOptions};
use lesionlens_torch::DenseNet;
use std::sync::{Arc, LazyLock};
use tch::{Device, Kind, Tensor};

#[cfg(target_arch = "x86_64")]
#[path = "plan/int8.rs"]
mod int8;

/// With the running statistics of a batch of noise, and after that with extreme ones that leave the function the same but
/// for epsilon: some channels of inner layers get thousands of times larger or smaller, some are cut off, and factors of
/// either sign.
fn extreme() -> Parameters {
    tch::manual_seed(5);
    let mut parameters = Parameters::initial(5).unwrap();
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        let noise = Tensor::rand([LAYOUT.count(index) as i64], (Kind::Float, Device::Cpu)) - 0.5;
        let values = match spec.role {
            Role::NormWeight => 1.0 + noise,
            Role::NormBias | Role::HeadBias => noise,
            Role::RunningMean | Role::RunningVariance => noise.zeros_like(),
            Role::Convolution | Role::HeadWeight => continue,
        };
        parameters.of_mut(index).copy_from_slice(&floats(&values));
    }
    let _guard = tch::no_grad_guard();
    let mut network = libtorchs(&parameters);
    let _ = network.train_logits(&Tensor::rand([4, 3, 96, 96], (Kind::Float, Device::Cpu)));
    // The network's own, to be changed in place.
    let mut tensors: Vec<Tensor> = network.parameters().map(Tensor::shallow_clone).collect();
    let names: Vec<&str> = LAYOUT.parameters().iter().map(|spec| spec.name.as_str()).collect();
    let index = |name: String| names.iter().position(|found| *found == name).unwrap();
    for (tensor, spec) in tensors.iter_mut().zip(LAYOUT.parameters()) {
        if matches!(spec.role, Role::RunningMean | Role::RunningVariance) {
            // One batch has moved them from zero by a tenth.
            *tensor *= 10.0;
        }
    }
    for name in names.iter().filter_map(|name| name.strip_suffix("norm2.weight")) {
        let exponents = Tensor::rand([128], (Kind::Float, Device::Cpu)) * 6.0 - 3.0;
        let factors = Tensor::full_like(&exponents, 10.0).pow(&exponents);
        tensors[index(format!("{name}conv1.weight"))] *= factors.view([-1, 1, 1, 1]);
        tensors[index(format!("{name}norm2.running_mean"))] *= &factors;
        tensors[index(format!("{name}norm2.running_var"))] *= factors.square();
        let weight = &tensors[index(format!("{name}norm2.weight"))];
        let _ = weight.narrow(0, 0, 4).zero_();
        let _ = weight.narrow(0, 4, 4).neg_();
        let _ = tensors[index(format!("{name}norm2.running_var"))].narrow(0, 8, 2).zero_();
        let _ = tensors[index(format!("{name}conv1.weight"))].narrow(0, 8, 2).zero_();
    }
    for (index, tensor) in tensors.iter().enumerate() {
        parameters.of_mut(index).copy_from_slice(&floats(tensor));
    }
    parameters
}

/// The network as both sides take it.
static NETWORK: LazyLock<Parameters> = LazyLock::new(extreme);

fn libtorchs(parameters: &Parameters) -> DenseNet<Tensor> {
    DenseNet::of(parameters, Device::Cpu).unwrap()
}

fn packed(instructions: Instructions) -> Arc<Weights> {
    Arc::new(Weights::pack(instructions, &NETWORK).unwrap())
}

fn planned(weights: &Arc<Weights>, shape: Shape) -> Plan {
    weights.pack_filters(&Pool::new(2, 2), &shape.tilings(), &NETWORK).unwrap();
    Plan::new(shape, weights).unwrap()
}

/// What each place of a feature map adds to the logit.
fn activation_map(features: &Tensor) -> Tensor {
    let weight = Tensor::from_slice(NETWORK.of(LAYOUT.head_weight)).view([1, -1, 1, 1]);
    let bias = Tensor::from_slice(NETWORK.of(LAYOUT.head_bias));
    features.relu().conv2d(&weight, Some(&bias), 1, 0, 1, 1)
}

/// Smooth pictures with noise, pixel by pixel; one of three is gray.
fn pictures(count: usize, height: usize, width: usize) -> Vec<f32> {
    let mut state = 12345u32;
    let mut values = Vec::with_capacity(count * height * width * 3);
    for image in 0..count {
        for place in 0..height * width {
            let (y, x) = ((place / width) as f32, (place % width) as f32);
            let mut pixel: [f32; 3] = std::array::from_fn(|channel| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let noise = (state >> 8) as f32 / (1 << 24) as f32;
                let wave = ((x * 0.11 + image as f32).sin() + (y * 0.07 + channel as f32).cos()) * 0.2 + 0.4;
                0.8 * wave + 0.2 * noise
            });
            if image % 3 == 1 {
                pixel = [pixel[0]; 3];
            }
            values.extend(pixel);
        }
    }
    values
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

/// Odd sides and borders of every kind.
const SIZES: [(usize, usize); 10] =
    [(32, 32), (33, 33), (64, 64), (72, 72), (96, 96), (128, 128), (160, 160), (224, 224), (300, 257), (512, 512)];
/// Batches that leave ragged groups.
const BATCHES: [usize; 6] = [1, 2, 3, 7, 64, 65];

/// Pixels of the largest batch that an instruction set is tested with: those that are fast with every size in every
/// batch. LENS_EVERY_BATCH=1 in the environment lifts the limit.
fn most_pixels(set: Instructions) -> usize {
    match set.engine() {
        _ if std::env::var_os("LENS_EVERY_BATCH").is_some() => usize::MAX,
        EngineName::PlanPortable => 4_000_000,
        _ => usize::MAX,
    }
}

/// How many different pictures of a size are compared with libtorch; larger batches repeat them.
fn different(height: usize, width: usize) -> usize {
    match height * width {
        ..=5184 => 65,
        5185..=50_176 => 7,
        _ => 3,
    }
}

#[test]
fn logits_are_libtorchs_for_every_size_batch_and_instruction_set() {
    let network = libtorchs(&NETWORK);
    let _guard = tch::no_grad_guard();
    let sets: Vec<_> = Instructions::available().into_iter().map(|set| (set, packed(set))).collect();
    let pool = Pool::new(2, 2);
    let mut errors = vec![Vec::new(); sets.len()];
    for (height, width) in SIZES {
        let values = pictures(different(height, width), height, width);
        let expected = floats(&network.logits(&tensor(&values, height, width)));
        let tiles = views(&values, height, width);
        for ((set, weights), errors) in sets.iter().zip(&mut errors) {
            let plan = planned(weights, Shape::new(height, width));
            let alone: Vec<f32> = tiles.iter().map(|one| plan.run(&pool, &[*one], Output::Logit).unwrap()[0]).collect();
            for (image, (found, expected)) in alone.iter().zip(&expected).enumerate() {
                let error = ((found - expected) / expected).abs();
                assert!(error < 1e-4, "{}, {width} x {height}, {image}: {found} {expected}", set.engine());
                errors.push(error);
            }
            for count in BATCHES.into_iter().filter(|count| count * height * width <= most_pixels(*set)) {
                let images: Vec<ImageView> = tiles.iter().cycle().take(count).copied().collect();
                let expected: Vec<f32> = alone.iter().cycle().take(count).copied().collect();
                let found = plan.run(&pool, &images, Output::Logit).unwrap();
                assert_eq!(found, expected, "{}, {count} of {width} x {height}", set.engine());
            }
        }
    }
    for ((set, _), errors) in sets.iter().zip(&mut errors) {
        errors.sort_by(f32::total_cmp);
        let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
        println!("{}: relative error {median:.1e} at the median, {worst:.1e} at most", set.engine());
        assert!(median < 3e-5, "{} {median}", set.engine());
    }
}

#[test]
fn both_tilings_of_every_block_and_all_outputs_are_libtorchs() {
    let network = libtorchs(&NETWORK);
    let _guard = tch::no_grad_guard();
    let pool = Pool::new(2, 2);
    let (height, width) = (75, 97);
    let values = pictures(3, height, width);
    let features = network.features(&tensor(&values, height, width));
    for set in Instructions::available() {
        let weights = packed(set);
        for tiling in [Tiling::Two, Tiling::Four] {
            let plan = planned(&weights, Shape::with_tilings(height, width, |_, _, _| tiling));
            for (output, expected) in [
                (Output::Logit, network.head(&features)),
                (Output::Map, activation_map(&features)),
                (Output::Features, features.permute([0, 2, 3, 1])),
            ] {
                let found = plan.run(&pool, &views(&values, height, width), output).unwrap();
                let expected = floats(&expected);
                assert_eq!(found.len(), expected.len());
                let scale = expected.iter().fold(0f32, |scale, value| scale.max(value.abs()));
                for (found, expected) in found.iter().zip(&expected) {
                    let error = (found - expected).abs() / scale;
                    assert!(error < 3e-5, "{} {tiling:?} {output:?}: {found} {expected} of {scale}", set.engine());
                }
            }
        }
    }
}

#[test]
fn an_image_has_the_same_bits_in_any_company_on_any_number_of_threads() {
    let sizes = [(64, 64), (75, 97), (224, 224)];
    for set in Instructions::available() {
        let weights = packed(set);
        for (height, width) in if set.engine() == EngineName::PlanPortable { &sizes[..2] } else { &sizes[..] } {
            let plan = planned(&weights, Shape::new(*height, *width));
            let values = pictures(11, *height, *width);
            let images = views(&values, *height, *width);
            let alone: Vec<f32> = (0..images.len())
                .map(|image| plan.run(&Pool::new(1, 1), &images[image..=image], Output::Logit).unwrap()[0])
                .collect();
            for threads in [1, 2, 3, 8] {
                let pool = Pool::new(threads, threads);
                for count in [1, 2, 5, 11] {
                    let together = plan.run(&pool, &images[..count], Output::Logit).unwrap();
                    assert_eq!(together, alone[..count], "{} {threads} threads {width} x {height}", set.engine());
                }
            }
        }
    }
}

#[test]
fn tiles_are_read_where_they_lie_in_an_image() {
    let weights = packed(Instructions::available().pop().unwrap());
    let plan = planned(&weights, Shape::new(64, 64));
    let pool = Pool::new(2, 2);
    let (height, width) = (150, 170);
    let image = pictures(1, height, width);
    let corners = [(0, 0), (17, 31), (height - 64, width - 64)];
    let tile = |samples| ImageView { memory: samples, offset: 0, row_step: width * 3, channels: 3 };
    let tiles: Vec<ImageView> = corners.iter().map(|(y, x)| tile(&image[(y * width + x) * 3..])).collect();
    let cut: Vec<f32> = corners
        .iter()
        .flat_map(|(y, x)| (*y..*y + 64).flat_map(move |row| (row * width + x) * 3..(row * width + x + 64) * 3))
        .map(|index| image[index])
        .collect();
    let found = plan.run(&pool, &tiles, Output::Logit).unwrap();
    assert_eq!(found, plan.run(&pool, &views(&cut, 64, 64), Output::Logit).unwrap());
    let short = tile(&image[..image.len() / 8]);
    assert!(plan.run(&pool, &[short], Output::Logit).is_err());
}

#[test]
fn concurrent_calls_share_a_pool_and_a_plan() {
    let weights = packed(Instructions::available().pop().unwrap());
    let plan = planned(&weights, Shape::new(64, 64));
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
fn a_model_is_computed_by_the_engine_that_was_asked_for() {
    let log = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let torch = model(EngineRequest::Torch, NETWORK.copied().unwrap(), Arc::clone(&log));
    let plan = model(EngineRequest::Plan, NETWORK.copied().unwrap(), Arc::clone(&log));
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
fn a_model_whose_plan_fails_its_check_falls_back_and_says_so() {
    let mut parameters = NETWORK.copied().unwrap();
    // The stem overflows: there is nothing to compare, so the plan is not to be believed.
    parameters.of_mut(LAYOUT.stem).iter_mut().for_each(|weight| *weight *= 1e38);
    let log = Arc::new(parking_lot::Mutex::new(Vec::new()));
    let model = model(EngineRequest::Plan, parameters, Arc::clone(&log));
    assert!(classified(&model).is_err());
    assert_eq!(model.engine(), EngineName::Reference);
    let said = log.lock().join("\n");
    assert!(said.contains("plan-") && said.contains("test images"), "{said}");
    assert!(said.contains("is not used for this model, the plain network computes it: "), "{said}");
}
