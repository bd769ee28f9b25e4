//! The training step: against the network in double precision by the plainest loops, and against torchvision's.

mod double;
#[path = "../../../tests/golden/formula.rs"]
mod formula;

use double::{Found, Network};
use formula::uniform;
use lens_cpu::{CpuLearner, Instructions, Pool};
use lens_engine::{Learner, LearnerSettings, OptimizerKind, Slot, UpdateStep, Weights};
use lens_images::{ImageView, Images};
use lens_model::{LAYOUT, ParameterSpec, Parameters, Role, TrainingParameters};
use safetensors::tensor::{Dtype, SafeTensors};
use std::sync::Arc;

const POS_WEIGHT: f64 = 1.7;

/// A step that moves nothing; SGD's first moment is then the gradient.
const STILL: UpdateStep = UpdateStep { learning_rate: 0.0, ..UpdateStep::PYTORCH };

/// Images, their size, and their targets.
struct Batch {
    channels: usize,
    width: usize,
    height: usize,
    values: Vec<f32>,
    targets: Vec<f32>,
}

impl Batch {
    /// Images with even areas, as real ones have, where the largest of several pixels is not unique.
    fn new(images: usize, height: usize, width: usize) -> Self {
        let name = format!("{images} images of {width} x {height}");
        let value = |at: usize| {
            let row = at / (3 * width) % height;
            if row < height / 2 { 0.25 } else { (0.5 + 0.5 * uniform(&name, at as u64)).clamp(0.3, 0.9) as f32 }
        };
        let targets = (0..images).map(|image| [1.0, 0.0, 0.05, 0.95, 0.0][image % 5]).collect();
        Batch { channels: 3, width, height, values: (0..images * height * width * 3).map(value).collect(), targets }
    }

    /// That of tests/golden/densenet.py.
    fn golden(images: usize, height: usize, width: usize, targets: Vec<f32>) -> Self {
        let name = format!("input.{images}x3x{height}x{width}");
        let area = height * width;
        // Channels lie apart there.
        let place = |at: usize| at / (3 * area) * 3 * area + at % 3 * area + at / 3 % area;
        let values = (0..images * area * 3).map(|at| (0.5 + 0.5 * uniform(&name, place(at) as u64)) as f32).collect();
        Batch { channels: 3, width, height, values, targets }
    }

    /// Its reds as gray images, and the same as coloured ones.
    fn grays(&self) -> [Batch; 2] {
        [1, 3].map(|channels| {
            let reds = self.values.iter().step_by(3);
            let values = reds.flat_map(|red| vec![*red; channels]).collect();
            Batch { channels, values, targets: self.targets.clone(), ..*self }
        })
    }

    fn images(&self) -> Images<'_> {
        let (channels, row_step) = (self.channels, self.width * self.channels);
        let (memory, count) = (&self.values, self.targets.len());
        let view = |image| ImageView { memory, offset: image * self.height * row_step, row_step, channels };
        Images { width: self.width, height: self.height, views: (0..count).map(view).collect() }
    }
}

/// Parameters of which each norm puts its channels far to one side of its ReLU, most of them to the open one: a ReLU that
/// rounding opens or closes changes gradients by per cents, and the more so the deeper a network is.
fn decided() -> TrainingParameters {
    made_by(|spec, u| match spec.role {
        Role::NormWeight | Role::RunningVariance => 1.0 + 0.25 * u,
        Role::NormBias => 0.2 * u + if (1000.0 * u).fract().abs() < 0.25 { -2.5 } else { 2.5 },
        Role::RunningMean | Role::HeadBias => 0.2 * u,
        Role::Convolution => u * (6.0 / fan_in(spec)).sqrt(),
        Role::HeadWeight => u * (3.0f64 / 1024.0).sqrt(),
    })
}

/// Those of tests/golden/densenet.py.
fn golden_parameters() -> TrainingParameters {
    made_by(|spec, u| match spec.role {
        Role::NormWeight => 1.0 + 0.25 * u,
        Role::RunningVariance => 1.0 + 0.5 * u,
        Role::NormBias | Role::RunningMean | Role::HeadBias => 0.1 * u,
        Role::Convolution => u * (6.0 / fan_in(spec)).sqrt(),
        Role::HeadWeight => u * (3.0f64 / 1024.0).sqrt(),
    })
}

fn fan_in(spec: &ParameterSpec) -> f64 {
    spec.shape[1..].iter().product::<usize>() as f64
}

