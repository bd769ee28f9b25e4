//! The model as an ONNX file: the same graph, for runtimes of other vendors.
//!
//! Its messages are generated from ONNX's own onnx.proto (Apache-2.0).

#[allow(missing_docs, clippy::all)]
mod proto;

use super::graph::{GraphBuilder, features};
use super::layout::{EPSILON, LAYOUT, Norm, ParameterSpec};
use super::model::Model;
use super::parameters::float_bytes;
use super::weights::METADATA_KEY;
use lens_base::Result;
use prost::Message;
use proto::attribute_proto::AttributeType;
use proto::tensor_proto::DataType;
use proto::tensor_shape_proto::{Dimension, dimension};
use proto::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, StringStringEntryProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// Operators as of this version, which ONNX Runtime 1.12 and OpenVINO 2022.3 read already.
const OPERATORS: i64 = 17;
/// The file format that came with them.
const FORMAT: i64 = 8;
/// Name of the input, N x 3 x height x width.
const INPUT: &str = "image";
/// Names of the outputs, N each.
const LOGIT: &str = "logit";
const PROBABILITY: &str = "probability";

impl Model {
    /// The bytes of an ONNX file. What is done to an image before the network is not in the graph but, with everything
    /// else but the weights, in the file's metadata.
    pub fn to_onnx(&self) -> Result<Vec<u8>> {
        let metadata = self.metadata_text()?;
        let mut graph = Graph { nodes: Vec::new(), constants: self.constants()? };
        let features = features(&mut graph, INPUT.to_string());
        let pooled = graph.node("GlobalAveragePool", &[&features], vec![]);
        let pooled = graph.node("Flatten", &[&pooled], vec![integer("axis", 1)]);
        let names = [LAYOUT.head_weight, LAYOUT.head_bias].map(|index| LAYOUT.parameters()[index].name.as_str());
        let output = graph.node("Gemm", &[&pooled, names[0], names[1]], vec![integer("transB", 1)]);
        let shape = graph.constant("logit_shape", DataType::Int64, &[1], (-1i64).to_le_bytes().to_vec());
        let output = graph.node("Reshape", &[&output, &shape], vec![]);
        let temperature = (self.temperature() as f32).to_le_bytes().to_vec();
        let temperature = graph.constant("temperature", DataType::Float, &[], temperature);
        graph.named("Div", &[&output, &temperature], LOGIT, vec![]);
        graph.named("Sigmoid", &[LOGIT], PROBABILITY, vec![]);
        let model = ModelProto {
            ir_version: Some(FORMAT),
            opset_import: vec![OperatorSetIdProto { domain: Some(String::new()), version: Some(OPERATORS) }],
            producer_name: Some("lesionlens".into()),
            producer_version: Some(env!("CARGO_PKG_VERSION").into()),
            metadata_props: vec![entry(METADATA_KEY, metadata), entry("model_sha256", self.sha256().into())],
            graph: Some(GraphProto {
                name: Some("densenet121".into()),
                node: graph.nodes,
                initializer: graph.constants,
                input: vec![value(
                    INPUT,
                    &[Side::Named("batch"), Side::Of(3), Side::Named("height"), Side::Named("width")],
                )],
                output: vec![value(LOGIT, &[Side::Named("batch")]), value(PROBABILITY, &[Side::Named("batch")])],
                ..GraphProto::default()
            }),
            ..ModelProto::default()
        };
        Ok(model.encode_to_vec())
    }

    fn constants(&self) -> Result<Vec<TensorProto>> {
        let parameters = self.parameters()?;
        let constant = |(index, spec): (usize, &ParameterSpec)| {
            constant(&spec.name, DataType::Float, &sides(&spec.shape), float_bytes(parameters.of(index)).to_vec())
        };
        Ok(LAYOUT.parameters().iter().enumerate().map(constant).collect())
    }
}

struct Graph {
    nodes: Vec<NodeProto>,
    constants: Vec<TensorProto>,
}

impl Graph {
    fn constant(&mut self, name: &str, kind: DataType, shape: &[i64], bytes: Vec<u8>) -> String {
        self.constants.push(constant(name, kind, shape, bytes));
        name.to_string()
    }

    /// Adds a node, and returns the name of its output.
    fn node(&mut self, operator: &str, inputs: &[&str], attributes: Vec<AttributeProto>) -> String {
        let output = format!("{operator}_{}", self.nodes.len());
        self.named(operator, inputs, &output, attributes);
        output
    }

    fn named(&mut self, operator: &str, inputs: &[&str], output: &str, attributes: Vec<AttributeProto>) {
        self.nodes.push(NodeProto {
            name: Some(output.to_string()),
            op_type: Some(operator.to_string()),
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![output.to_string()],
            attribute: attributes,
            ..NodeProto::default()
        });
    }

