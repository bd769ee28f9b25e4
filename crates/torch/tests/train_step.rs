//! The CPU engine's training step compared with libtorch's autograd.

mod autograd;

use lens_cpu::{CpuLearner, Instructions, Pool};
use lens_engine::{Learner, LearnerSettings, OptimizerKind, Slot, UpdateStep, Weights};
use lens_images::{ImageView, Images};
use lens_model::{LAYOUT, Parameters, Role, TrainingParameters};
use lesionlens_torch::TrainingNetwork;
use std::sync::{Arc, Mutex, MutexGuard};
use tch::{Device, Kind, Reduction, Tensor};

const POS_WEIGHT: f64 = 1.7;

/// libtorch's random generator is global.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn floats(tensor: &Tensor) -> Vec<f32> {
    Vec::try_from(tensor.to_kind(Kind::Float).contiguous().view([-1])).unwrap()
}

/// A network whose norms differ from their initial values, at which errors would not show.
fn parameters() -> Parameters {
    tch::manual_seed(3);
    let mut parameters = Parameters::initial(5).unwrap();
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        let noise = Tensor::rand([LAYOUT.count(index) as i64], (Kind::Float, Device::Cpu)) - 0.5;
        let values = match spec.role {
            Role::NormWeight | Role::RunningVariance => 1.0 + 0.5 * noise,
            Role::NormBias | Role::RunningMean | Role::HeadBias => 0.4 * noise,
            Role::Convolution | Role::HeadWeight => continue,
        };
        parameters.of_mut(index).copy_from_slice(&floats(&values));
    }
    parameters
}

/// Images with areas of one value, as real ones have, where the maximum of a pooling window is not unique; N x 3 x H x
/// W, channels last in memory.
fn batch(shape: [i64; 4]) -> (Tensor, Vec<f32>) {
    tch::manual_seed(11);
    let images = Tensor::rand(shape, (Kind::Float, Device::Cpu)).clamp(0.3, 0.9);
    let _ = images.narrow(2, 0, shape[2] / 2).fill_(0.25);
    let targets = (0..shape[0]).map(|image| [1.0, 0.0, 0.05, 0.95, 0.0][image as usize % 5]).collect();
    (images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]), targets)
}

/// The same images as views.
struct Samples {
    height: usize,
    width: usize,
    values: Vec<f32>,
}

impl Samples {
    fn of(images: &Tensor) -> Self {
        let size = images.size();
        let values = floats(&images.permute([0, 2, 3, 1]));
        Samples { height: size[2] as usize, width: size[3] as usize, values }
    }

    fn images(&self) -> Images<'_> {
        let (height, width) = (self.height, self.width);
        let view = |image| ImageView {
            memory: &self.values,
            offset: image * height * width * 3,
            row_step: width * 3,
            channels: 3,
        };
        Images { width, height, views: (0..self.values.len() / (height * width * 3)).map(view).collect() }
    }
}

struct Found {
    loss: f64,
    /// With the running statistics, after the step has updated them.
    logits: Tensor,
    gradients: Tensor,
    running: Vec<Tensor>,
}

fn loss_of(logits: &Tensor, targets: &[f32], kind: Kind) -> Tensor {
    let targets = Tensor::from_slice(targets).to_kind(kind);
    let weight = Tensor::from_slice(&[POS_WEIGHT]).to_kind(kind);
    logits.binary_cross_entropy_with_logits::<Tensor>(&targets, None, Some(weight), Reduction::Mean)
}

fn in_double(shape: [i64; 4]) -> Found {
    let mut network = autograd::network(&parameters(), Kind::Double);
    let (images, targets) = batch(shape);
    let images = images.to_kind(Kind::Double);
    let loss = loss_of(&network.train_logits(&images), &targets, Kind::Double);
    Found {
        loss: loss.double_value(&[]),
        gradients: autograd::flat(&autograd::gradients(&loss, &network)),
        logits: tch::no_grad(|| network.logits(&images)),
        running: autograd::running(&network),
    }
}

fn in_single(shape: [i64; 4]) -> Found {
    let training = TrainingParameters::of(&parameters()).unwrap();
    let mut training = TrainingNetwork::of(&training, Device::Cpu).unwrap();
    let (images, targets) = batch(shape);
    let loss = loss_of(&training.network_mut().train_logits(&images), &targets, Kind::Float);
    Found {
        loss: loss.double_value(&[]),
        gradients: training.gradients(&loss, false).unwrap().to_kind(Kind::Double),
        logits: tch::no_grad(|| training.network().logits(&images)).to_kind(Kind::Double),
        running: autograd::running(training.network()),
    }
}

fn learner(set: Instructions, threads: usize) -> CpuLearner {
    let settings = LearnerSettings { optimizer: OptimizerKind::Sgd, scaler: None, average: false };
    let start = TrainingParameters::of(&parameters()).unwrap();
    CpuLearner::new(Arc::new(Pool::new(threads, threads)), set, &start, &settings).unwrap()
}

fn read(learner: &CpuLearner, slot: Slot, count: usize) -> Vec<f32> {
    let mut values = vec![0.0; count];
    learner.read(slot, &mut values).unwrap();
    values
}

