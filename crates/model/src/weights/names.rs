//! Parameter names of other programs and torchvision's.

use super::program::Program;
use super::state_dict::StateDict;
use super::tensor::TensorData;
use crate::LAYOUT;
use lens_base::{Error, Result};
use std::collections::{BTreeMap, HashSet};

/// Operating points in torchxrayvision's state dicts: one for each output, NaN for those that were not trained.
const THRESHOLDS: &str = "op_threshs";
/// What CheXNet's own module puts before torchvision's names.
const CHEXNET_PREFIX: &str = "densenet121.";
/// Outputs of CheXNet.
const CHEXNET_OUTPUTS: usize = 14;
/// Components of the longest name of a parameter, `features.denseblock1.denselayer1.norm.1.weight`.
const MOST_COMPONENTS: usize = 6;
/// Prefixes that a message lists.
const MAX_LISTED_PREFIXES: usize = 4;

/// The tensors of a file by torchvision's names.
#[derive(Debug, Default)]
pub struct NamedTensors<'a> {
    /// In the file's order. What lies outside of the network has its whole name.
    pub tensors: Vec<(String, TensorData<'a>)>,
    /// The program whose names they had.
    pub program: Program,
    /// What stood before the names of the network.
    pub prefix: String,
    /// How many had other names than torchvision's, but for the prefix.
    pub renamed: usize,
    /// Operating points of torchxrayvision.
    pub thresholds: Option<TensorData<'a>>,
    /// Names of entries that are no plain tensors.
    pub others: Vec<String>,
}

impl<'a> NamedTensors<'a> {
    /// The tensor of a name.
    pub fn get(&self, name: &str) -> Option<&TensorData<'a>> {
        self.tensors.iter().find_map(|(known, tensor)| (known == name).then_some(tensor))
    }

    /// Outputs of the head, whose weight has that many rows.
    pub fn outputs(&self) -> Option<usize> {
        self.get(&LAYOUT.parameters()[LAYOUT.head_weight].name).and_then(|weight| weight.shape().first().copied())
    }
}

/// How a file names a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Naming {
    /// As torchvision since 0.3, and timm.
    Current,
    /// torchvision before 0.3 (its densenet.py renames them so): `denselayer1.norm.1.weight`.
    Dotted,
    /// MONAI: `denselayer1.layers.norm1.weight`, `class_layers.out.weight`.
    Monai,
    /// A head within nn.Sequential, as CheXNet has it, or after a dropout: `classifier.0.weight`.
    SequentialHead,
}

