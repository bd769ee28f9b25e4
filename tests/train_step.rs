//! The written-out training step against autograd.

use lesionlens::model::{DenseNet, LAYOUT, Role};
use lesionlens::train::Parameters;
use lesionlens::train::step::{InstructionSet, Loss, TrainStep};
use std::sync::{Mutex, MutexGuard};
use tch::{Device, Kind, Reduction, Tensor};

const POS_WEIGHT: f64 = 1.7;

/// Random numbers and the number of threads belong to the process.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// A network whose norms are not those of a new one, which would hide what they do.
fn network(kind: Kind) -> DenseNet<Tensor> {
    tch::manual_seed(3);
    let mut network = DenseNet::initial(5, Device::Cpu);
    for (tensor, spec) in network.parameters_mut().iter_mut().zip(LAYOUT.parameters()) {
        let noise = Tensor::rand(&spec.shape[..], (Kind::Float, Device::Cpu)) - 0.5;
        *tensor = match spec.role {
            Role::NormWeight | Role::RunningVariance => 1.0 + 0.5 * noise,
            Role::NormBias | Role::RunningMean | Role::HeadBias => 0.4 * noise,
            Role::Convolution | Role::HeadWeight => tensor.shallow_clone(),
        };
    }
    DenseNet::from_parameters({
        let mut parameters = network.parameters_mut().iter();
        move |_| Ok(parameters.next().unwrap().to_kind(kind))
    })
    .unwrap()
}

/// Images with even areas, as real ones have, where the largest of several pixels is not unique.
fn batch(shape: [i64; 4]) -> (Tensor, Vec<f32>) {
    tch::manual_seed(11);
    let images = Tensor::rand(shape, (Kind::Float, Device::Cpu)).clamp(0.3, 0.9);
    let _ = images.narrow(2, 0, shape[2] / 2).fill_(0.25);
    let targets = (0..shape[0]).map(|image| [1.0, 0.0, 0.05, 0.95, 0.0][image as usize % 5]).collect();
    (images.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2]), targets)
}

struct Found {
    loss: f64,
    logits: Tensor,
    gradients: Tensor,
    running: Vec<Tensor>,
}

fn running(network: &DenseNet<Tensor>) -> Vec<Tensor> {
    let all = network.parameters().zip(LAYOUT.parameters());
    all.filter(|(_, spec)| !spec.role.is_trained()).map(|(tensor, _)| tensor.to_kind(Kind::Double)).collect()
}

fn by_autograd(kind: Kind, shape: [i64; 4]) -> Found {
    let mut parameters = Parameters::of(&network(kind)).unwrap();
    let (images, targets) = batch(shape);
    let logits = parameters.network_mut().train_logits(&images.to_kind(kind));
    let targets = Tensor::from_slice(&targets).to_kind(kind);
    let weight = Tensor::from_slice(&[POS_WEIGHT]).to_kind(kind);
    let loss = logits.binary_cross_entropy_with_logits::<Tensor>(&targets, None, Some(weight), Reduction::Mean);
    Found {
        loss: loss.double_value(&[]),
        gradients: parameters.gradients(&loss, false).unwrap().to_kind(Kind::Double),
        logits: logits.detach().to_kind(Kind::Double),
        running: running(parameters.network()),
    }
}

fn written_out(set: InstructionSet, shape: [i64; 4]) -> Found {
    let mut parameters = Parameters::of(&network(Kind::Float)).unwrap();
    let (images, targets) = batch(shape);
    let mut gradients = Tensor::zeros([LAYOUT.trained_count()], (Kind::Float, Device::Cpu));
    let outcome = TrainStep::new(set)
        .accumulate(parameters.network_mut(), &images, &targets, Loss { pos_weight: POS_WEIGHT }, 1.0, &mut gradients)
        .unwrap();
    Found {
        loss: outcome.loss,
        logits: Tensor::from_slice(&outcome.logits).to_kind(Kind::Double),
        gradients: gradients.to_kind(Kind::Double),
        running: running(parameters.network()),
    }
}

fn distance(found: &Tensor, exact: &Tensor) -> f64 {
    (found - exact).norm().double_value(&[]) / exact.norm().double_value(&[]).max(1e-12)
}

/// The parts of a flat gradient with their parameters' names.
fn parts(flat: &Tensor) -> Vec<(String, Tensor)> {
    let mut start = 0;
    let trained = LAYOUT.parameters().iter().filter(|spec| spec.role.is_trained());
    trained
        .map(|spec| {
            let count = spec.shape.iter().product::<i64>();
            start += count;
            (spec.name.clone(), flat.narrow(0, start - count, count))
        })
        .collect()
}