/// The accumulated gradients: the first moment of SGD without momentum.
fn gradients_of(learner: &mut CpuLearner) -> Tensor {
    let before = read(learner, Slot::Values, LAYOUT.trained_count());
    assert!(learner.update(&UpdateStep { learning_rate: 1.0, ..UpdateStep::PYTORCH }).unwrap());
    let gradients = read(learner, Slot::FirstMoment, LAYOUT.trained_count());
    let after = read(learner, Slot::Values, LAYOUT.trained_count());
    for ((before, after), gradient) in before.iter().zip(&after).zip(&gradients) {
        let moved = before - gradient;
        assert!((after - moved).abs() <= 1e-6 * moved.abs().max(1.0), "{before} {after} {gradient}");
    }
    Tensor::from_slice(&gradients).to_kind(Kind::Double)
}

fn written_out(set: Instructions, threads: usize, shape: [i64; 4]) -> Found {
    let mut learner = learner(set, threads);
    let (images, targets) = batch(shape);
    let samples = Samples::of(&images);
    learner.begin(false).unwrap();
    let loss = learner.accumulate(&samples.images(), &targets, POS_WEIGHT, 1.0).unwrap();
    let logits = learner.logits(&samples.images(), Weights::Current).unwrap();
    let statistics = read(&learner, Slot::Statistics, LAYOUT.statistics_count());
    let all = LAYOUT.parameter_ranges().into_iter().zip(LAYOUT.parameters());
    let running = all
        .filter(|(_, spec)| !spec.role.is_trained())
        .map(|(place, _)| Tensor::from_slice(&statistics[place]).to_kind(Kind::Double));
    Found {
        loss,
        logits: Tensor::from_slice(&logits).to_kind(Kind::Double),
        running: running.collect(),
        gradients: gradients_of(&mut learner),
    }
}

fn distance(found: &Tensor, exact: &Tensor) -> f64 {
    (found - exact).norm().double_value(&[]) / exact.norm().double_value(&[]).max(1e-12)
}

/// The parts of a flat gradient, with the names of the parameters.
fn parts(flat: &Tensor) -> Vec<(String, Tensor)> {
    let trained =
        LAYOUT.parameter_ranges().into_iter().zip(LAYOUT.parameters()).filter(|(_, spec)| spec.role.is_trained());
    trained.map(|(place, spec)| (spec.name.clone(), flat.narrow(0, place.start as i64, place.len() as i64))).collect()
}

/// Gradients of a network this deep differ by per cents between any two orders of summation, so errors are compared
/// with those of autograd in single precision.
fn check(shape: [i64; 4]) {
    let _alone = alone();
    let (exact, single) = (in_double(shape), in_single(shape));
    for set in Instructions::available() {
        check_one(set, shape, &exact, &single);
    }
}

fn check_one(set: Instructions, shape: [i64; 4], exact: &Found, single: &Found) {
    let found = written_out(set, 2, shape);
    let about = format!("{}, {shape:?}", set.engine());
    assert!((found.loss - exact.loss).abs() < 1e-5 + 4.0 * (single.loss - exact.loss).abs(), "{about}: {}", found.loss);
    let (ours, theirs) = (distance(&found.logits, &exact.logits), distance(&single.logits, &exact.logits));
    assert!(ours < 1e-5 + 3.0 * theirs, "{about}: logits {ours}, autograd {theirs}");
    assert_eq!(found.running.len(), exact.running.len());
    for ((found, single), exact) in found.running.iter().zip(&single.running).zip(&exact.running) {
        let (ours, theirs) = (distance(found, exact), distance(single, exact));
        assert!(ours < 1e-5 + 3.0 * theirs, "{about}: running statistics {ours}, autograd {theirs}");
    }
    let (ours, theirs) = (distance(&found.gradients, &exact.gradients), distance(&single.gradients, &exact.gradients));
    println!("{about}: gradients {ours:.2e}, autograd {theirs:.2e}");
    assert!(ours < 1e-5 + 2.0 * theirs, "{about}: gradients {ours}, autograd {theirs}");
    // If rounding changes the sign of a ReLU's input, single parameters change much more than the whole; each is
    // compared with autograd's largest error.
    let all = || parts(&single.gradients).into_iter().zip(parts(&exact.gradients));
    let worst = all().map(|((_, single), (_, exact))| distance(&single, &exact)).fold(0.0, f64::max);
    let all = parts(&found.gradients).into_iter().zip(parts(&exact.gradients));
    for ((name, found), (_, exact)) in all {
        let ours = distance(&found, &exact);
        assert!(ours < 1e-2 + 2.0 * worst, "{about}, {name}: {ours}, autograd's worst {worst}");
    }
}

#[test]
fn square_batches() {
    for side in [32, 64, 72] {
        check([3, 3, side, side]);
    }
}

#[test]
fn large_batch() {
    check([32, 3, 64, 64]);
}

#[test]
fn large_and_oblong_images() {
    check([2, 3, 128, 128]);
    // The last block has a single pixel of each image; with fewer images its variance would be close to 0.
    check([8, 3, 40, 56]);
    check([8, 3, 33, 47]);
}
