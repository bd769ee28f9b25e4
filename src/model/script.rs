//! The model as a TorchScript program and as PyTorch's own checkpoint: what a host of the reference pipeline loads.

use super::artifact::Model;
use super::densenet::{EPSILON, MOMENTUM};
use super::graph::{GraphBuilder, features};
use super::layout::{LAYOUT, Norm};
use crate::error::Result;
use crate::runtime::{ScriptSource, script_bytes, state_dict_bytes};
use std::fmt::Write;
use tch::{Device, Kind, Tensor};

/// Everything but the weights, beside the program; PyTorch puts it into the directory `extra`.
pub(super) const METADATA_NAME: &str = "lesionlens.json";
/// The network's last layer.
const HEAD: &str = "classifier";

impl Model {
    /// A TorchScript archive: N x 1 logits, before the temperature, of N x 3 x H x W images.
    pub(super) fn to_torchscript(&self, int8_head: bool) -> Result<Vec<u8>> {
        let names: Vec<&str> = LAYOUT.parameters().iter().map(|spec| spec.name.as_str()).collect();
        let tensors: Vec<_> = names.into_iter().zip(self.network().parameters()).collect();
        script_bytes(
            &tensors,
            &ScriptSource {
                source: &source(int8_head),
                int8_head: int8_head.then_some(HEAD),
                metadata: (METADATA_NAME, &self.metadata_text()?),
            },
        )
    }

    /// What torch.save(model.state_dict()) writes, and beside it in the archive everything else.
    pub(super) fn to_state_dict(&self) -> Result<Vec<u8>> {
        let counts: Vec<String> = LAYOUT.batch_counts().collect();
        let zero = Tensor::zeros([] as [i64; 0], (Kind::Int64, Device::Cpu));
        let parameters = LAYOUT.parameters().iter().map(|spec| spec.name.as_str()).zip(self.network().parameters());
        // torchvision refuses a state dict without them; nothing is computed from them.
        let tensors: Vec<_> = parameters.chain(counts.iter().map(|name| (name.as_str(), &zero))).collect();
        state_dict_bytes(&tensors, (METADATA_NAME, &self.metadata_text()?))
    }
}

/// Definition of `forward`.
fn source(int8_head: bool) -> String {
    let mut source = Source { lines: "def forward(self, image):\n".into(), values: 0 };
    let features = features(&mut source, "image".into());
    let pooled = source.value(format!("torch.mean({features}, [2, 3])"));
    let output = if int8_head {
        format!("quantized.linear_dynamic({pooled}, self.{HEAD}._packed_params._packed_params, True)")
    } else {
        let [weight, bias] = [LAYOUT.head_weight, LAYOUT.head_bias].map(parameter);
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
