"""weights_side.py FOLDER: networks of MONAI, torchxrayvision, CheXNet and torchvision with random weights, saved as these
programs save them, and what they say of FOLDER/images.npy (N x side x side, 8 bits). Needs torch, torchvision, monai and
torchxrayvision; test_weights.py runs it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy
import torch
import torchvision
import torchxrayvision
from monai.networks.nets import DenseNet121

FOLDER = Path(sys.argv[1])
IMAGENET = torchvision.transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
pixels = numpy.load(FOLDER / "images.npy")
gray = torch.from_numpy(pixels).float()[:, None] / 255
colour = gray.expand(-1, 3, -1, -1)


class CheXNet(torch.nn.Module):
    """As model.py of github.com/arnoweng/CheXNet defined it when its model.pth.tar was saved."""

    def __init__(self) -> None:
        super().__init__()
        self.densenet121 = torchvision.models.densenet121()
        self.densenet121.classifier = torch.nn.Sequential(torch.nn.Linear(1024, 14), torch.nn.Sigmoid())

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.densenet121(images)


def ready(network: torch.nn.Module, images: torch.Tensor) -> torch.nn.Module:
    """With running statistics of the images, as after training."""
    with torch.no_grad():
        network.train()
        for _ in range(5):
            network(images)
    return network.eval()


def save(name: str, saved: object, outputs: torch.Tensor, **how: object) -> None:
    torch.save(saved, FOLDER / name, **how)
    numpy.save(FOLDER / f"{name}.npy", outputs.numpy())


def monai() -> None:
    network = ready(DenseNet121(spatial_dims=2, in_channels=1, out_channels=2), gray)
    save("monai.pth", {"model": network.state_dict(), "epoch": 3}, torch.softmax(network(gray), 1))
    network = torch.nn.DataParallel(ready(DenseNet121(spatial_dims=2, in_channels=3, out_channels=5), colour))
    save("monai5.pth", network.state_dict(), network.module(colour))


def xrayvision() -> None:
    images = torch.from_numpy(torchxrayvision.utils.normalize(pixels, 255))[:, None]
    network = ready(torchxrayvision.models.DenseNet(), images)
    logits = network.classifier(network.features2(images))
    # As the class has them with its released weights; here they lie amid the images' probabilities.
    network.op_threshs = torch.sigmoid(logits).mean(0)
    network.op_threshs[network.targets.index("Fracture")] = torch.nan
    save("xrayvision.pth", network.state_dict(), logits)
    numpy.save(FOLDER / "xrayvision.calls.npy", network(images).numpy())


def chexnet() -> None:
    network = ready(CheXNet(), IMAGENET(colour))
    state = {}
    for name, tensor in torch.nn.DataParallel(network).state_dict().items():
        parts = name.split(".")
        if parts[-1] == "num_batches_tracked":
            continue
        if len(parts) > 5 and parts[4].startswith("denselayer"):
            parts[5] = f"{parts[5][:-1]}.{parts[5][-1]}"
        state[".".join(parts)] = tensor
    checkpoint = {"epoch": 7, "best_loss": 0.1, "state_dict": state}
    save("model.pth.tar", checkpoint, network(IMAGENET(colour)), _use_new_zipfile_serialization=False)


def own() -> None:
    """A network of one's own around torchvision's."""
    wrapped = torch.nn.Module()
    wrapped.net = torchvision.models.densenet121()
    wrapped.net.classifier = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.Linear(1024, 2))
    network = ready(wrapped.net, IMAGENET(colour))
    save("own.pth", {"state_dict": wrapped.state_dict()}, torch.softmax(network(IMAGENET(colour)), 1))


torch.manual_seed(11)
with torch.no_grad():
    for make in (monai, xrayvision, chexnet, own):
        make()
