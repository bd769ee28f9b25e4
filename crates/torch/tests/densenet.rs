//! The network against torchvision's, on weights that both sides compute from one formula (tests/golden/densenet.py):
//! libtorch's, and the CPU engine's.

mod autograd;
#[path = "../../../tests/golden/formula.rs"]
mod formula;

use formula::uniform;
use lens_cpu::{CpuLearner, Instructions, Pool};
use lens_engine::policy::DeviceRequest;
use lens_engine::{Learner, LearnerSettings, OptimizerKind, Slot, UpdateStep};
use lens_images::{ImageView, Images};
use lens_model::{LAYOUT, Metadata, Model, ParameterSpec, Parameters, Role, TrainingParameters};
use lens_runtime::{Classifier, Context, ContextOptions};
use lesionlens_torch::{DenseNet, TrainingNetwork};
use safetensors::tensor::{Dtype, SafeTensors};
use std::sync::Arc;
use tch::{Device, Kind, Reduction, Tensor};

const LEARNING_RATE: f64 = 1e-3;
const POS_WEIGHT: f64 = 1.5;
const LABELS: [f32; 4] = [1.0, 0.0, 0.0, 1.0];
/// Of the batch that is trained on.
const TRAINING: [i64; 4] = [4, 3, 64, 64];
/// Of the batches that are classified, and whether their feature maps are known.
const EVALUATION: [([i64; 4], bool); 5] = [
    ([2, 3, 64, 64], true),
    ([1, 3, 32, 32], true),
    ([1, 3, 97, 130], true),
    ([1, 3, 224, 224], false),
    ([3, 3, 33, 47], false),
];

/// A file of golden vectors: what a reference made of inputs that both sides can compute.
struct Golden(Vec<u8>);

impl Golden {
    fn read(name: &str) -> Self {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
        Golden(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())))
    }

    fn tensor(&self, name: &str) -> Tensor {
        let file = SafeTensors::deserialize(&self.0).unwrap();
        let view = file.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
        let kind = match view.dtype() {
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            other => panic!("{name} has the type {other:?}"),
        };
        let shape: Vec<i64> = view.shape().iter().map(|side| *side as i64).collect();
        Tensor::from_data_size(view.data(), &shape, kind)
    }
}

fn weight(spec: &ParameterSpec) -> Vec<f32> {
    let fan_in: usize = spec.shape.iter().skip(1).product();
    let count = spec.shape.iter().product::<usize>() as u64;
    let value = |u: f64| match spec.role {
        Role::Convolution => u * (6.0 / fan_in as f64).sqrt(),
        Role::NormWeight => 1.0 + 0.25 * u,
        Role::NormBias | Role::RunningMean | Role::HeadBias => 0.1 * u,
        Role::RunningVariance => 1.0 + 0.5 * u,
        Role::HeadWeight => u * (3.0f64 / 1024.0).sqrt(),
    };
    (0..count).map(|index| value(uniform(&spec.name, index)) as f32).collect()
}

fn parameters() -> Parameters {
    let mut parameters = Parameters::zeroed().unwrap();
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        parameters.of_mut(index).copy_from_slice(&weight(spec));
    }
    parameters
}

fn training_parameters() -> TrainingParameters {
    TrainingParameters::of(&parameters()).unwrap()
}

fn input(shape: [i64; 4], kind: Kind) -> Tensor {
    let name = format!("input.{}x{}x{}x{}", shape[0], shape[1], shape[2], shape[3]);
    let count = shape.iter().product::<i64>() as u64;
    let values: Vec<f32> = (0..count).map(|index| (0.5 + 0.5 * uniform(&name, index)) as f32).collect();
    // Channels last, as the library feeds it.
    let nchw = Tensor::from_slice(&values).view(shape).to_kind(kind);
    nchw.permute([0, 2, 3, 1]).contiguous().permute([0, 3, 1, 2])
}

/// The largest difference, in units of the reference's largest magnitude.
fn difference(found: &Tensor, expected: &Tensor) -> f64 {
    let expected = expected.to_kind(Kind::Double).view([-1]);
    let found = found.to_kind(Kind::Double).contiguous().view([-1]);
    assert_eq!(found.size(), expected.size());
    let scale = expected.abs().max().double_value(&[]).max(1e-12);
    (found - expected).abs().max().double_value(&[]) / scale
}

/// The same images as the CPU's engine takes them.
struct Samples([usize; 4], Vec<f32>);

impl Samples {
    fn of(shape: [i64; 4]) -> Self {
        let pixels = input(shape, Kind::Float).permute([0, 2, 3, 1]).contiguous().view([-1]);
        Samples(shape.map(|side| side as usize), Vec::try_from(pixels).unwrap())
    }

