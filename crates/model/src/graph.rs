//! The network as a graph, to be written in any format.

use super::layout::{LAYOUT, Norm};

/// Adds the network's operators to a graph.
pub trait GraphBuilder {
    /// Input or output of an operator.
    type Value;
    /// A square convolution without bias; `weight` is the parameter's index in the layout.
    fn convolution(&mut self, input: &Self::Value, weight: usize, stride: i64, padding: i64) -> Self::Value;
    /// Batch norm by the running statistics, then ReLU.
    fn norm_relu(&mut self, input: &Self::Value, norm: Norm) -> Self::Value;
    /// 3x3 max pooling with stride 2 and padding 1.
    fn max_pool(&mut self, input: &Self::Value) -> Self::Value;
    /// 2x2 average pooling with stride 2.
    fn average_pool(&mut self, input: &Self::Value) -> Self::Value;
    /// The channels of both.
    fn concat(&mut self, first: &Self::Value, second: &Self::Value) -> Self::Value;
}

/// The last feature map, after norm and ReLU.
pub fn features<B: GraphBuilder>(builder: &mut B, image: B::Value) -> B::Value {
    let stem = builder.convolution(&image, LAYOUT.stem, 2, 3);
    let stem = builder.norm_relu(&stem, LAYOUT.stem_norm);
    let mut features = builder.max_pool(&stem);
    for (index, block) in LAYOUT.blocks.iter().enumerate() {
        for layer in block {
            let bottleneck = builder.norm_relu(&features, layer.norm1);
            let bottleneck = builder.convolution(&bottleneck, layer.conv1, 1, 0);
            let bottleneck = builder.norm_relu(&bottleneck, layer.norm2);
            let added = builder.convolution(&bottleneck, layer.conv2, 1, 1);
            features = builder.concat(&features, &added);
        }
        if let Some(transition) = LAYOUT.transitions.get(index) {
            let convolved = builder.norm_relu(&features, transition.norm);
            let convolved = builder.convolution(&convolved, transition.conv, 1, 0);
            features = builder.average_pool(&convolved);
        }
    }
    builder.norm_relu(&features, LAYOUT.last_norm)
}
