"""What PyTorch makes of models, in a process of its own: a process can have one libtorch, and PyTorch brings its own.

Called with a directory that has model.safetensors and images.npy; torchscript.pt, int8.pt and state.pt are what the
library wrote of the model. Writes logits of the images as .npy files, and models as PyTorch saves them.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy
import torch
import torchvision

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python" / "lesionlens"))

import export  # noqa: E402  The package itself would load the library, and its libtorch.

folder = Path(sys.argv[1])
parameters, metadata, _ = export._read(folder / "model.safetensors")
images = torch.from_numpy(numpy.load(folder / "images.npy"))
network = export.network(parameters)


def keep(name: str, logits: torch.Tensor) -> None:
    numpy.save(folder / f"{name}.npy", logits.reshape(-1).numpy())


with torch.no_grad():
    keep("eager", network(images))
    for name in ("torchscript", "int8"):
        script = torch.jit.load(folder / f"{name}.pt")
        keep(name, script(images))
    state = torch.load(folder / "state.pt", weights_only=True)
    assert list(state) != [] and all(torch.equal(state[key], value) for key, value in parameters.items()), "state.pt"
    assert set(state) == set(parameters), "state.pt"
    theirs = torchvision.models.densenet121(num_classes=1)
    theirs.load_state_dict(state)
    keep("torchvision", theirs.eval()(images))
    torch.jit.save(torch.jit.script(theirs), folder / "scripted.pt")

    # As the reference pipeline makes its optimised variant.
    quantised = torch.ao.quantization.quantize_dynamic(network, {torch.nn.Linear}, dtype=torch.qint8)
    keep("quantised", quantised(images))
    torch.jit.save(torch.jit.trace(quantised, images), folder / "reference.pt")
    frozen = torch.jit.freeze(torch.jit.trace(export.network(parameters), images))
    torch.jit.save(frozen, folder / "frozen.pt")