    fn images(&self) -> Images<'_> {
        let [count, channels, height, width] = self.0;
        let (row_step, size) = (width * channels, height * width * channels);
        let view = |image| ImageView { memory: &self.1, offset: image * size, row_step, channels };
        Images { width, height, views: (0..count).map(view).collect() }
    }
}

fn name_of(shape: [i64; 4]) -> String {
    format!("eval.{}x{}x{}x{}", shape[0], shape[1], shape[2], shape[3])
}

#[test]
fn logits_and_feature_maps_are_torchvisions() {
    let golden = Golden::read("densenet.safetensors");
    let network = DenseNet::of(&parameters(), Device::Cpu).unwrap();
    let _guard = tch::no_grad_guard();
    for (shape, with_features) in EVALUATION {
        let name = name_of(shape);
        let features = network.features(&input(shape, Kind::Float));
        let logits = difference(&network.head(&features), &golden.tensor(&format!("{name}.logits")));
        assert!(logits < 1e-4, "{name}: logits differ by {logits}");
        if with_features {
            let map = difference(&features, &golden.tensor(&format!("{name}.features")));
            assert!(map < 1e-4, "{name}: feature maps differ by {map}");
        }
    }
}

#[test]
fn logits_and_feature_maps_of_the_cpus_engine_are_torchvisions() {
    let golden = Golden::read("densenet.safetensors");
    let options = ContextOptions { device: DeviceRequest::Cpu, ..ContextOptions::default() };
    let context = Context::new(options).unwrap();
    let model = Classifier::new(&context, Model::new(parameters(), Metadata::default())).unwrap();
    for (shape, with_features) in EVALUATION {
        let (name, samples) = (name_of(shape), Samples::of(shape));
        let logits = Tensor::from_slice(&model.logits(&samples.images()).unwrap());
        let logits = difference(&logits, &golden.tensor(&format!("{name}.logits")));
        assert!(logits < 1e-4, "{name}: logits differ by {logits}");
        if with_features {
            let found = model.network().features(&samples.images()).unwrap();
            let size = [shape[0], found.height as i64, found.width as i64, 1024];
            let map = Tensor::from_slice(&found.values).view(size).permute([0, 3, 1, 2]);
            let map = difference(&map, &golden.tensor(&format!("{name}.features")));
            assert!(map < 1e-4, "{name}: feature maps differ by {map}");
        }
    }
    // Nothing of this was computed by anything but the plan.
    assert_eq!(model.engine(), Instructions::best().engine());
}

fn loss_of(network: &mut DenseNet<Tensor>, kind: Kind) -> (Tensor, Tensor) {
    let logits = network.train_logits(&input(TRAINING, kind));
    let labels = Tensor::from_slice(&LABELS).to_kind(kind);
    let pos_weight = Tensor::from_slice(&[POS_WEIGHT]).to_kind(kind);
    let loss = logits.binary_cross_entropy_with_logits::<Tensor>(&labels, None, Some(pos_weight), Reduction::Mean);
    (loss, logits)
}

/// Row-major indices that the reference sampled.
fn sampled(tensor: &Tensor) -> Tensor {
    let count = tensor.numel() as i64;
    let indices: Vec<i64> = (0..8).map(|sample| sample * count / 8).collect();
    tensor.detach().contiguous().view([-1]).index_select(0, &Tensor::from_slice(&indices))
}

/// PyTorch's Adam.
struct Adam(Vec<(Tensor, Tensor)>);

impl Adam {
    fn step(&mut self, number: i32, trained: &[Tensor], gradients: &[Tensor]) {
        let _guard = tch::no_grad_guard();
        for ((value, gradient), (first, second)) in trained.iter().zip(gradients).zip(&mut self.0) {
            *first = &*first * 0.9 + gradient * 0.1;
            *second = &*second * 0.999 + gradient.square() * 0.001;
            let spread = (&*second / (1.0 - 0.999f64.powi(number))).sqrt() + 1e-8;
            let step = &*first / (1.0 - 0.9f64.powi(number)) / spread * LEARNING_RATE;
            let mut value = value.shallow_clone();
            value -= step;
        }
    }
}

