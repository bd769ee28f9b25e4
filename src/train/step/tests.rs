//! Each part of the step against autograd in double precision, on its own: through the whole network rounding grows so
//! much that only gross errors show.

use super::block::{Block, BlockGradient};
use super::kernels::InstructionSet;
use super::memory::{Gradients, Memory, sized};
use super::statistics::{Moments, Taken};
use super::stem::{self, Stem};
use super::{AdamStep, Head, Loss, transition};
use crate::model::{DenseNet, LAYOUT, Norm, Role};
use crate::runtime::parallel::Shape;
use rand::RngExt;
use std::ops::Range;
use tch::{Device, Kind, Reduction, Tensor};

/// Numbers of -1..1.
fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut random = crate::data::generator(seed, 0);
    (0..count).map(|_| random.random::<f32>() * 2.0 - 1.0).collect()
}

fn images(values: &[f32], shape: Shape) -> Tensor {
    let sizes = [shape.images, shape.height, shape.width, shape.channels].map(|size| size as i64);
    Tensor::from_slice(&values[..shape.len()]).view(sizes).permute([0, 3, 1, 2]).to_kind(Kind::Double)
}

/// The parameters of a network whose norms do something.
fn parameters() -> Vec<Tensor> {
    let mut network = DenseNet::initial(4, Device::Cpu);
    for (index, (tensor, spec)) in network.parameters_mut().iter_mut().zip(LAYOUT.parameters()).enumerate() {
        let noise = Tensor::from_slice(&noise(index as u64, tensor.numel())).view(&spec.shape[..]);
        *tensor = match spec.role {
            Role::NormWeight | Role::RunningVariance => 1.0 + 0.4 * noise,
            Role::NormBias | Role::RunningMean | Role::HeadBias => 0.4 * noise,
            Role::Convolution | Role::HeadWeight => continue,
        };
    }
    network.parameters_mut().iter().map(Tensor::shallow_clone).collect()
}

/// The same for autograd, in double precision, with running statistics of their own.
struct Reference(Vec<Tensor>);

impl Reference {
    fn of(parameters: &[Tensor]) -> Self {
        let specs = parameters.iter().zip(LAYOUT.parameters());
        let copy = |tensor: &Tensor, trained| tensor.to_kind(Kind::Double).set_requires_grad(trained);
        Reference(specs.map(|(tensor, spec)| copy(tensor, spec.role.is_trained())).collect())
    }

    fn norm_relu(&self, input: &Tensor, norm: &Norm) -> Tensor {
        let [weight, bias, mean, variance] = [norm.weight, norm.bias, norm.mean, norm.variance].map(|at| &self.0[at]);
        input.batch_norm(Some(weight), Some(bias), Some(mean), Some(variance), true, 0.1, 1e-5, false).relu()
    }

    fn convolution(&self, input: &Tensor, weight: usize, stride: i64, padding: i64) -> Tensor {
        input.conv2d::<&Tensor>(&self.0[weight], None, stride, padding, 1, 1)
    }
}

fn assert_close(found: &Tensor, expected: &Tensor, what: &str) {
    let (found, expected) = (found.to_kind(Kind::Double), expected.to_kind(Kind::Double));
    assert_eq!(found.size(), expected.size(), "{what}");
    let difference = (&found - &expected).norm().double_value(&[]) / expected.norm().double_value(&[]).max(1e-9);
    assert!(difference < 2e-5, "{what}: {difference}");
}

