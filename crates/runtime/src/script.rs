//! TorchScript source of the network.

use lens_model::{EPSILON, GraphBuilder, LAYOUT, MOMENTUM, Norm, features};
use std::fmt::Write;

/// Entry with the metadata, in the archive's directory `extra`.
pub const METADATA_NAME: &str = "lesionlens.json";

/// Definition of `forward`: N x 1 logits, before the temperature, of N x 3 x H x W images. With `int8_head` the last
/// layer is a quantised linear layer.
pub fn source(int8_head: bool) -> String {
    let mut source = Source { lines: "def forward(self, image):\n".into(), values: 0 };
    let features = features(&mut source, "image".into());
    let pooled = source.value(format!("torch.mean({features}, [2, 3])"));
    let [weight, bias] = [LAYOUT.head_weight, LAYOUT.head_bias].map(parameter);
    let output = if int8_head {
        let layer = weight.trim_end_matches(".weight");
        format!("quantized.linear_dynamic({pooled}, {layer}._packed_params._packed_params, True)")
    } else {
        format!("torch.linear({pooled}, {weight}, {bias})")
    };
    let _ = writeln!(source.lines, "    return {output}");
    source.lines
}

fn parameter(index: usize) -> String {
    format!("self.{}", LAYOUT.parameters()[index].name)
}

struct Source {
    lines: String,
    values: usize,
}

impl Source {
    fn value(&mut self, expression: String) -> String {
        let name = format!("v{}", self.values);
        self.values += 1;
        let _ = writeln!(self.lines, "    {name} = {expression}");
        name
    }
}

impl GraphBuilder for Source {
    type Value = String;

    fn convolution(&mut self, input: &String, weight: usize, stride: i64, padding: i64) -> String {
        let weight = parameter(weight);
        self.value(format!(
            "torch.conv2d({input}, {weight}, None, [{stride}, {stride}], [{padding}, {padding}], [1, 1], 1)"
        ))
    }

    fn norm_relu(&mut self, input: &String, norm: Norm) -> String {
        let [weight, bias, mean, variance] = [norm.weight, norm.bias, norm.mean, norm.variance].map(parameter);
        let normalised = self.value(format!(
            "torch.batch_norm({input}, {weight}, {bias}, {mean}, {variance}, False, {MOMENTUM:?}, {EPSILON:?}, False)"
        ));
        self.value(format!("torch.relu({normalised})"))
    }

    fn max_pool(&mut self, input: &String) -> String {
        self.value(format!("torch.max_pool2d({input}, [3, 3], [2, 2], [1, 1], [1, 1], False)"))
    }

    fn average_pool(&mut self, input: &String) -> String {
        self.value(format!("torch.avg_pool2d({input}, [2, 2], [2, 2], [0, 0], False, True, None)"))
    }

    fn concat(&mut self, first: &String, second: &String) -> String {
        self.value(format!("torch.cat([{first}, {second}], 1)"))
    }
}
