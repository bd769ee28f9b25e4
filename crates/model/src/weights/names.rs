//! Parameter names of files and torchvision's.

use super::state_dict::StateDict;
use super::tensor::TensorData;
use crate::{LAYOUT, Role};
use lens_base::{Error, Result};
use std::collections::HashSet;

/// Prefixes added by torch.compile, parallel modules and training programs.
const PREFIXES: [&str; 3] = ["_orig_mod.", "module.", "model."];

/// Changes to a file's names.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The prefix that was removed, if any; the first of several.
    pub prefix: Option<String>,
    /// Number of keys in torchvision's old form.
    pub renamed: usize,
    /// Names and shapes of a dropped head, which has another number of outputs.
    pub dropped: Vec<(String, Vec<usize>)>,
    /// Names of entries that are no plain tensors.
    pub ignored: Vec<String>,
}

/// The tensors of a DenseNet by torchvision's names, without a head with more than one output. timm's names are
/// torchvision's.
pub fn densenet_parameters(state: StateDict<'_>) -> Result<(Vec<(String, TensorData<'_>)>, Report)> {
    let mut report = Report { ignored: state.others, ..Report::default() };
    let mut names = HashSet::new();
    let mut parameters = Vec::new();
    for (name, tensor) in state.tensors {
        let stripped = without_prefixes(&name);
        if stripped.len() < name.len() && report.prefix.is_none() {
            report.prefix = Some(name[..name.len() - stripped.len()].to_string());
        }
        let new = match current_name(stripped) {
            Some(new) => {
                report.renamed += 1;
                new
            }
            None => stripped.to_string(),
        };
        if !names.insert(new.clone()) {
            return Err(Error::format(format!("has {new} twice, with and without a prefix or in its old form")));
        }
        parameters.push((new, tensor));
    }
    drop_foreign_head(&mut parameters, &mut report);
    Ok((parameters, report))
}

fn without_prefixes(name: &str) -> &str {
    let mut stripped = name;
    while let Some(rest) = PREFIXES.iter().find_map(|prefix| stripped.strip_prefix(prefix)) {
        stripped = rest;
    }
    stripped
}

/// `denselayer1.norm.1.weight` as it is called since torchvision 0.3: `denselayer1.norm1.weight`.
fn current_name(name: &str) -> Option<String> {
    let (before, after) = name.rsplit_once("denselayer")?;
    let mut parts = after.splitn(4, '.');
    let (layer, kind, number, value) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_layer = !layer.is_empty() && layer.bytes().all(|byte| byte.is_ascii_digit());
    (is_layer && ["norm", "conv"].contains(&kind) && ["1", "2"].contains(&number))
        .then(|| format!("{before}denselayer{layer}.{kind}{number}.{value}"))
}

/// Drops a head with the same inputs but more than one output.
fn drop_foreign_head(parameters: &mut Vec<(String, TensorData)>, report: &mut Report) {
    let of_role = |role: Role| LAYOUT.parameters().iter().find(|spec| spec.role == role);
    let (Some(weight), Some(bias)) = (of_role(Role::HeadWeight), of_role(Role::HeadBias)) else { return };
    let found = parameters.iter().find(|(name, _)| *name == weight.name);
    let Some(outputs) = found.and_then(|(_, tensor)| match tensor.shape() {
        [outputs, inputs] if *outputs > 1 && *inputs == weight.shape[1] => Some(*outputs),
        _ => None,
    }) else {
        return;
    };
    parameters.retain(|(name, tensor)| {
        let belongs = *name == weight.name || (*name == bias.name && tensor.shape() == [outputs]);
        if belongs {
            report.dropped.push((name.clone(), tensor.shape().to_vec()));
        }
        !belongs
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::dtype::Dtype;
    use crate::weights::tensor::StridedLayout;

    static ZEROS: [u8; 40_960] = [0; 40_960];

    fn state(entries: &[(&str, &[usize])]) -> StateDict<'static> {
        let tensor =
            |shape: &[usize]| TensorData::new(Dtype::Float32, &StridedLayout::contiguous(shape), &ZEROS).unwrap();
        let tensors = entries.iter().map(|(name, shape)| (name.to_string(), tensor(shape))).collect();
        StateDict { tensors, ..StateDict::default() }
    }

    fn mapped(name: &str) -> String {
        densenet_parameters(state(&[(name, &[1])])).unwrap().0.remove(0).0
    }

    #[test]
    fn prefixes_are_removed_in_any_combination() {
        for prefix in ["", "module.", "_orig_mod.", "model.", "module._orig_mod.", "model._orig_mod.module.module."] {
            assert_eq!(mapped(&format!("{prefix}features.norm0.weight")), "features.norm0.weight");
        }
        // Only whole components, only at the beginning.
        assert_eq!(mapped("submodule.weight"), "submodule.weight");
        assert_eq!(mapped("features.module.weight"), "features.module.weight");
        let (_, report) = densenet_parameters(state(&[("module._orig_mod.a", &[1])])).unwrap();
        assert_eq!(report.prefix.as_deref(), Some("module._orig_mod."));
    }

    #[test]
    fn old_keys_are_renamed() {
        let block = "features.denseblock3.denselayer17";
        for (old, new) in [
            ("norm.1.weight", "norm1.weight"),
            ("norm.2.running_var", "norm2.running_var"),
            ("conv.2.weight", "conv2.weight"),
            ("norm.2.num_batches_tracked", "norm2.num_batches_tracked"),
            ("norm1.weight", "norm1.weight"),
            ("norm.3.weight", "norm.3.weight"),
        ] {
            assert_eq!(mapped(&format!("module.{block}.{old}")), format!("{block}.{new}"));
        }
        assert_eq!(mapped("features.transition1.norm.1.weight"), "features.transition1.norm.1.weight");
        assert_eq!(mapped("denselayerx.norm.1.weight"), "denselayerx.norm.1.weight");
    }

    #[test]
    fn colliding_names_are_refused() {
        let both = [("module.features.norm0.bias", &[1usize][..]), ("features.norm0.bias", &[1])];
        let error = densenet_parameters(state(&both)).unwrap_err();
        assert!(error.message().contains("features.norm0.bias twice"), "{error}");
    }

    #[test]
    fn only_head_with_other_outputs_is_dropped() {
        let head = |weight: &[usize], bias: &[usize]| {
            let given = [("model.classifier.weight", weight), ("model.classifier.bias", bias)];
            let (left, report) = densenet_parameters(state(&given)).unwrap();
            (left.into_iter().map(|(name, _)| name).collect::<Vec<_>>(), report.dropped)
        };
        let (left, dropped) = head(&[10, 1024], &[10]);
        assert!(left.is_empty());
        assert_eq!(dropped, [("classifier.weight".into(), vec![10, 1024]), ("classifier.bias".into(), vec![10])]);
        assert_eq!(head(&[1, 1024], &[1]).0.len(), 2);
        // Not a head of this network: the check of shapes refuses it.
        assert_eq!(head(&[4, 512], &[4]).0.len(), 2);
        assert_eq!(head(&[4, 1024], &[5]).0, ["classifier.bias"]);
    }
}