/// From uniform numbers of -1..1.
fn made_by(value: impl Fn(&ParameterSpec, f64) -> f64) -> TrainingParameters {
    let mut parameters = Parameters::zeroed().unwrap();
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        for (at, target) in parameters.of_mut(index).iter_mut().enumerate() {
            *target = value(spec, uniform(&spec.name, at as u64)) as f32;
        }
    }
    TrainingParameters::of(&parameters).unwrap()
}

fn learner(start: &TrainingParameters, instructions: Instructions, threads: usize) -> CpuLearner {
    let settings = LearnerSettings { optimizer: OptimizerKind::Sgd, scaler: None, average: false };
    CpuLearner::new(Arc::new(Pool::new(threads, threads)), instructions, start, &settings).unwrap()
}

fn read(learner: &CpuLearner, slot: Slot) -> Vec<f32> {
    let count = if matches!(slot, Slot::Statistics) { LAYOUT.statistics_count() } else { LAYOUT.trained_count() };
    let mut values = vec![f32::NAN; count];
    learner.read(slot, &mut values).unwrap();
    values
}

fn gradients(learner: &mut CpuLearner) -> Vec<f32> {
    assert!(learner.update(&STILL).unwrap());
    read(learner, Slot::FirstMoment)
}

fn exact(start: &TrainingParameters, batch: &Batch) -> Found {
    let places = LAYOUT.places();
    let parameter = |index: usize| {
        let is_trained = LAYOUT.parameters()[index].role.is_trained();
        let buffer = if is_trained { &start.values } else { &start.statistics };
        buffer[places[index].clone()].iter().map(|value| f64::from(*value)).collect()
    };
    let size = (batch.targets.len(), batch.height, batch.width);
    Network::train(parameter, size, &batch.values, &batch.targets, POS_WEIGHT)
}

fn distance(found: &[f32], exact: &[f64]) -> f64 {
    assert_eq!(found.len(), exact.len());
    let difference: f64 = found.iter().zip(exact).map(|(found, exact)| (f64::from(*found) - exact).powi(2)).sum();
    difference.sqrt() / exact.iter().map(|value| value * value).sum::<f64>().sqrt().max(1e-12)
}

/// Euclidean length.
fn length(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}

/// Each parameter with its place in the buffer that it lies in.
fn placed() -> impl Iterator<Item = (usize, &'static ParameterSpec, std::ops::Range<usize>)> {
    LAYOUT.parameters().iter().zip(LAYOUT.places()).enumerate().map(|(index, (spec, place))| (index, spec, place))
}

/// Checks loss, gradients and running statistics of a step, parameter by parameter.
fn check(start: &TrainingParameters, batch: &Batch, exact: &Found, instructions: Instructions, threads: usize) {
    let what = format!("{instructions:?}, {threads} threads, {} x {}", batch.width, batch.height);
    let mut learner = learner(start, instructions, threads);
    learner.begin(false).unwrap();
    let loss = learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
    assert!((loss - exact.loss).abs() < 1e-5 * exact.loss, "{what}: a loss of {loss}, not {}", exact.loss);
    let (gradients, statistics) = (gradients(&mut learner), read(&learner, Slot::Statistics));
    // Some gradients are next to nothing, what one term adds to them being what another takes away.
    let floor = 1e-3 * length(&exact.gradients.values().flatten().copied().collect::<Vec<f64>>());
    for (index, spec, place) in placed() {
        if !spec.role.is_trained() {
            let error = distance(&statistics[place], &exact.statistics[&index]);
            assert!(error < 1e-5, "{what}, {}: {error}", spec.name);
            continue;
        }
        let expected = &exact.gradients[&index];
        let error = distance(&gradients[place], expected) * length(expected).max(1e-12) / length(expected).max(floor);
        assert!(error < 2e-4, "{what}, {}: {error}", spec.name);
    }
}

#[test]
fn gradients_are_those_of_double_precision() {
    let start = decided();
    // Sides of all parities: in the end images of several pixels, of one row, and of a single pixel.
    for (images, height, width) in [(4, 64, 64), (8, 33, 47), (2, 96, 80), (6, 40, 72)] {
        let batch = Batch::new(images, height, width);
        let exact = exact(&start, &batch);
        for instructions in Instructions::available() {
            check(&start, &batch, &exact, instructions, 2);
        }
        // More threads than images, and than lines of an image in the end.
        check(&start, &batch, &exact, Instructions::best(), 1);
        check(&start, &batch, &exact, Instructions::best(), 11);
    }
}