/// The gradients of a network this deep differ by per cents between any two orders of summation, so that the measure of
/// a difference is what autograd's own single precision makes of it.
fn check(shape: [i64; 4]) {
    let _alone = alone();
    let exact = by_autograd(Kind::Double, shape);
    let single = by_autograd(Kind::Float, shape);
    let found = written_out(InstructionSet::best(), shape);
    assert!(
        (found.loss - exact.loss).abs() < 1e-5 + 4.0 * (single.loss - exact.loss).abs(),
        "{shape:?}: {}",
        found.loss
    );
    let (ours, theirs) = (distance(&found.logits, &exact.logits), distance(&single.logits, &exact.logits));
    assert!(ours < 1e-5 + 3.0 * theirs, "{shape:?}: logits {ours}, autograd {theirs}");
    for ((found, single), exact) in found.running.iter().zip(&single.running).zip(&exact.running) {
        let (ours, theirs) = (distance(found, exact), distance(single, exact));
        assert!(ours < 1e-5 + 3.0 * theirs, "{shape:?}: running statistics {ours}, autograd {theirs}");
    }
    let (ours, theirs) = (distance(&found.gradients, &exact.gradients), distance(&single.gradients, &exact.gradients));
    println!("{shape:?}: gradients {ours:.2e}, autograd {theirs:.2e}");
    assert!(ours < 1e-5 + 2.0 * theirs, "{shape:?}: gradients {ours}, autograd {theirs}");
    // A ReLU whose input rounding moves across 0 changes single parameters much more than the whole, so that each is
    // measured by the worst of autograd's.
    let all = || parts(&single.gradients).into_iter().zip(parts(&exact.gradients));
    let worst = all().map(|((_, single), (_, exact))| distance(&single, &exact)).fold(0.0, f64::max);
    let all = parts(&found.gradients).into_iter().zip(parts(&exact.gradients));
    for ((name, found), (_, exact)) in all {
        let ours = distance(&found, &exact);
        assert!(ours < 1e-2 + 2.0 * worst, "{shape:?}, {name}: {ours}, autograd's worst {worst}");
    }
}

#[test]
fn square_batches_are_autograds() {
    for side in [32, 64, 72] {
        check([3, 3, side, side]);
    }
}

#[test]
fn a_large_batch_is_autograds() {
    check([32, 3, 64, 64]);
}

#[test]
fn large_and_oblong_images_are_autograds() {
    check([2, 3, 128, 128]);
    // A single pixel of each image is left in the end; fewer images would make its variance next to nothing.
    check([8, 3, 40, 56]);
    check([8, 3, 33, 47]);
}

#[test]
fn every_instruction_set_and_every_run_gives_the_same_bits() {
    let _alone = alone();
    let shape = [3, 3, 40, 56];
    let expected = written_out(InstructionSet::best(), shape);
    for set in InstructionSet::available().into_iter().chain([InstructionSet::best()]) {
        let found = written_out(set, shape);
        assert_eq!(found.logits, expected.logits, "{set:?}");
        assert_eq!(found.gradients, expected.gradients, "{set:?}");
        assert_eq!(found.running, expected.running, "{set:?}");
    }
}

#[test]
fn threads_change_no_more_than_rounding() {
    let _alone = alone();
    let (shape, threads) = ([3, 3, 64, 64], tch::get_num_threads());
    let expected = written_out(InstructionSet::best(), shape);
    for count in [1, 2, 5] {
        tch::set_num_threads(count);
        let found = written_out(InstructionSet::best(), shape);
        assert!(distance(&found.logits, &expected.logits) < 1e-4, "{count}");
        assert!(distance(&found.gradients, &expected.gradients) < 0.1, "{count}");
    }
    tch::set_num_threads(threads);
}

#[test]
fn gradients_of_micro_batches_add_up() {
    let _alone = alone();
    let loss = Loss { pos_weight: POS_WEIGHT };
    let mut step = TrainStep::default();
    let gradients_of = |step: &mut TrainStep, parts: &[([i64; 4], f64)]| {
        let mut gradients = Tensor::zeros([LAYOUT.trained_count()], (Kind::Float, Device::Cpu));
        for (shape, scale) in parts {
            let (images, targets) = batch(*shape);
            step.accumulate(&mut network(Kind::Float), &images, &targets, loss, *scale, &mut gradients).unwrap();
        }
        gradients
    };
    // Of different sizes, so that what the step keeps from one must not show in the other.
    let (first, second) = ([3, 3, 64, 48], [2, 3, 40, 72]);
    let both = gradients_of(&mut step, &[(first, 0.25), (second, 0.75)]);
    let expected = gradients_of(&mut step, &[(first, 1.0)]) * 0.25 + gradients_of(&mut step, &[(second, 1.0)]) * 0.75;
    let difference = distance(&both.to_kind(Kind::Double), &expected.to_kind(Kind::Double));
    assert!(difference < 1e-5, "{difference}");
}

#[test]
fn what_does_not_fit_is_refused() {
    let _alone = alone();
    let mut gradients = Tensor::zeros([LAYOUT.trained_count()], (Kind::Float, Device::Cpu));
    let mut run = |images: &Tensor, targets: &[f32]| {
        let loss = Loss { pos_weight: 1.0 };
        TrainStep::default()
            .accumulate(&mut network(Kind::Float), images, targets, loss, 1.0, &mut gradients)
            .unwrap_err()
            .message()
            .to_string()
    };
    let (images, targets) = batch([2, 3, 32, 32]);
    assert!(run(&images, &targets[..1]).contains("1 targets"));
    assert!(run(&images.narrow(0, 0, 1), &targets[..1]).contains("at least 2"));
    assert!(run(&images.narrow(2, 0, 31), &targets).contains("at least 32"));
    assert!(run(&images.to_kind(Kind::Double), &targets).contains("single precision"));
}
