//! The network as a graph, for whatever format it is written in.

use super::layout::{LAYOUT, Norm};

/// Writes the network's operators.
pub trait GraphBuilder {
    /// What an operator reads and gives.
    type Value;
    /// A square convolution without bias; `weight` is the parameter's index in the layout.
    fn convolution(&mut self, input: &Self::Value, weight: usize, stride: i64, padding: i64) -> Self::Value;
    /// Batch normalisation by the running statistics, then ReLU.
    fn norm_relu(&mut self, input: &Self::Value, norm: Norm) -> Self::Value;
    /// Over 3 x 3 pixels in steps of 2, padded by 1.
    fn max_pool(&mut self, input: &Self::Value) -> Self::Value;
    /// Over 2 x 2 pixels in steps of 2.
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
            let inner = builder.norm_relu(&features, layer.norm1);
            let inner = builder.convolution(&inner, layer.conv1, 1, 0);
            let inner = builder.norm_relu(&inner, layer.norm2);
            let added = builder.convolution(&inner, layer.conv2, 1, 1);
            features = builder.concat(&features, &added);
        }
        if let Some(transition) = LAYOUT.transitions.get(index) {
            let reduced = builder.norm_relu(&features, transition.norm);
            let reduced = builder.convolution(&reduced, transition.conv, 1, 0);
            features = builder.average_pool(&reduced);
        }
    }
    builder.norm_relu(&features, LAYOUT.last_norm)
}