#[test]
fn bits_are_the_same_in_every_run_whatever_came_before() {
    let (start, batch, other) = (golden_parameters(), Batch::new(3, 40, 56), Batch::new(2, 64, 96));
    for instructions in Instructions::available() {
        let run = |learner: &mut CpuLearner| {
            learner.begin(false).unwrap();
            let loss = learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
            let found = (loss, gradients(learner), read(learner, Slot::Statistics));
            learner.abandon().unwrap();
            found
        };
        let mut first = learner(&start, instructions, 3);
        let expected = run(&mut first);
        // A larger batch, and a pass of another kind, whose numbers must not show afterwards.
        first.begin(false).unwrap();
        first.accumulate(&other.images(), &other.targets, POS_WEIGHT, 1.0).unwrap();
        first.abandon().unwrap();
        first.logits(&other.images(), Weights::Current).unwrap();
        assert!(run(&mut first) == expected, "{instructions:?}");
        assert!(run(&mut learner(&start, instructions, 3)) == expected, "{instructions:?}");
    }
}

#[test]
fn gray_images_give_what_coloured_ones_of_equal_channels_give() {
    let start = decided();
    for (images, height, width) in [(4, 64, 64), (8, 33, 47)] {
        let [gray, coloured] = Batch::new(images, height, width).grays();
        let mut mixed = coloured.images();
        mixed.views[1] = gray.images().views[1];
        for instructions in Instructions::available() {
            let mut learner = learner(&start, instructions, 2);
            let mut run = |images: &Images, head_only: bool| {
                learner.begin(head_only).unwrap();
                let loss = learner.accumulate(images, &gray.targets, POS_WEIGHT, 1.0).unwrap();
                let gradients = gradients(&mut learner);
                learner.abandon().unwrap();
                (loss, gradients, learner.logits(images, Weights::Current).unwrap())
            };
            for head_only in [false, true] {
                let expected = run(&coloured.images(), head_only);
                assert!(run(&mixed, head_only) == expected, "{instructions:?}");
                let (loss, found, logits) = run(&gray.images(), head_only);
                assert!((loss - expected.0).abs() < 1e-5 * expected.0, "{instructions:?}: {loss}, {}", expected.0);
                // Weights are rounded in another order, and norms enlarge what comes of it.
                let check = |found: &[f32], expected: &[f32]| {
                    let error = distance(found, &expected.iter().map(|value| f64::from(*value)).collect::<Vec<f64>>());
                    assert!(error < 5e-5, "{instructions:?}, {width} x {height}: {error}");
                };
                check(&logits, &expected.2);
                let moved = if head_only { LAYOUT.head_weight } else { LAYOUT.stem };
                for part in [LAYOUT.places()[moved].clone(), LAYOUT.places()[moved].start..found.len()] {
                    check(&found[part.clone()], &expected.1[part]);
                }
            }
        }
    }
}

#[test]
fn gradients_of_parts_add_up() {
    let start = decided();
    let parts = [(Batch::new(3, 64, 48), 0.25), (Batch::new(2, 40, 72), 0.75)];
    let mut learner = learner(&start, Instructions::best(), 2);
    learner.begin(false).unwrap();
    for (batch, share) in &parts {
        learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, *share).unwrap();
    }
    let found = gradients(&mut learner);
    let mut expected = vec![0.0; found.len()];
    for (batch, share) in &parts {
        learner.abandon().unwrap();
        learner.begin(false).unwrap();
        learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
        for (sum, gradient) in expected.iter_mut().zip(gradients(&mut learner)) {
            *sum += share * f64::from(gradient);
        }
    }
    let error = distance(&found, &expected);
    assert!(error < 1e-5, "{error}");
}

struct Golden(Vec<u8>);

impl Golden {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/golden/densenet.safetensors");
        Golden(std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}")))
    }

    fn values(&self, name: &str) -> Vec<f64> {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let float = |bytes: &[u8; 4]| f64::from(f32::from_le_bytes(*bytes));
        match view.dtype() {
            Dtype::F32 => view.data().as_chunks().0.iter().map(float).collect(),
            Dtype::F64 => view.data().as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect(),
            other => panic!("{name} has the type {other:?}"),
        }
    }
}

