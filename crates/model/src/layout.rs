//! DenseNet-121's parameters: names and order as torchvision has them, shapes, roles.

use once_cell::race::OnceBox;
use std::ops::{Deref, Range};

/// Output channels of each dense layer.
const GROWTH_RATE: usize = 32;
/// Output channels of a dense layer's 1x1 convolution, as a multiple of `GROWTH_RATE`; torchvision's bn_size.
const BN_SIZE: usize = 4;
/// Dense layers of each block; torchvision's block_config.
const BLOCK_CONFIG: [usize; 4] = [6, 12, 24, 16];
/// Output channels of the first convolution.
const STEM_CHANNELS: usize = 64;

/// The role of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weight of a convolution, without bias: output x input x height x width.
    Convolution,
    /// Scale of a batch norm.
    NormWeight,
    /// Shift of a batch norm.
    NormBias,
    /// Running mean of a batch norm; not trained.
    RunningMean,
    /// Running variance of a batch norm; not trained.
    RunningVariance,
    /// Weight of the linear head: 1 x features.
    HeadWeight,
    /// Bias of the linear head.
    HeadBias,
}

impl Role {
    /// Whether gradients change it.
    pub fn is_trained(self) -> bool {
        !matches!(self, Role::RunningMean | Role::RunningVariance)
    }
}

/// One parameter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParameterSpec {
    /// Its name.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Its role.
    pub role: Role,
}

/// A batch norm, as indices of its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Scale.
    pub weight: usize,
    /// Shift.
    pub bias: usize,
    /// Running mean.
    pub mean: usize,
    /// Running variance.
    pub variance: usize,
}

/// A dense layer: norm, ReLU, 1x1 convolution, norm, ReLU, 3x3 convolution.
#[derive(Debug)]
pub struct DenseLayer {
    /// Before the 1x1 convolution.
    pub norm1: Norm,
    /// Weight of the 1x1 convolution.
    pub conv1: usize,
    /// Before the 3x3 convolution.
    pub norm2: Norm,
    /// Weight of the 3x3 convolution.
    pub conv2: usize,
}

/// A transition between two blocks: norm, ReLU, 1x1 convolution, average pooling.
#[derive(Debug)]
pub struct Transition {
    /// Before the convolution.
    pub norm: Norm,
    /// Weight of the 1x1 convolution.
    pub conv: usize,
}

/// The network as indices into one list of parameters.
#[derive(Debug)]
pub struct Layout {
    parameters: Vec<ParameterSpec>,
    /// Names of the batch norms, for which files also have num_batches_tracked.
    norms: Vec<String>,
    /// Weight of the first convolution.
    pub stem: usize,
    /// Norm of the first convolution's output.
    pub stem_norm: Norm,
    /// Dense layers of each block.
    pub blocks: Vec<Vec<DenseLayer>>,
    /// Between blocks.
    pub transitions: Vec<Transition>,
    /// Norm of the last block's output.
    pub last_norm: Norm,
    /// Weight of the linear layer.
    pub head_weight: usize,
    /// Bias of the linear layer.
    pub head_bias: usize,
}

/// Smallest width and height of an input: it is halved five times.
pub const SMALLEST_SIDE: usize = 32;
/// Epsilon of torchvision's batch norms.
pub const EPSILON: f64 = 1e-5;
/// Momentum of torchvision's running statistics: the weight of a batch.
pub const MOMENTUM: f64 = 0.1;

/// DenseNet-121 with one output.
pub static LAYOUT: LazyLayout = LazyLayout(OnceBox::new());

/// Made at its first use. Threads that come first together make it each, and one is kept: none waits for another, which is not
/// there any more in the child of a fork.
pub struct LazyLayout(OnceBox<Layout>);

impl Deref for LazyLayout {
    type Target = Layout;

    fn deref(&self) -> &Layout {
        self.0.get_or_init(|| Box::new(Layout::densenet121()))
    }
}

#[derive(Default)]
struct Builder {
    parameters: Vec<ParameterSpec>,
    norms: Vec<String>,
}

impl Builder {
    fn add(&mut self, name: String, shape: &[usize], role: Role) -> usize {
        self.parameters.push(ParameterSpec { name, shape: shape.to_vec(), role });
        self.parameters.len() - 1
    }

    fn convolution(&mut self, name: &str, output: usize, input: usize, side: usize) -> usize {
        self.add(format!("{name}.weight"), &[output, input, side, side], Role::Convolution)
    }

