//! DenseNet-121's parameters: names and order as torchvision has them, shapes, roles.

use once_cell::sync::Lazy;
use std::ops::Range;

/// Channels that each dense layer adds.
const GROWTH: usize = 32;
/// Output channels of a dense layer's 1x1 convolution, in units of `GROWTH`.
const BOTTLENECK: usize = 4;
/// Dense layers of each block.
const BLOCKS: [usize; 4] = [6, 12, 24, 16];
/// Output channels of the first convolution.
const STEM: usize = 64;

/// What a parameter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Weight of a convolution, without bias: output x input x height x width.
    Convolution,
    /// Factor of a batch normalisation.
    NormWeight,
    /// Addend of a batch normalisation.
    NormBias,
    /// Mean that a batch normalisation has seen; not trained.
    RunningMean,
    /// Variance that a batch normalisation has seen; not trained.
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
    /// What it is for.
    pub role: Role,
}

/// A batch normalisation, as indices of its parameters.
#[derive(Clone, Copy, Debug)]
pub struct Norm {
    /// Factor.
    pub weight: usize,
    /// Addend.
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

/// Between two blocks: norm, ReLU, 1x1 convolution, average pooling.
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
    /// Names of the batch normalisations, whose files also carry a count of batches.
    norms: Vec<String>,
    /// Weight of the first convolution.
    pub stem: usize,
    /// After it.
    pub stem_norm: Norm,
    /// Dense layers of each block.
    pub blocks: Vec<Vec<DenseLayer>>,
    /// After each block but the last.
    pub transitions: Vec<Transition>,
    /// After the last block.
    pub last_norm: Norm,
    /// Weight of the linear layer.
    pub head_weight: usize,
    /// Its bias.
    pub head_bias: usize,
}

/// Smallest width and height of an input: it is halved five times.
pub const SMALLEST_SIDE: usize = 32;
/// torchvision's batch normalisation.
pub const EPSILON: f64 = 1e-5;
/// Share of a batch in the running statistics, as torchvision's.
pub const MOMENTUM: f64 = 0.1;

/// DenseNet-121 with one output.
pub static LAYOUT: Lazy<Layout> = Lazy::new(Layout::densenet121);

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
        let stem = builder.convolution("features.conv0", STEM, 3, 7);
        let stem_norm = builder.norm("features.norm0", STEM);
        let (mut blocks, mut transitions, mut channels) = (Vec::new(), Vec::new(), STEM);
        for (index, layers) in BLOCKS.iter().enumerate() {
            let block = index + 1;
            blocks.push(
                (1..=*layers)
                    .map(|layer| {
                        let name = format!("features.denseblock{block}.denselayer{layer}");
                        let inner = BOTTLENECK * GROWTH;
                        let made = DenseLayer {
                            norm1: builder.norm(&format!("{name}.norm1"), channels),
                            conv1: builder.convolution(&format!("{name}.conv1"), inner, channels, 1),
                            norm2: builder.norm(&format!("{name}.norm2"), inner),
                            conv2: builder.convolution(&format!("{name}.conv2"), GROWTH, inner, 3),
                        };
                        channels += GROWTH;
                        made
                    })
                    .collect(),
            );
            if block < BLOCKS.len() {
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

    /// How many numbers a parameter has.
    pub fn count(&self, index: usize) -> usize {
        self.parameters[index].shape.iter().product()
    }

    /// Where each parameter lies when all trained ones follow each other in one buffer, and all others in another.
    pub fn places(&self) -> Vec<Range<usize>> {
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

    /// Channels that each layer of a block reads, and in the end the block's.
    pub fn block_channels(&self, block: usize) -> Vec<usize> {
        let layers = &self.blocks[block];
        let first = self.parameters[layers[0].norm1.weight].shape[0];
        let after = layers.iter().scan(first, |channels, layer| {
            *channels += self.parameters[layer.conv2].shape[0];
            Some(*channels)
        });
        std::iter::once(first).chain(after).collect()
    }

    /// Names of the tensors that torchvision's files carry beside the parameters: a count of batches for each batch
    /// normalisation, which nothing depends on.
    pub fn batch_counts(&self) -> impl Iterator<Item = String> + '_ {
        self.norms.iter().map(|name| format!("{name}.num_batches_tracked"))
    }

    /// Numbers of the running statistics, which gradients do not change.
    pub fn statistics_count(&self) -> usize {
        self.parameters
            .iter()
            .filter(|spec| !spec.role.is_trained())
            .map(|spec| spec.shape.iter().product::<usize>())
            .sum()
    }

    /// Numbers that gradients change.
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
    fn as_many_parameters_as_torchvision_has() {
        // torchvision's densenet121 has 7,978,856 with its 1000-class head of 1,025,000; ours has one of 1,025.
        assert_eq!(LAYOUT.trained_count(), 7_978_856 - 1_025_000 + 1_025);
        assert_eq!(LAYOUT.batch_counts().count(), 121);
    }
}
