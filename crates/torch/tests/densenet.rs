//! libtorch's network in double precision compared with torchvision's (tests/golden/densenet.py), including gradients.

mod autograd;

use lens_conformance::{Batch, Golden, POS_WEIGHT, TRAINING, golden_parameters};
use lens_model::LAYOUT;
use lesionlens_torch::DenseNet;
use tch::{Kind, Reduction, Tensor};

const LEARNING_RATE: f64 = 1e-3;

/// N x 3 x H x W, channels last in memory as the library feeds it.
fn input(batch: &Batch) -> Tensor {
    let shape = [-1, batch.height as i64, batch.width as i64, 3];
    Tensor::from_slice(&batch.values).view(shape).permute([0, 3, 1, 2]).to_kind(Kind::Double)
}

/// Largest absolute error, relative to the largest absolute expected value.
fn difference(found: &Tensor, expected: &[f64]) -> f64 {
    let expected = Tensor::from_slice(expected);
    let found = found.to_kind(Kind::Double).contiguous().view([-1]);
    assert_eq!(found.size(), expected.size());
    let scale = expected.abs().max().double_value(&[]).max(1e-12);
    (found - expected).abs().max().double_value(&[]) / scale
}

fn loss_of(network: &mut DenseNet<Tensor>) -> (Tensor, Tensor) {
    let batch = Batch::golden(TRAINING);
    let logits = network.train_logits(&input(&batch));
    let labels = Tensor::from_slice(&batch.targets).to_kind(Kind::Double);
    let pos_weight = Tensor::from_slice(&[POS_WEIGHT]);
    let loss = logits.binary_cross_entropy_with_logits::<Tensor>(&labels, None, Some(pos_weight), Reduction::Mean);
    (loss, logits)
}

/// Row-major indices sampled in the golden vectors.
fn sampled(tensor: &Tensor) -> Tensor {
    let count = tensor.numel() as i64;
    let indices: Vec<i64> = (0..8).map(|sample| sample * count / 8).collect();
    tensor.detach().contiguous().view([-1]).index_select(0, &Tensor::from_slice(&indices))
}

/// One row for each parameter.
fn sampled_of(golden: &Golden, name: &str) -> Tensor {
    Tensor::from_slice(&golden.values(name)).view([-1, 8])
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

/// In double precision: single-precision gradients of a random network this deep differ by per cents between any two
/// orders of summation.
#[test]
fn training_steps_match_torchvision() {
    let golden = Golden::new();
    let mut network = autograd::network(&golden_parameters(), Kind::Double);
    let trained = autograd::trained(&network);
    let names: Vec<_> =
        LAYOUT.parameters().iter().filter(|spec| spec.role.is_trained()).map(|spec| &spec.name).collect();
    let mut adam = Adam(trained.iter().map(|value| (value.zeros_like(), value.zeros_like())).collect());
    for (number, step) in [(1, "step_1"), (2, "step_2")] {
        let (loss, logits) = loss_of(&mut network);
        assert!(difference(&loss, &golden.values(&format!("{step}.loss"))) < 1e-8, "{step}");
        assert!(difference(&logits, &golden.values(&format!("{step}.logits"))) < 1e-8, "{step}");
        let gradients = autograd::gradients(&loss, &network);
        let norms = golden.values(&format!("{step}.gradient.norm"));
        let samples = sampled_of(&golden, &format!("{step}.gradient.samples"));
        assert_eq!([gradients.len(); 2], [norms.len(), names.len()]);
        for (index, ((gradient, name), norm)) in gradients.iter().zip(&names).zip(&norms).enumerate() {
            let found = gradient.norm().double_value(&[]);
            assert!((found - norm).abs() < 1e-6 * norm, "{step} {name}: {found} {norm}");
            let expected = samples.select(0, index as i64);
            let worst = (sampled(gradient) - expected).abs().max().double_value(&[]);
            assert!(worst < 1e-6 * norm, "{step} {name}: {worst}");
        }
        if step == "step_1" {
            for (tensor, spec) in network.parameters().zip(LAYOUT.parameters()) {
                if !spec.role.is_trained() {
                    let worst = difference(tensor, &golden.values(&format!("{step}.{}", spec.name)));
                    assert!(worst < 1e-6, "{}: {worst}", spec.name);
                }
            }
        }
        adam.step(number, &trained, &gradients);
        let expected = sampled_of(&golden, &format!("{step}.parameter.samples"));
        for (index, (tensor, name)) in trained.iter().zip(&names).enumerate() {
            let worst = (sampled(tensor) - expected.select(0, index as i64)).abs().max().double_value(&[]);
            assert!(worst < 1e-6, "{step} {name}: {worst}");
        }
    }
}
