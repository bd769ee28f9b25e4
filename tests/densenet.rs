//! The network against torchvision's, on weights that both sides compute from one formula (tests/golden/densenet.py).

#[path = "golden/formula.rs"]
mod formula;
mod golden;

use formula::uniform;
use golden::Golden;
use lesionlens::model::{DenseNet, LAYOUT, ParameterSpec, Role};
use lesionlens::train::{Optimizer, OptimizerOptions, Parameters};
use tch::{Kind, Reduction, Tensor};

const LEARNING_RATE: f64 = 1e-3;

fn weight(spec: &ParameterSpec) -> Tensor {
    let fan_in: i64 = spec.shape.iter().skip(1).product();
    let count = spec.shape.iter().product::<i64>() as u64;
    let value = |u: f64| match spec.role {
        Role::Convolution => u * (6.0 / fan_in as f64).sqrt(),
        Role::NormWeight => 1.0 + 0.25 * u,
        Role::NormBias | Role::RunningMean | Role::HeadBias => 0.1 * u,
        Role::RunningVariance => 1.0 + 0.5 * u,
        Role::HeadWeight => u * (3.0f64 / 1024.0).sqrt(),
    };
    let values: Vec<f32> = (0..count).map(|index| value(uniform(&spec.name, index)) as f32).collect();
    Tensor::from_slice(&values).view(&spec.shape[..])
}

fn network(kind: Kind) -> DenseNet<Tensor> {
    DenseNet::from_parameters(|spec| Ok(weight(spec).to_kind(kind))).unwrap()
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

#[test]
fn logits_and_feature_maps_are_torchvisions() {
    let golden = Golden::read("densenet.safetensors");
    let network = network(Kind::Float);
    let _guard = tch::no_grad_guard();
    for (shape, with_features) in [
        ([2, 3, 64, 64], true),
        ([1, 3, 32, 32], true),
        ([1, 3, 97, 130], true),
        ([1, 3, 224, 224], false),
        ([3, 3, 33, 47], false),
    ] {
        let name = format!("eval.{}x{}x{}x{}", shape[0], shape[1], shape[2], shape[3]);
        let features = network.features(&input(shape, Kind::Float));
        let logits = difference(&network.head(&features), &golden.tensor(&format!("{name}.logits")));
        assert!(logits < 1e-4, "{name}: logits differ by {logits}");
        if with_features {
            let map = difference(&features, &golden.tensor(&format!("{name}.features")));
            assert!(map < 1e-4, "{name}: feature maps differ by {map}");
        }
    }
}

fn loss_of(network: &mut DenseNet<Tensor>, kind: Kind) -> (Tensor, Tensor) {
    let logits = network.train_logits(&input([4, 3, 64, 64], kind));
    let labels = Tensor::from_slice(&[1.0, 0.0, 0.0, 1.0]).to_kind(kind);
    let pos_weight = Tensor::from_slice(&[1.5]).to_kind(kind);
    let loss = logits.binary_cross_entropy_with_logits::<Tensor>(&labels, None, Some(pos_weight), Reduction::Mean);
    (loss, logits)
}

/// Row-major indices that the reference sampled.
fn sampled(tensor: &Tensor) -> Tensor {
    let count = tensor.numel() as i64;
    let indices: Vec<i64> = (0..8).map(|sample| sample * count / 8).collect();
    tensor.detach().contiguous().view([-1]).index_select(0, &Tensor::from_slice(&indices))
}

/// In double precision, where rounding does not hide or make up differences: single-precision gradients of a random
/// network this deep differ by per cents between any two orders of summation.
#[test]
fn two_training_steps_are_torchvisions() {
    let golden = Golden::read("densenet.safetensors");
    let mut parameters = Parameters::of(&network(Kind::Double)).unwrap();
    let mut adam = Optimizer::new(OptimizerOptions::default(), parameters.values());
    for step in ["step_1", "step_2"] {
        let (loss, logits) = loss_of(parameters.network_mut(), Kind::Double);
        assert!(difference(&loss, &golden.tensor(&format!("{step}.loss"))) < 1e-8, "{step}");
        assert!(difference(&logits, &golden.tensor(&format!("{step}.logits"))) < 1e-8, "{step}");
        let mut flat = parameters.gradients(&loss, false).unwrap();
        let norms = golden.tensor(&format!("{step}.gradient.norm"));
        let samples = golden.tensor(&format!("{step}.gradient.samples"));
        let mut start = 0;
        let mut index = 0;
        for (tensor, spec) in parameters.network().parameters().zip(LAYOUT.parameters()) {
            if !spec.role.is_trained() {
                continue;
            }
            let count = tensor.numel() as i64;
            let part = flat.narrow(0, start, count);
            start += count;
            // The flat buffer holds convolutions channels last.
            let gradient = match spec.shape[..] {
                [o, i, h, w] => part.view([o, h, w, i]).permute([0, 3, 1, 2]),
                _ => part.view(&spec.shape[..]),
            };
            let norm = norms.double_value(&[index]);
            let found = gradient.norm().double_value(&[]);
            assert!((found - norm).abs() < 1e-6 * norm, "{step} {}: {found} {norm}", spec.name);
            let expected = samples.select(0, index);
            let worst = (sampled(&gradient) - expected).abs().max().double_value(&[]);
            assert!(worst < 1e-6 * norm, "{step} {}: {worst}", spec.name);
            index += 1;
        }
        assert_eq!(index, norms.size()[0]);
        if step == "step_1" {
            for (tensor, spec) in parameters.network().parameters().zip(LAYOUT.parameters()) {
                if !spec.role.is_trained() {
                    let worst = difference(tensor, &golden.tensor(&format!("{step}.{}", spec.name)));
                    assert!(worst < 1e-6, "{}: {worst}", spec.name);
                }
            }
        }
        adam.step(parameters.values(), &mut flat, parameters.weights(), 0, LEARNING_RATE).unwrap();
        let expected = golden.tensor(&format!("{step}.parameter.samples"));
        let mut index = 0;
        for (tensor, spec) in parameters.network().parameters().zip(LAYOUT.parameters()) {
            if spec.role.is_trained() {
                let worst = (sampled(tensor) - expected.select(0, index)).abs().max().double_value(&[]);
                assert!(worst < 1e-6, "{step} {}: {worst}", spec.name);
                index += 1;
            }
        }
    }
}

#[test]
fn a_single_precision_step_stays_close() {
    let golden = Golden::read("densenet.safetensors");
    let mut parameters = Parameters::of(&network(Kind::Float)).unwrap();
    let (loss, logits) = loss_of(parameters.network_mut(), Kind::Float);
    assert!(difference(&loss, &golden.tensor("step_1.loss")) < 1e-4);
    assert!(difference(&logits, &golden.tensor("step_1.logits")) < 1e-3);
    let norm = golden.tensor("step_1.gradient.norm").square().sum(Kind::Double).sqrt().double_value(&[]);
    let found = parameters.gradients(&loss, false).unwrap().norm().double_value(&[]);
    assert!((found - norm).abs() < 1e-2 * norm, "{found} {norm}");
    for (tensor, spec) in parameters.network().parameters().zip(LAYOUT.parameters()) {
        if !spec.role.is_trained() {
            let worst = difference(tensor, &golden.tensor(&format!("step_1.{}", spec.name)));
            assert!(worst < 1e-3, "{}: {worst}", spec.name);
        }
    }
}