/// Names the tensors as torchvision does. The network's parameters must have one prefix in common, whatever it is.
pub fn densenet_tensors(state: StateDict<'_>) -> Result<NamedTensors<'_>> {
    let mut named = NamedTensors {
        prefix: common_prefix(state.tensors.iter().map(|(name, _)| name.as_str()))?,
        others: state.others,
        ..NamedTensors::default()
    };
    let (mut names, mut namings) = (HashSet::new(), HashSet::new());
    for (name, tensor) in state.tensors {
        let Some(rest) = name.strip_prefix(&named.prefix) else {
            named.tensors.push((name, tensor));
            continue;
        };
        if rest == THRESHOLDS && tensor.shape().len() == 1 {
            named.thresholds = Some(tensor);
            continue;
        }
        let (new, naming) = torchvision_name(rest);
        namings.insert(naming);
        named.renamed += usize::from(naming != Naming::Current);
        if !names.insert(new.clone()) {
            return Err(Error::format(format!(
                "has {} twice, in torchvision's form and in another",
                new.escape_debug()
            )));
        }
        named.tensors.push((new, tensor));
    }
    // Networks of one's own made from CheXNet's program have its names, but not its classes; those of its file are old.
    let is_chexnet = named.prefix.ends_with(CHEXNET_PREFIX)
        && [Naming::Dotted, Naming::SequentialHead].iter().all(|naming| namings.contains(naming))
        && named.outputs() == Some(CHEXNET_OUTPUTS);
    named.program = if is_chexnet {
        Program::CheXNet
    } else if namings.contains(&Naming::Monai) {
        Program::Monai
    } else if named.thresholds.is_some() {
        Program::TorchXRayVision
    } else {
        Program::Torchvision
    };
    Ok(named)
}

/// What stands before the names of all parameters of a DenseNet-121. Several prefixes are refused: which of two networks is
/// meant, or whether a head follows a body, names do not say.
fn common_prefix<'a>(names: impl Iterator<Item = &'a str>) -> Result<String> {
    let known: HashSet<String> =
        LAYOUT.parameters().iter().map(|spec| spec.name.clone()).chain(LAYOUT.batch_counts()).collect();
    // How many parameters have a prefix, and the first of them.
    let mut prefixes: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for name in names {
        let prefix = last_components(name).find_map(|start| {
            let new = torchvision_name(&name[start..]).0;
            known.contains(&new).then(|| &name[..start])
        });
        if let Some(prefix) = prefix {
            prefixes.entry(prefix).or_insert((0, name)).0 += 1;
        }
    }
    if prefixes.len() < 2 {
        return Ok(prefixes.into_keys().next().unwrap_or_default().to_string());
    }
    let mut sorted: Vec<_> = prefixes.iter().collect();
    sorted.sort_by_key(|(_, (count, _))| std::cmp::Reverse(*count));
    let listed: Vec<String> = sorted
        .iter()
        .take(MAX_LISTED_PREFIXES)
        .map(|(prefix, (count, first))| match prefix.is_empty() {
            true => format!("{count} none ({})", first.escape_debug()),
            false => format!("{count} {} ({})", prefix.escape_debug(), first.escape_debug()),
        })
        .collect();
    let more = if sorted.len() > MAX_LISTED_PREFIXES { ", ..." } else { "" };
    Err(Error::format(format!(
        "the names of a DenseNet-121's parameters begin differently: {}{more}; all of one network must have the same \
         prefix: save the one that is meant alone",
        listed.join(", ")
    )))
}

/// Where the last components of a dotted name begin, the last one first: as many as a parameter's name can have.
fn last_components(name: &str) -> impl Iterator<Item = usize> + '_ {
    name.rmatch_indices('.').map(|(position, _)| position + 1).chain(std::iter::once(0)).take(MOST_COMPONENTS)
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The name as torchvision has it since 0.3, and how it was; unknown names stay.
fn torchvision_name(name: &str) -> (String, Naming) {
    let parts: Vec<&str> = name.split('.').collect();
    match parts[..] {
        ["features", block, layer, kind @ ("norm" | "conv"), number @ ("1" | "2"), value] if is_dense_layer(layer) => {
            (format!("features.{block}.{layer}.{kind}{number}.{value}"), Naming::Dotted)
        }
        ["features", block, layer, "layers", part, value] if is_dense_layer(layer) => {
            (format!("features.{block}.{layer}.{part}.{value}"), Naming::Monai)
        }
        ["class_layers", "out", value] => (format!("classifier.{value}"), Naming::Monai),
        ["classifier", number, value] if is_number(number) => (format!("classifier.{value}"), Naming::SequentialHead),
        _ => (name.to_string(), Naming::Current),
    }
}