/// Checks the gradients of all parameters that took part, and the running statistics of all.
fn check_parameters(values: &[f32], places: &[Range<usize>], parameters: &[Tensor], reference: &Reference) {
    let mut copy = values.to_vec();
    let mut gradients = Gradients { values: &mut copy, places };
    for (index, spec) in LAYOUT.parameters().iter().enumerate() {
        if !spec.role.is_trained() {
            assert_close(&parameters[index], &reference.0[index], &spec.name);
            continue;
        }
        let (found, expected) = (Tensor::from_slice(gradients.of(index)), reference.0[index].grad());
        if !expected.defined() {
            assert!(gradients.of(index).iter().all(|gradient| *gradient == 0.0), "{}", spec.name);
            continue;
        }
        let expected = if expected.dim() == 4 { expected.permute([0, 2, 3, 1]) } else { expected };
        assert_close(&found, &expected.reshape([-1]), &spec.name);
    }
}

/// The parts under test and what they share.
struct Bench {
    set: InstructionSet,
    places: Vec<Range<usize>>,
    memory: Memory,
    parameters: Vec<Tensor>,
    reference: Reference,
    gradients: Vec<f32>,
}

impl Bench {
    fn new() -> Self {
        let parameters = parameters();
        Bench {
            set: InstructionSet::best(),
            places: LAYOUT.places(),
            memory: Memory::default(),
            reference: Reference::of(&parameters),
            parameters,
            gradients: vec![0.0; LAYOUT.trained_count() as usize],
        }
    }

    /// A block that holds random pixels, and autograd's leaf with the same.
    fn block(&self, shape: Shape) -> (Block, Tensor) {
        let mut block = Block::default();
        block.reset(shape, 0).unwrap();
        block.values.copy_from_slice(&noise(1, shape.len()));
        let mut moments = Moments::new(shape.channels);
        moments.add(self.set, &block.values, shape.channels);
        block.statistics.set(0, std::iter::once(moments));
        let leaf = images(&block.values, shape).set_requires_grad(true);
        (block, leaf)
    }

    fn check(&self) {
        check_parameters(&self.gradients, &self.places, &self.parameters, &self.reference);
    }
}

/// A gradient that arrives from outside, and autograd's loss with that gradient.
fn arriving(shape: Shape, output: &Tensor) -> (BlockGradient, Tensor) {
    let values = noise(2, shape.len());
    let loss = (output * images(&values, shape)).sum(Kind::Double);
    (BlockGradient { values, taken: Taken::new(shape.channels) }, loss)
}

const SHAPE: Shape = Shape { images: 3, height: 5, width: 7, channels: 0 };

#[test]
fn dense_layers_are_autograds() {
    let mut bench = Bench::new();
    let channels = LAYOUT.block_channels(0);
    let (first, shape) = (Shape { channels: channels[0], ..SHAPE }, Shape { channels: channels[6], ..SHAPE });
    let (start, leaf) = bench.block(first);
    let mut block = Block::default();
    block.reset(shape, 6).unwrap();
    for (from, to) in start.values.chunks(first.channels).zip(block.values.chunks_mut(shape.channels)) {
        to[..first.channels].copy_from_slice(from);
    }
    let mut moments = Moments::new(first.channels);
    moments.add(bench.set, &start.values, first.channels);
    block.statistics.set(0, std::iter::once(moments));
    let mut output = leaf.shallow_clone();
    for (number, layer) in LAYOUT.blocks[0].iter().enumerate() {
        block.forward(bench.set, (number, channels[number]), layer, &mut bench.parameters, &mut bench.memory).unwrap();
        let reference = &bench.reference;
        let inner = reference.convolution(&reference.norm_relu(&output, &layer.norm1), layer.conv1, 1, 0);
        let added = reference.convolution(&reference.norm_relu(&inner, &layer.norm2), layer.conv2, 1, 1);
        output = Tensor::cat(&[output, added], 1);
    }
    assert_close(&images(&block.values, shape), &output, "pixels");

    let (mut gradient, loss) = arriving(shape, &output);
    loss.backward();
    let gradients = &mut Gradients { values: &mut bench.gradients, places: &bench.places };
    for (number, layer) in LAYOUT.blocks[0].iter().enumerate().rev() {
        let (place, memory) = ((number, channels[number]), &mut bench.memory);
        block.backward(bench.set, place, layer, &bench.parameters, &mut gradient, (gradients, memory)).unwrap();
    }
    let mut found = vec![0.0; first.len()];
    block.settled(bench.set, 0..first.channels, &gradient, &mut found).unwrap();
    assert_close(&images(&found, first), &leaf.grad(), "gradient of the pixels");
    bench.check();
}