    fn norm(&mut self, name: &str, channels: usize) -> Norm {
        self.norms.push(name.to_string());
        Norm {
            weight: self.add(format!("{name}.weight"), &[channels], Role::NormWeight),
            bias: self.add(format!("{name}.bias"), &[channels], Role::NormBias),
            mean: self.add(format!("{name}.running_mean"), &[channels], Role::RunningMean),
            variance: self.add(format!("{name}.running_var"), &[channels], Role::RunningVariance),
        }
    }
}

impl Layout {
    fn densenet121() -> Self {
        let mut builder = Builder::default();
        let stem = builder.convolution("features.conv0", STEM_CHANNELS, 3, 7);
        let stem_norm = builder.norm("features.norm0", STEM_CHANNELS);
        let (mut blocks, mut transitions, mut channels) = (Vec::new(), Vec::new(), STEM_CHANNELS);
        for (index, layers) in BLOCK_CONFIG.iter().enumerate() {
            let block = index + 1;
            blocks.push(
                (1..=*layers)
                    .map(|layer| {
                        let name = format!("features.denseblock{block}.denselayer{layer}");
                        let bottleneck = BN_SIZE * GROWTH_RATE;
                        let dense_layer = DenseLayer {
                            norm1: builder.norm(&format!("{name}.norm1"), channels),
                            conv1: builder.convolution(&format!("{name}.conv1"), bottleneck, channels, 1),
                            norm2: builder.norm(&format!("{name}.norm2"), bottleneck),
                            conv2: builder.convolution(&format!("{name}.conv2"), GROWTH_RATE, bottleneck, 3),
                        };
                        channels += GROWTH_RATE;
                        dense_layer
                    })
                    .collect(),
            );
            if block < BLOCK_CONFIG.len() {
                let name = format!("features.transition{block}");
                transitions.push(Transition {
                    norm: builder.norm(&format!("{name}.norm"), channels),
                    conv: builder.convolution(&format!("{name}.conv"), channels / 2, channels, 1),
                });
                channels /= 2;
            }
        }
        let last_norm = builder.norm("features.norm5", channels);
        let head_weight = builder.add("classifier.weight".into(), &[1, channels], Role::HeadWeight);
        let head_bias = builder.add("classifier.bias".into(), &[1], Role::HeadBias);
        let Builder { parameters, norms } = builder;
        Layout { parameters, norms, stem, stem_norm, blocks, transitions, last_norm, head_weight, head_bias }
    }

    /// All parameters, in torchvision's order.
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.parameters
    }

    /// Number of elements of a parameter.
    pub fn count(&self, index: usize) -> usize {
        self.parameters[index].shape.iter().product()
    }

    /// Range of each parameter in one of two flat vectors, of all trained parameters and of all others.
    pub fn parameter_ranges(&self) -> Vec<Range<usize>> {
        let (mut trained, mut other) = (0, 0);
        self.parameters
            .iter()
            .map(|spec| {
                let start = if spec.role.is_trained() { &mut trained } else { &mut other };
                let count = spec.shape.iter().product::<usize>();
                *start += count;
                *start - count..*start
            })
            .collect()
    }

    /// Input channels of each layer of a block, then the block's output channels.
    pub fn block_channels(&self, block: usize) -> Vec<usize> {
        let layers = &self.blocks[block];
        let first = self.parameters[layers[0].norm1.weight].shape[0];
        let after = layers.iter().scan(first, |channels, layer| {
            *channels += self.parameters[layer.conv2].shape[0];
            Some(*channels)
        });
        std::iter::once(first).chain(after).collect()
    }

    /// Names of tensors in torchvision's files beside the parameters: num_batches_tracked of each batch norm, which is
    /// not used.
    pub fn batch_counts(&self) -> impl Iterator<Item = String> + '_ {
        self.norms.iter().map(|name| format!("{name}.num_batches_tracked"))
    }

    /// Number of elements of the running statistics.
    pub fn statistics_count(&self) -> usize {
        self.parameters
            .iter()
            .filter(|spec| !spec.role.is_trained())
            .map(|spec| spec.shape.iter().product::<usize>())
            .sum()
    }

    /// Number of elements of the trained parameters.
    pub fn trained_count(&self) -> usize {
        self.parameters
            .iter()
            .filter(|spec| spec.role.is_trained())
            .map(|spec| spec.shape.iter().product::<usize>())
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameter_count_matches_torchvision() {
        // torchvision's densenet121 has 7,978,856 with its 1000-class head of 1,025,000; this head has 1,025.
        assert_eq!(LAYOUT.trained_count(), 7_978_856 - 1_025_000 + 1_025);
        assert_eq!(LAYOUT.batch_counts().count(), 121);
    }
}