fn is_dense_layer(part: &str) -> bool {
    part.strip_prefix("denselayer").is_some_and(is_number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::dtype::Dtype;
    use crate::weights::tensor::StridedLayout;

    fn state(names: &[&str]) -> StateDict<'static> {
        let tensor = || TensorData::new(Dtype::Float32, &StridedLayout::contiguous(&[1]), &[0; 4]).unwrap();
        let tensors = names.iter().map(|name| (name.to_string(), tensor())).collect();
        StateDict { tensors, ..StateDict::default() }
    }

    fn named(names: &[&str]) -> (Vec<String>, String) {
        let named = densenet_tensors(state(names)).unwrap();
        (named.tensors.into_iter().map(|(name, _)| name).collect(), named.prefix)
    }

    fn refused(names: &[&str]) -> String {
        densenet_tensors(state(names)).unwrap_err().message().to_string()
    }

    #[test]
    fn the_common_prefix_is_removed() {
        for prefix in [
            "",
            "module.",
            "model.",
            "densenet121.",
            "net.",
            "backbone.",
            "encoder.",
            "module.densenet121.",
            "model._orig_mod.module.module.",
            "features.",
            "0.",
        ] {
            let given =
                ["features.norm0.weight", "classifier.weight", "aux.weight"].map(|name| format!("{prefix}{name}"));
            let (names, found) = named(&given.each_ref().map(String::as_str));
            assert_eq!(found, prefix);
            assert_eq!(names, ["features.norm0.weight", "classifier.weight", "aux.weight"]);
        }
        // Only whole components, only at the beginning; what is outside of the network keeps its name.
        assert_eq!(named(&["submodel.features.norm0.bias"]).1, "submodel.");
        assert_eq!(named(&["xfeatures.norm0.bias"]), (vec!["xfeatures.norm0.bias".to_string()], String::new()));
        assert_eq!(named(&["a.features.norm0.bias", "b.weight"]).0, ["features.norm0.bias", "b.weight"]);
    }

    #[test]
    fn other_names_become_torchvisions() {
        let block = "features.denseblock3.denselayer17";
        for (other, new) in [
            ("norm.1.weight", "norm1.weight"),
            ("norm.2.running_var", "norm2.running_var"),
            ("conv.2.weight", "conv2.weight"),
            ("norm.2.num_batches_tracked", "norm2.num_batches_tracked"),
            ("layers.norm1.weight", "norm1.weight"),
            ("layers.conv2.weight", "conv2.weight"),
            ("norm1.weight", "norm1.weight"),
            ("norm.3.weight", "norm.3.weight"),
        ] {
            assert_eq!(named(&[&format!("{block}.{other}")]).0, [format!("{block}.{new}")]);
        }
        for (other, new) in [
            ("class_layers.out.bias", "classifier.bias"),
            ("classifier.0.weight", "classifier.weight"),
            ("classifier.1.bias", "classifier.bias"),
            ("classifier.x.bias", "classifier.x.bias"),
            ("features.transition1.norm.1.weight", "features.transition1.norm.1.weight"),
            ("features.denseblock1.denselayerx.norm.1.weight", "features.denseblock1.denselayerx.norm.1.weight"),
        ] {
            assert_eq!(named(&[other]).0, [new]);
        }
    }

    #[test]
    fn different_prefixes_are_refused_with_names() {
        let message =
            refused(&["student.features.norm0.bias", "teacher.features.norm0.bias", "teacher.features.norm5.bias"]);
        assert!(
            message.contains("2 teacher. (teacher.features.norm0.bias), 1 student. (student.features."),
            "{message}"
        );
        let message = refused(&["encoder.features.norm0.bias", "classifier.weight"]);
        assert!(message.contains("1 none (classifier.weight)") && message.contains("1 encoder. ("), "{message}");
        let many: Vec<String> = (0..9).map(|index| format!("{index}.features.norm0.bias")).collect();
        assert!(refused(&many.iter().map(String::as_str).collect::<Vec<_>>()).contains(", ...; all of one network"));
    }

    #[test]
    fn names_in_two_forms_are_refused() {
        let both = ["features.denseblock1.denselayer1.norm.1.bias", "features.denseblock1.denselayer1.norm1.bias"];
        assert!(refused(&both).contains("features.denseblock1.denselayer1.norm1.bias twice"));
        assert!(refused(&["classifier.0.weight", "classifier.2.weight"]).contains("classifier.weight twice"));
    }
}
