"""DenseNet-121 as other programs have it: the names and shapes of their state dicts, and what they compute.

    pip install torch==2.13.0 torchvision==0.28.0 numpy
    pip install --no-deps monai==1.6.1 torchxrayvision==1.5.7
    pip install imageio scikit-image pandas requests tqdm pydicom
    python tests/golden/networks.py        # writes networks.json.gz beside itself

Weights follow densenet.py's formula under the names that each program has, and op_threshs is 0.5 + 0.5 * u, but NaN for
"Lung Lesion". The image is 64x64, gray, of 8 bits: floor(128 + 128 * u("image.64x64", ...)), row by row. It is divided by
255 and then normalised as each program does. Everything is computed in float64; logits are those before the sigmoid.

networks.json.gz holds, for each network, "state" (name to shape, in order) and "logits" (one for each output).
"""

import gzip
import json
import math
from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
import torchvision
import torchxrayvision
from monai.networks.nets import DenseNet121

from formula import u

OUTPUT = Path(__file__).resolve().with_suffix(".json.gz")
SIDE = 64
IMAGENET = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


class CheXNet(torch.nn.Module):
    """As model.py of github.com/arnoweng/CheXNet defined it when its model.pth.tar was saved."""

    def __init__(self) -> None:
        super().__init__()
        self.densenet121 = torchvision.models.densenet121(num_classes=1)
        self.densenet121.classifier = torch.nn.Sequential(torch.nn.Linear(1024, 14), torch.nn.Sigmoid())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.densenet121(images)


def chexnet_name(name: str) -> str:
    """Behind a parallel module, and as torchvision 0.2 called it."""
    parts = name.split(".")
    if len(parts) > 4 and parts[3].startswith("denselayer"):
        parts[4] = f"{parts[4][:-1]}.{parts[4][-1]}"
    return "module." + ".".join(parts)


def values(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    x = u(name, math.prod(shape))
    if name.endswith("op_threshs"):
        x = 0.5 + 0.5 * x
        x[torchxrayvision.models.DenseNet.targets.index("Lung Lesion")] = math.nan
    elif name.endswith("running_var"):
        x = 1 + 0.5 * x
    elif name.endswith(("running_mean", "bias")):
        x = 0.1 * x
    elif len(shape) == 4:
        x = x * math.sqrt(6 / math.prod(shape[1:]))
    elif len(shape) == 2:
        x = x * math.sqrt(3 / shape[1])
    else:
        x = 1 + 0.25 * x
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def image() -> torch.Tensor:
    pixels = np.floor(128 + 128 * u(f"image.{SIDE}x{SIDE}", SIDE * SIDE)).reshape(1, 1, SIDE, SIDE)
    return torch.from_numpy(pixels)


def described(network: torch.nn.Module, rename, prepared: torch.Tensor) -> dict[str, object]:
    state = OrderedDict((rename(name), tensor) for name, tensor in network.state_dict().items())
    # torchvision 0.2's batch norms had no counts.
    state = OrderedDict((name, tensor) for name, tensor in state.items() if not is_left_out(name))
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            tensor.copy_(values(name, tuple(tensor.shape)))
    heads = [module for module in network.modules() if isinstance(module, torch.nn.Linear)]
    found = []
    heads[-1].register_forward_hook(lambda module, given, output: found.append(output))
    with torch.no_grad():
        # With them, torchxrayvision goes on in float32.
        network.op_threshs = None
        network.double().eval()(prepared)
    return {
        "state": {name: list(tensor.shape) for name, tensor in state.items()},
        "logits": found[0][0].tolist(),
    }


def is_left_out(name: str) -> bool:
    return name.startswith("module.") and name.endswith("num_batches_tracked")


def same(name: str) -> str:
    return name


def main() -> None:
    torch.set_num_threads(1)
    gray = image() / 255
    mean, deviation = (torch.tensor(numbers, dtype=torch.float64).reshape(1, 3, 1, 1) for numbers in IMAGENET)
    scaled = torchxrayvision.utils.normalize(image().numpy(), 255)
    xrayvision = torchxrayvision.models.DenseNet()
    xrayvision.op_threshs = torch.zeros(18)
    networks = {
        "CheXNet": described(CheXNet(), chexnet_name, (gray.expand(1, 3, SIDE, SIDE) - mean) / deviation),
        "MONAI": described(DenseNet121(spatial_dims=2, in_channels=1, out_channels=2), same, gray),
        "MONAI, 3 channels": described(
            DenseNet121(spatial_dims=2, in_channels=3, out_channels=5), same, gray.expand(1, 3, SIDE, SIDE)
        ),
        "torchxrayvision": described(xrayvision, same, torch.from_numpy(scaled).double()),
    }
    text = json.dumps(networks, indent=None, separators=(",", ":"))
    OUTPUT.write_bytes(gzip.compress(text.encode(), mtime=0))
    for name, network in networks.items():
        print(name, len(network["state"]), [f"{logit:.3f}" for logit in network["logits"]])


if __name__ == "__main__":
    main()