#[test]
fn transitions_are_autograds() {
    // Sides of all parities: an odd last row or column has no part in the pooled image.
    for (height, width) in [(4, 6), (5, 7), (4, 7), (5, 6)] {
        let mut bench = Bench::new();
        let transition = &LAYOUT.transitions[0];
        let shape = Shape { height, width, channels: 256, ..SHAPE };
        let (from, leaf) = bench.block(shape);
        let mut to = Block::default();
        // With room for a layer more beside.
        let wide = Shape { height: height / 2, width: width / 2, channels: 160, ..SHAPE };
        to.reset(wide, 0).unwrap();
        transition::forward(bench.set, &from, &mut to, transition, &mut bench.parameters, &mut bench.memory).unwrap();
        let reduced =
            bench.reference.convolution(&bench.reference.norm_relu(&leaf, &transition.norm), transition.conv, 1, 0);
        let output = reduced.avg_pool2d(2, 2, 0, false, true, None);
        assert_close(&images(&to.values, wide).narrow(1, 0, 128), &output, "pixels");

        let (mut gradient, _) = arriving(wide, &images(&to.values, wide));
        (output * images(&gradient.values, wide).narrow(1, 0, 128)).sum(Kind::Double).backward();
        let gradients = &mut Gradients { values: &mut bench.gradients, places: &bench.places };
        let pair = (&from, &to);
        let memory = &mut bench.memory;
        transition::backward(bench.set, pair, transition, &bench.parameters, &mut gradient, (gradients, memory))
            .unwrap();
        let mut found = vec![0.0; shape.len()];
        from.settled(bench.set, 0..shape.channels, &gradient, &mut found).unwrap();
        assert_close(&images(&found, shape), &leaf.grad(), "gradient of the pixels");
        bench.check();
    }
}

#[test]
fn the_stem_is_autograds() {
    for (height, width) in [(33, 47), (32, 38), (36, 34)] {
        let mut bench = Bench::new();
        let input_shape = Shape { height, width, channels: 3, ..SHAPE };
        // Even areas, where many pixels of a window are the largest.
        let input: Vec<f32> = noise(3, input_shape.len()).iter().map(|value| value.clamp(-0.2, 0.2)).collect();
        let (_, shape) = stem::shapes(input_shape, 64);
        let mut block = Block::default();
        block.reset(shape, 0).unwrap();
        let mut stem = Stem::default();
        stem.forward(bench.set, (&input, input_shape), &mut block, &mut bench.parameters).unwrap();
        let convolved = bench.reference.convolution(&images(&input, input_shape), LAYOUT.stem, 2, 3);
        let output = bench.reference.norm_relu(&convolved, &LAYOUT.stem_norm).max_pool2d(3, 2, 1, 1, false);
        assert_close(&images(&block.values, shape), &output, "pixels");

        let (gradient, loss) = arriving(shape, &output);
        loss.backward();
        let gradients = &mut Gradients { values: &mut bench.gradients, places: &bench.places };
        let (pair, memory) = ((&block, &gradient), &mut bench.memory);
        stem.backward(bench.set, (&input, input_shape), pair, &bench.parameters, (gradients, memory)).unwrap();
        bench.check();
    }
}

