"""Checkpoints of torchvision's DenseNet-121 as PyTorch writes them, small enough to keep.

    pip install torch==2.13.0 torchvision==0.28.0 numpy safetensors
    python tests/golden/weights.py        # writes weights/ beside itself

All parameters of a network are strided views into one storage of a few thousand numbers, which a checkpoint holds once.
The storage's sections follow formula.u(<section>, ...), rounded to multiples of 1/32 so that gzip helps too, and then
to bfloat16:

    convolution.<k>   u * sqrt(1.8 / 2^k), for convolutions with a fan-in of 2^k up to 2^(k+1)
    norm_weight       1 + 0.25 * u          norm_bias    0.1 * u (also means and the head's bias)
    running_var       1 + 0.5 * u           head         u * sqrt(3 / 1024)

weights/ then holds

    legacy_1000.pth.gz      the format before 1.6, keys as of torchvision 0.2 (`norm.1.weight`), 1000 outputs
    zip_1.pt.gz             a state dict with one output
    zip_compiled.pt.gz      the same network, saved by a trainer: keys of a compiled, data-parallel module under
                            "model_state_dict", beside an epoch, an optimiser's state, arguments and a score
    plain_1.safetensors.gz  the same network in bfloat16, which loses nothing; the format has no views, so gzip does all
                            the work
    kinds_<format>_<protocol>.pt   tensors of every type and layout, in both formats and the pickle protocols 2 and 5
    kinds_plain.safetensors        the same, contiguous
    module_zip.pt, module_legacy.pt, script.pt, exported.pt2   what is no state dict
    expected.json           SHA-256 of tensors as little-endian float32, row by row; the logit of the one-output network
                            for formula.py's input 0.5 + 0.5 * u("input.1x3x64x64", ...), computed in float64
"""

import argparse
import gzip
import hashlib
import io
import json
import math
import re
import warnings
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torchvision

from formula import hash64, u

OUTPUT = Path(__file__).resolve().parent / "weights"
SECTION = 2176
CHANNELS = 1536


def shared_storage() -> tuple[torch.Tensor, dict[str, int]]:
    """The numbers of all parameters, and where each section of them starts."""
    sections = {f"convolution.{k}": (SECTION, 0.0, math.sqrt(1.8 / 2**k)) for k in range(6, 11)}
    sections |= {
        "norm_weight": (CHANNELS, 1.0, 0.25),
        "norm_bias": (CHANNELS, 0.0, 0.1),
        "running_var": (CHANNELS, 1.0, 0.5),
        "head": (SECTION, 0.0, math.sqrt(3 / 1024)),
    }
    parts, starts, start = [], {}, 0
    for name, (count, middle, width) in sections.items():
        parts.append(middle + width * np.round(u(name, count) * 32) / 32)
        starts[name] = start
        start += count
    return torch.from_numpy(np.concatenate(parts).astype(np.float32)).bfloat16().float(), starts


def view(storage: torch.Tensor, starts: dict[str, int], name: str, shape: torch.Size) -> torch.Tensor:
    kind = name.rsplit(".", 1)[1]
    if name == "classifier.weight":
        return storage.as_strided(shape, (1, 1), starts["head"])
    if len(shape) == 4:
        # Contiguous in no memory format; an output's weights are its neighbour's shifted by one, which gzip finds.
        section = f"convolution.{int(math.log2(math.prod(shape[1:])))}"
        return storage.as_strided(shape, (1, 1, shape[3], 1), starts[section] + hash64(name) % 97)
    if kind == "weight":
        section = "norm_weight"
    elif kind == "running_var":
        section = "running_var"
    else:
        section = "norm_bias"
    return storage.as_strided(shape, (1,), starts[section] + hash64(name) % (CHANNELS - shape[0] + 1))


