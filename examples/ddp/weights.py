"""DenseNet-121 between lesionlens and PyTorch: the same tensors under torchvision's names, in safetensors files."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
import torchvision
from safetensors import safe_open

#: Where lesionlens keeps everything of a model but its weights, in the file's metadata.
KEY = "lesionlens"
VERSION = 2
HEAD = ("classifier.weight", "classifier.bias")
# Names as they were until torchvision 0.3, and still are in densenet121-a639ec97.pth.
_OLD_NAME = re.compile(r"^(.*denselayer\d+\.(?:norm|conv))\.([12]\..*)$")


@dataclass(frozen=True)
class Preprocessing:
    """What is done to an image before the network; the defaults are lesionlens's."""

    image_size: int = 128
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    standard_deviation: tuple[float, ...] = (1.0, 1.0, 1.0)


def network() -> torch.nn.Module:
    """DenseNet-121 with one logit, and torchvision's random weights."""
    model = torchvision.models.densenet121(weights=None)
    model.classifier = torch.nn.Linear(model.classifier.in_features, 1)
    return model


def load(path: Path) -> tuple[torch.nn.Module, Preprocessing | None]:
    """A model of lesionlens, or a state dict of torchvision's DenseNet-121, whose head is left random when it has other
    than one output; with what the file says of preprocessing."""
    preprocessing = None
    if path.suffix == ".safetensors":
        state = safetensors.torch.load_file(path)
        with safe_open(path, "pt") as file:
            record = json.loads((file.metadata() or {}).get(KEY, "null"))
        if record is not None:
            said = record["preprocessing"]
            preprocessing = Preprocessing(said["image_size"], tuple(said["mean"]), tuple(said["standard_deviation"]))
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
        state = {_OLD_NAME.sub(r"\1\2", name): tensor for name, tensor in state.items()}
    model = network()
    if state[HEAD[0]].shape[0] != 1:
        state |= {name: model.state_dict()[name] for name in HEAD}
    model.load_state_dict(state)
    return model, preprocessing


def save(path: Path, model: torch.nn.Module, preprocessing: Preprocessing, training: dict[str, Any]) -> None:
    """Writes what lesionlens loads, without temperature and chosen threshold: those of the weights that training began
    with do not hold for these."""
    record = {
        "version": VERSION,
        "preprocessing": {
            "image_size": preprocessing.image_size,
            "mean": list(preprocessing.mean),
            "standard_deviation": list(preprocessing.standard_deviation),
        },
        "threshold": 0.5,
        "training": training,
    }
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    temporary = path.with_name(path.name + ".tmp")
    safetensors.torch.save_file(state, temporary, metadata={KEY: json.dumps(record)})
    os.replace(temporary, path)
