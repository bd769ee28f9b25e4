//! Globals that a pickle may refer to. None is called: each is interpreted for tensors only.

use super::dtype::Dtype;
use lens_base::{Error, Result};

/// Meaning of a global.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Global {
    OrderedDict,
    Size,
    Dtype(Dtype),
    /// A storage class; without a type it holds bytes.
    Storage(Option<Dtype>),
    /// A tensor from storage, offset, shape and strides, whose type is the storage's.
    Tensor,
    /// The same with the type as the seventh argument.
    TypedTensor,
    /// Evaluates to its first argument.
    Parameter,
    /// Applies its first argument to its third.
    FromType,
    /// Something that no weights depend on.
    Inert,
}

/// Globals whose values are ignored: they come beside the weights in a training checkpoint, or are tensors that are no
/// plain arrays.
const INERT: [&str; 31] = [
    "_codecs.encode",
    "argparse.Namespace",
    "builtins.bytearray",
    "builtins.bytes",
    "builtins.complex",
    "builtins.dict",
    "builtins.frozenset",
    "builtins.int",
    "builtins.list",
    "builtins.set",
    "collections.Counter",
    "collections.defaultdict",
    "datetime.datetime",
    "numpy._core.multiarray._reconstruct",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy.dtype",
    "numpy.ndarray",
    "pathlib.PosixPath",
    "pathlib.WindowsPath",
    "torch.device",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor",
    "torch._utils._rebuild_device_tensor_from_numpy",
    "torch._utils._rebuild_meta_tensor_no_storage",
    "torch._utils._rebuild_nested_tensor",
    "torch._utils._rebuild_qtensor",
    "torch._utils._rebuild_sparse_tensor",
    "torch.per_tensor_affine",
    "torch.serialization._get_layout",
    "torch.Tensor",
];

/// Globals of pickled networks.
const NETWORKS: [&str; 4] = ["torch.nn.modules.", "torchvision.models.", "timm.models.", "torch.nn.parallel."];
/// How far ahead a pickle is searched for a network's modules.
const LOOK_AHEAD: usize = 1 << 16;
/// Characters of an unknown name that a message shows.
const SHOWN: usize = 100;

/// Looks up `module.name`; `rest` is what follows in the pickle.
pub fn find(module: &str, name: &str, rest: &[u8]) -> Result<Global> {
    // Python 2's name, which protocol 2 still uses.
    let module = if module == "__builtin__" { "builtins" } else { module };
    let full = format!("{module}.{name}");
    let global = match full.as_str() {
        "collections.OrderedDict" => Some(Global::OrderedDict),
        "torch.Size" => Some(Global::Size),
        "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2" => Some(Global::Tensor),
        "torch._utils._rebuild_tensor_v3" => Some(Global::TypedTensor),
        "torch._utils._rebuild_parameter"
        | "torch._utils._rebuild_parameter_with_state"
        | "torch.nn.parameter.Parameter"
        | "torch.nn.parameter.Buffer" => Some(Global::Parameter),
        "torch._tensor._rebuild_from_type_v2" => Some(Global::FromType),
        "torch.storage.UntypedStorage" | "torch.UntypedStorage" => Some(Global::Storage(None)),
        _ if INERT.contains(&full.as_str()) => Some(Global::Inert),
        _ => match module {
            "torch" | "torch.cuda" => {
                let storage = Dtype::of_storage(name).map(|dtype| Global::Storage(Some(dtype)));
                storage.or_else(|| Dtype::named(name).map(Global::Dtype))
            }
            _ => None,
        },
    };
    global.ok_or_else(|| refusal(&full, rest))
}

fn refusal(full: &str, rest: &[u8]) -> Error {
    let ahead = &rest[..rest.len().min(LOOK_AHEAD)];
    let shown: String = full.escape_debug().take(SHOWN).collect();
    let is_network = |part: &str| full.starts_with(part) || ahead.windows(part.len()).any(|b| b == part.as_bytes());
    if NETWORKS.into_iter().any(is_network) {
        return Error::format(format!(
            "refuses the pickle: it asks for {shown}, so a whole network was saved, which only its program can read; \
             save model.state_dict() instead"
        ));
    }
    Error::format(format!("refuses the pickle: it asks for {shown}; only tensors are read"))
}