def network(outputs: int) -> torch.nn.Module:
    model = torchvision.models.densenet121(num_classes=outputs).eval()
    storage, starts = shared_storage()
    counts = torch.arange(200)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.data = view(storage, starts, name, parameter.shape)
        for index, (name, buffer) in enumerate(model.named_buffers()):
            if name.endswith("num_batches_tracked"):
                buffer.data = counts[index // 3]
            else:
                buffer.data = view(storage, starts, name, buffer.shape)
    return model


def old_names(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The keys of torchvision 0.2, as its oldest published weights have them."""
    renamed = type(state)()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            renamed[re.sub(r"(denselayer\d+\.(?:norm|conv))([12]\.)", r"\1.\2", name)] = tensor
    return renamed


def trainer_checkpoint(model: torch.nn.Module) -> dict:
    small = torch.nn.Linear(3, 2)
    optimizer = torch.optim.Adam(small.parameters())
    small(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    return {
        "epoch": 3,
        "best": np.float64(0.75),
        "args": argparse.Namespace(lr=1e-3, data=["a", "b"]),
        "optimizer_state_dict": optimizer.state_dict(),
        "model_state_dict": {f"module._orig_mod.{name}": tensor for name, tensor in model.state_dict().items()},
    }


def kinds() -> dict[str, torch.Tensor]:
    numbers = torch.from_numpy(u("kinds", 120).astype(np.float32))
    block = numbers.reshape(2, 3, 4, 5)
    attributed = numbers[:6].clone()
    attributed.note = "kept beside the values"
    parameter = torch.nn.Parameter(numbers[:4].clone())
    parameter.note = "kept beside the values"
    return {
        "plain": block,
        "channels_last": block.to(memory_format=torch.channels_last),
        "transposed": block.permute(3, 1, 0, 2),
        "offset": numbers[7:],
        "stepped": numbers[3::7],
        "expanded": numbers[:3].reshape(3, 1).expand(3, 4),
        "scalar": numbers[5],
        "empty": torch.zeros(0, 3),
        "double": numbers.double()[:10] / 3,
        "half": numbers.half()[:10],
        "bfloat16": numbers.bfloat16()[:10],
        "subnormal": torch.tensor([6e-8, 1e-5, -6.1e-5, 65504.0, math.inf, -math.inf, -0.0]).half(),
        "parameter": torch.nn.Parameter(numbers[:8].clone()),
        "parameter_with_attribute": parameter,
        "tensor_with_attribute": attributed,
        "count": torch.tensor(7),
        "flags": torch.tensor([True, False]),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "wide": torch.arange(3).to(torch.uint32),
        "complex": torch.ones(2, dtype=torch.complex64),
    }


def contiguous(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Tensors of their own memory."""
    return {name: tensor.detach().clone(memory_format=torch.contiguous_format) for name, tensor in state.items()}


def save(name: str, obj: object, zipped: bool, protocol: int = 2) -> None:
    stream = io.BytesIO()
    torch.save(obj, stream, _use_new_zipfile_serialization=zipped, pickle_protocol=protocol)
    write(name, stream.getvalue())


def write(name: str, content: bytes) -> None:
    if name.endswith(".gz"):
        content = gzip.compress(content, 9, mtime=0)
    (OUTPUT / name).write_bytes(content)
    print(f"{name}: {len(content)} bytes")


def hashes(state: dict[str, torch.Tensor]) -> dict[str, dict]:
    return {
        name: {
            "dtype": str(tensor.dtype).removeprefix("torch."),
            "shape": list(tensor.shape),
            "sha256": hashlib.sha256(tensor.detach().float().contiguous().numpy().tobytes()).hexdigest()
            if tensor.is_floating_point()
            else None,
        }
        for name, tensor in state.items()
    }


def main() -> None:
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    torch.manual_seed(0)
    OUTPUT.mkdir(exist_ok=True)
    wide, single = network(1000), network(1)
    save("legacy_1000.pth.gz", old_names(wide.state_dict()), False)
    save("zip_1.pt.gz", single.state_dict(), True)
    save("zip_compiled.pt.gz", trainer_checkpoint(single), True)
    halved = {name: t.bfloat16() if t.is_floating_point() else t for name, t in single.state_dict().items()}
    write("plain_1.safetensors.gz", safetensors.torch.save(contiguous(halved), {"format": "pt"}))
    write("kinds_plain.safetensors", safetensors.torch.save(contiguous(kinds()), {"format": "pt"}))
    for zipped, title in ((True, "zip"), (False, "legacy")):
        for protocol in (2, 5):
            save(f"kinds_{title}_{protocol}.pt", kinds(), zipped, protocol)
    layer = torch.nn.Linear(2, 1)
    save("module_zip.pt", layer, True)
    save("module_legacy.pt", layer, False)
    torch.jit.script(layer).save(str(OUTPUT / "script.pt"))
    torch.export.save(torch.export.export(layer, (torch.ones(1, 2),)), OUTPUT / "exported.pt2")

    image = (0.5 + 0.5 * u("input.1x3x64x64", 3 * 64 * 64)).astype(np.float32).reshape(1, 3, 64, 64)
    with torch.no_grad():
        double = network(1).double()
        features = double.features(torch.from_numpy(image).double())
        logit = double(torch.from_numpy(image).double()).item()
    print(f"logit {logit}, features' deviation {features.std().item()}")
    expected = {
        "logit": logit,
        "densenet": hashes(dict(list(single.state_dict().items())[::24])),
        "kinds": hashes(kinds()),
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    }
    (OUTPUT / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