/// In double precision, where rounding does not hide or make up differences: single-precision gradients of a random
/// network this deep differ by per cents between any two orders of summation.
#[test]
fn two_training_steps_are_torchvisions() {
    let golden = Golden::read("densenet.safetensors");
    let mut network = autograd::network(&parameters(), Kind::Double);
    let trained = autograd::trained(&network);
    let names: Vec<_> =
        LAYOUT.parameters().iter().filter(|spec| spec.role.is_trained()).map(|spec| &spec.name).collect();
    let mut adam = Adam(trained.iter().map(|value| (value.zeros_like(), value.zeros_like())).collect());
    for (number, step) in [(1, "step_1"), (2, "step_2")] {
        let (loss, logits) = loss_of(&mut network, Kind::Double);
        assert!(difference(&loss, &golden.tensor(&format!("{step}.loss"))) < 1e-8, "{step}");
        assert!(difference(&logits, &golden.tensor(&format!("{step}.logits"))) < 1e-8, "{step}");
        let gradients = autograd::gradients(&loss, &network);
        let norms = golden.tensor(&format!("{step}.gradient.norm"));
        let samples = golden.tensor(&format!("{step}.gradient.samples"));
        assert_eq!((gradients.len() as i64, gradients.len()), (norms.size()[0], names.len()));
        for (index, (gradient, name)) in gradients.iter().zip(&names).enumerate() {
            let norm = norms.double_value(&[index as i64]);
            let found = gradient.norm().double_value(&[]);
            assert!((found - norm).abs() < 1e-6 * norm, "{step} {name}: {found} {norm}");
            let expected = samples.select(0, index as i64);
            let worst = (sampled(gradient) - expected).abs().max().double_value(&[]);
            assert!(worst < 1e-6 * norm, "{step} {name}: {worst}");
        }
        if step == "step_1" {
            for (tensor, spec) in network.parameters().zip(LAYOUT.parameters()) {
                if !spec.role.is_trained() {
                    let worst = difference(tensor, &golden.tensor(&format!("{step}.{}", spec.name)));
                    assert!(worst < 1e-6, "{}: {worst}", spec.name);
                }
            }
        }
        adam.step(number, &trained, &gradients);
        let expected = golden.tensor(&format!("{step}.parameter.samples"));
        for (index, (tensor, name)) in trained.iter().zip(&names).enumerate() {
            let worst = (sampled(tensor) - expected.select(0, index as i64)).abs().max().double_value(&[]);
            assert!(worst < 1e-6, "{step} {name}: {worst}");
        }
    }
}

/// The norm of the whole gradient.
fn gradient_norm(golden: &Golden) -> f64 {
    golden.tensor("step_1.gradient.norm").square().sum(Kind::Double).sqrt().double_value(&[])
}

#[test]
fn a_single_precision_step_stays_close() {
    let golden = Golden::read("densenet.safetensors");
    let mut training = TrainingNetwork::of(&training_parameters(), Device::Cpu).unwrap();
    let (loss, logits) = loss_of(training.network_mut(), Kind::Float);
    assert!(difference(&loss, &golden.tensor("step_1.loss")) < 1e-4);
    assert!(difference(&logits, &golden.tensor("step_1.logits")) < 1e-3);
    let norm = gradient_norm(&golden);
    let found = training.gradients(&loss, false).unwrap().norm().double_value(&[]);
    assert!((found - norm).abs() < 1e-2 * norm, "{found} {norm}");
    for (tensor, spec) in training.network().parameters().zip(LAYOUT.parameters()) {
        if !spec.role.is_trained() {
            let worst = difference(tensor, &golden.tensor(&format!("step_1.{}", spec.name)));
            assert!(worst < 1e-3, "{}: {worst}", spec.name);
        }
    }
}

#[test]
fn a_step_of_the_cpus_engine_stays_close() {
    let golden = Golden::read("densenet.safetensors");
    let settings = LearnerSettings { optimizer: OptimizerKind::Sgd, scaler: None, average: false };
    for set in Instructions::available() {
        let about = set.engine();
        let pool = Arc::new(Pool::new(2, 2));
        let mut learner = CpuLearner::new(pool, set, &training_parameters(), &settings).unwrap();
        learner.begin(false).unwrap();
        let samples = Samples::of(TRAINING);
        let loss = learner.accumulate(&samples.images(), &LABELS, POS_WEIGHT, 1.0).unwrap();
        assert!(difference(&Tensor::from(loss), &golden.tensor("step_1.loss")) < 1e-4, "{about}: {loss}");
        let mut statistics = vec![0.0; LAYOUT.statistics_count()];
        learner.read(Slot::Statistics, &mut statistics).unwrap();
        for (place, spec) in LAYOUT.places().into_iter().zip(LAYOUT.parameters()) {
            if !spec.role.is_trained() {
                let found = Tensor::from_slice(&statistics[place]);
                let worst = difference(&found, &golden.tensor(&format!("step_1.{}", spec.name)));
                assert!(worst < 1e-3, "{about}, {}: {worst}", spec.name);
            }
        }
        // The first moment of gradient descent without momentum is the gradient.
        assert!(learner.update(&UpdateStep { learning_rate: LEARNING_RATE, ..UpdateStep::PYTORCH }).unwrap());
        let mut gradient = vec![0.0; LAYOUT.trained_count()];
        learner.read(Slot::FirstMoment, &mut gradient).unwrap();
        let (norm, found) = (gradient_norm(&golden), Tensor::from_slice(&gradient).norm().double_value(&[]));
        assert!((found - norm).abs() < 1e-2 * norm, "{about}: {found} {norm}");
    }
}