#[test]
fn the_head_is_autograds() {
    let mut bench = Bench::new();
    let shape = Shape { channels: 1024, ..SHAPE };
    let (block, leaf) = bench.block(shape);
    let mut head = Head::default();
    let logits = head.forward(bench.set, &block, &mut bench.parameters).unwrap();
    let means = bench.reference.norm_relu(&leaf, &LAYOUT.last_norm).mean_dim(&[2i64, 3][..], false, Kind::Double);
    let expected =
        means.linear(&bench.reference.0[LAYOUT.head_weight], Some(&bench.reference.0[LAYOUT.head_bias])).view([-1]);
    assert_close(&Tensor::from_slice(&logits), &expected, "logits");

    let of_logits = [0.3, -0.7, 0.2];
    (expected * Tensor::from_slice(&of_logits)).sum(Kind::Double).backward();
    let mut gradient = BlockGradient { values: Vec::new(), taken: Taken::new(0) };
    sized(&mut gradient.values, shape.len()).unwrap();
    let gradients = &mut Gradients { values: &mut bench.gradients, places: &bench.places };
    head.backward(bench.set, &block, &of_logits, &bench.parameters, &mut gradient, gradients).unwrap();
    let mut found = vec![0.0; shape.len()];
    block.settled(bench.set, 0..shape.channels, &gradient, &mut found).unwrap();
    assert_close(&images(&found, shape), &leaf.grad(), "gradient of the pixels");
    bench.check();
}

#[test]
fn loss_and_gradient_are_libtorchs() {
    let logits = [-90f32, -3.0, -0.0, 0.4, 5.0, 90.0, -90.0, 90.0];
    let targets = [1f32, 0.0, 0.5, 1.0, 0.05, 0.0, 0.0, 1.0];
    let leaf = Tensor::from_slice(&logits).to_kind(Kind::Double).set_requires_grad(true);
    let target = Tensor::from_slice(&targets).to_kind(Kind::Double);
    let weight = Tensor::from_slice(&[2.5]);
    let expected = leaf.binary_cross_entropy_with_logits::<Tensor>(&target, None, Some(weight), Reduction::Mean);
    expected.backward();
    let (loss, gradients) = Loss { pos_weight: 2.5 }.of(&logits, &targets);
    assert!((loss - expected.double_value(&[])).abs() < 1e-9 * loss, "{loss}");
    let difference = (leaf.grad() - Tensor::from_slice(&gradients)).abs().max().double_value(&[]);
    assert!(difference < 1e-9, "{difference}");
    assert!(Loss { pos_weight: 1.0 }.of(&[f32::NAN, 1.0], &[0.0, 1.0]).0.is_nan());
}

#[test]
fn adam_steps_are_the_formulas() {
    let count = 1003;
    let start = noise(5, count);
    let [mut values, mut first, mut second] =
        [&start, &vec![0.0; count], &vec![0.0; count]].map(|v| Tensor::from_slice(v));
    let (mut exact, mut moments) = (start.iter().map(|v| f64::from(*v)).collect::<Vec<_>>(), vec![(0.0, 0.0); count]);
    for step in 1..=3 {
        let gradients = noise(5 + step as u64, count);
        let adam = AdamStep { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, learning_rate: 0.01, step };
        adam.take(InstructionSet::best(), &mut values, &Tensor::from_slice(&gradients), &mut first, &mut second)
            .unwrap();
        for ((value, (first, second)), gradient) in exact.iter_mut().zip(&mut moments).zip(&gradients) {
            let gradient = f64::from(*gradient);
            *first = 0.9 * *first + 0.1 * gradient;
            *second = 0.999 * *second + 0.001 * gradient * gradient;
            let (first, second) = (*first / (1.0 - 0.9f64.powi(step)), *second / (1.0 - 0.999f64.powi(step)));
            *value -= 0.01 * first / (second.sqrt() + 1e-8);
        }
    }
    assert_close(&values, &Tensor::from_slice(&exact), "values");
    let short = Tensor::from_slice(&[0f32; 3]);
    let adam = AdamStep { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, learning_rate: 0.01, step: 1 };
    assert!(adam.take(InstructionSet::best(), &mut values, &short, &mut first, &mut second).is_err());
}