#[test]
fn a_step_is_torchvisions() {
    let (golden, start) = (Golden::read(), golden_parameters());
    let batch = Batch::golden(4, 64, 64, vec![1.0, 0.0, 0.0, 1.0]);
    let norms = golden.values("step_1.gradient.norm");
    for instructions in Instructions::available() {
        let mut learner = learner(&start, instructions, 2);
        learner.begin(false).unwrap();
        let loss = learner.accumulate(&batch.images(), &batch.targets, 1.5, 1.0).unwrap();
        assert!((loss - golden.values("step_1.loss")[0]).abs() < 1e-5, "{loss}");
        let (gradients, statistics) = (gradients(&mut learner), read(&learner, Slot::Statistics));
        let mut errors: Vec<f64> = Vec::new();
        for (_, spec, place) in placed() {
            if spec.role.is_trained() {
                let values: Vec<f64> = gradients[place].iter().map(|value| f64::from(*value)).collect();
                errors.push((length(&values) / norms[errors.len()] - 1.0).abs());
            } else {
                let error = distance(&statistics[place], &golden.values(&format!("step_1.{}", spec.name)));
                assert!(error < 2e-5, "{}: {error}", spec.name);
            }
        }
        assert_eq!(errors.len(), norms.len());
        // Here ReLUs are near their bend, and rounding moves a few across it.
        errors.sort_by(f64::total_cmp);
        let (median, worst) = (errors[errors.len() / 2], errors[errors.len() - 1]);
        assert!(median < 1e-3 && worst < 1e-2, "{instructions:?}: {median}, {worst}");
    }
}

#[test]
fn logits_by_running_statistics_are_torchvisions() {
    let (golden, start) = (Golden::read(), golden_parameters());
    for instructions in Instructions::available() {
        let mut learner = learner(&start, instructions, 2);
        for (images, height, width) in [(2, 64, 64), (1, 32, 32), (1, 97, 130), (1, 224, 224), (3, 33, 47)] {
            let batch = Batch::golden(images, height, width, vec![0.0; images]);
            let found = learner.logits(&batch.images(), Weights::Current).unwrap();
            let expected = golden.values(&format!("eval.{images}x3x{height}x{width}.logits"));
            let error = distance(&found, &expected);
            assert!(error < 1e-4, "{instructions:?}, {width} x {height}: {error}");
        }
        assert_eq!(read(&learner, Slot::Statistics), start.statistics);
    }
}

#[test]
fn the_head_alone_learns_on_features_by_the_running_statistics() {
    let (start, batch) = (golden_parameters(), Batch::new(5, 48, 64));
    let mut learner = learner(&start, Instructions::best(), 2);
    let loss_of = |logits: &[f32]| {
        let loss = |(logit, target): (&f32, &f32)| {
            let (probability, target) = (1.0 / (1.0 + (-f64::from(*logit)).exp()), f64::from(*target));
            -POS_WEIGHT * target * probability.ln() - (1.0 - target) * (1.0 - probability).ln()
        };
        logits.iter().zip(&batch.targets).map(loss).sum::<f64>() / logits.len() as f64
    };
    learner.begin(true).unwrap();
    let loss = learner.accumulate(&batch.images(), &batch.targets, POS_WEIGHT, 1.0).unwrap();
    let before = loss_of(&learner.logits(&batch.images(), Weights::Current).unwrap());
    assert!((loss - before).abs() < 1e-6, "{loss} {before}");
    let step = UpdateStep { learning_rate: 1e-4, ..STILL };
    assert!(learner.update(&step).unwrap());
    let gradient = read(&learner, Slot::FirstMoment);
    let after = loss_of(&learner.logits(&batch.images(), Weights::Current).unwrap());
    // A short step lowers the loss by its length times the gradient's.
    let squares: f64 = gradient.iter().map(|value| f64::from(*value).powi(2)).sum();
    let lowered = (before - after) / (1e-4 * squares);
    assert!((lowered - 1.0).abs() < 0.02, "{lowered}");
    let (values, head) = (read(&learner, Slot::Values), LAYOUT.places()[LAYOUT.head_weight].start);
    assert_eq!(values[..head], start.values[..head]);
    assert!(gradient[..head].iter().all(|value| *value == 0.0));
    assert_eq!(read(&learner, Slot::Statistics), start.statistics);
}

#[test]
fn what_does_not_fit_is_refused() {
    let batch = Batch::new(2, 32, 32);
    let mut learner = learner(&golden_parameters(), Instructions::best(), 1);
    learner.begin(false).unwrap();
    let mut run = |images: &Images, targets: &[f32]| {
        learner.accumulate(images, targets, 1.0, 1.0).unwrap_err().message().to_string()
    };
    let images = batch.images();
    assert!(run(&images, &batch.targets[..1]).contains("1 targets"));
    let one = Images { views: images.views[..1].to_vec(), ..images.clone() };
    assert!(run(&one, &batch.targets[..1]).contains("at least 2"));
    assert!(run(&Images { height: 31, ..images }, &batch.targets).contains("at least 32"));
}