    fn pool(&mut self, operator: &str, input: &str, side: i64, padding: i64) -> String {
        let attributes =
            vec![integers("kernel_shape", &[side; 2]), integers("strides", &[2; 2]), integers("pads", &[padding; 4])];
        self.node(operator, &[input], attributes)
    }
}

impl GraphBuilder for Graph {
    type Value = String;

    fn convolution(&mut self, input: &String, weight: usize, stride: i64, padding: i64) -> String {
        let spec = &LAYOUT.parameters()[weight];
        let attributes = vec![
            integers("kernel_shape", &sides(&spec.shape[2..])),
            integers("strides", &[stride; 2]),
            integers("pads", &[padding; 4]),
        ];
        self.node("Conv", &[input, &spec.name], attributes)
    }

    fn norm_relu(&mut self, input: &String, norm: Norm) -> String {
        let name = |index: usize| LAYOUT.parameters()[index].name.as_str();
        let inputs = [input, name(norm.weight), name(norm.bias), name(norm.mean), name(norm.variance)];
        let epsilon = AttributeProto {
            name: Some("epsilon".into()),
            r#type: Some(AttributeType::Float as i32),
            f: Some(EPSILON as f32),
            ..AttributeProto::default()
        };
        let normalised = self.node("BatchNormalization", &inputs, vec![epsilon]);
        self.node("Relu", &[&normalised], vec![])
    }

    fn max_pool(&mut self, input: &String) -> String {
        self.pool("MaxPool", input, 3, 1)
    }

    fn average_pool(&mut self, input: &String) -> String {
        self.pool("AveragePool", input, 2, 0)
    }

    fn concat(&mut self, first: &String, second: &String) -> String {
        self.node("Concat", &[first, second], vec![integer("axis", 1)])
    }
}

fn sides(shape: &[usize]) -> Vec<i64> {
    shape.iter().map(|side| *side as i64).collect()
}

fn constant(name: &str, kind: DataType, shape: &[i64], bytes: Vec<u8>) -> TensorProto {
    TensorProto {
        name: Some(name.to_string()),
        dims: shape.to_vec(),
        data_type: Some(kind as i32),
        raw_data: Some(bytes),
        ..TensorProto::default()
    }
}

fn integer(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_string()),
        r#type: Some(AttributeType::Int as i32),
        i: Some(value),
        ..AttributeProto::default()
    }
}

fn integers(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: Some(name.to_string()),
        r#type: Some(AttributeType::Ints as i32),
        ints: values.to_vec(),
        ..AttributeProto::default()
    }
}

fn entry(key: &str, value: String) -> StringStringEntryProto {
    StringStringEntryProto { key: Some(key.to_string()), value: Some(value) }
}

/// How long a side of an input or output is.
enum Side {
    Of(i64),
    Named(&'static str),
}

fn value(name: &str, sides: &[Side]) -> ValueInfoProto {
    let dimension = |side: &Side| Dimension {
        value: Some(match side {
            Side::Of(length) => dimension::Value::DimValue(*length),
            Side::Named(name) => dimension::Value::DimParam((*name).to_string()),
        }),
        ..Dimension::default()
    };
    let tensor = type_proto::Tensor {
        elem_type: Some(DataType::Float as i32),
        shape: Some(TensorShapeProto { dim: sides.iter().map(dimension).collect() }),
    };
    ValueInfoProto {
        name: Some(name.to_string()),
        r#type: Some(TypeProto { value: Some(type_proto::Value::TensorType(tensor)), ..TypeProto::default() }),
        ..ValueInfoProto::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Metadata, Parameters};
    use std::collections::HashSet;

    #[test]
    fn graph_uses_every_parameter_and_is_sorted() {
        let model = Model::new(Parameters::initial(4).unwrap(), Metadata::default());
        let file = ModelProto::decode(&model.to_onnx().unwrap()[..]).unwrap();
        let graph = file.graph.unwrap();
        let constants: HashSet<&str> = graph.initializer.iter().map(TensorProto::name).collect();
        assert_eq!(constants.len(), LAYOUT.parameters().len() + 2);
        let mut known: HashSet<&str> = HashSet::from([INPUT]);
        let mut used = Vec::new();
        for node in &graph.node {
            for input in &node.input {
                match constants.get(input.as_str()) {
                    Some(name) => used.push(*name),
                    None => assert!(known.contains(input.as_str()), "{} reads {input}", node.name()),
                }
            }
            assert!(known.insert(&node.output[0]), "{} is made twice", node.output[0]);
        }
        assert_eq!(used.len(), constants.len());
        assert_eq!(used.into_iter().collect::<HashSet<_>>(), constants);
        assert!(known.contains(LOGIT) && known.contains(PROBABILITY));
        let metadata = file.metadata_props.iter().find(|entry| entry.key() == METADATA_KEY).unwrap();
        let read: Metadata = serde_json::from_str(metadata.value()).unwrap();
        assert_eq!(&read, model.metadata());
    }
}
