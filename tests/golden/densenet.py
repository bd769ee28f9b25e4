"""Golden values of torchvision's DenseNet-121 with a one-logit head: inference, one training step, two Adam steps.

    pip install torch==2.13.0 torchvision==0.28.0 numpy safetensors
    python tests/golden/densenet.py        # writes densenet.safetensors beside itself, prints float32's deviations

Weights and inputs come from formula.u (see formula.py), so both sides compute them and none are stored. For a tensor
called `name` (its state_dict name), element i in row-major order (OIHW for convolutions):

    convolution weight       float32(u * sqrt(6 / (in_channels * kernel_height * kernel_width)))
    norm weight              float32(1 + 0.25 * u)
    norm bias                float32(0.1 * u)
    running_mean             float32(0.1 * u)
    running_var              float32(1 + 0.5 * u)
    classifier.weight        float32(u * sqrt(3 / 1024))
    classifier.bias          float32(0.1 * u)
    an input of shape NxCxHxW, name "input.<N>x<C>x<H>x<W>", in NCHW order:  float32(0.5 + 0.5 * u)

All products and roots are taken in float64, then rounded once. (These give logits of 0.07 to 0.9 and feature maps with
a standard deviation of 0.7 to 2 in inference.)

Everything is computed in float64 from those float32 numbers. Training needs it: with four images the 121 batch norms
amplify rounding so much that float32 gradients are off by up to 4 % (in norm, per parameter), Adam's first step turns
the signs of small gradients into full steps, and the second step's gradients are off by up to half their norm. In
float64 two memory layouts agree to 1e-10, so a test that runs its model in float64 can ask for 1e-8.
For a float32 model only `eval.*` (1e-5), `step_1.loss`, `step_1.logits` and the running statistics (1e-4) are fit. Adam
works element by element: in float32 it can be checked without a network, from the formula's values at the sampled
indices and `step_1.gradient.samples`, `step_2.gradient.samples`, against `*.parameter.samples` (1e-6).

Tensors (P = 364 parameters in the order of `parameters` in the metadata; samples are the flat elements (j * numel) / 8
for j in 0..8, so a parameter with fewer than 8 elements repeats some):

    eval.<shape>.logits      float32 [N, 1]
    eval.<shape>.features    float32 [N, 1024, h, w]: after norm5, before the last ReLU; the three shapes in FEATURES
    step_1.loss              float64 [], train mode, input 4x3x64x64, labels 1 0 0 1, BCEWithLogitsLoss(pos_weight=1.5)
    step_1.logits            float64 [4, 1]
    step_1.gradient.norm     float64 [P], L2;  .sum float64 [P];  .samples float64 [P, 8]
    step_1.parameter.*       the same three for the parameters after Adam's step (lr 1e-3, betas 0.9 0.999, eps 1e-8)
    step_1.<name>            float32, each updated running_mean and running_var in full
    step_2.*                 as step_1 for a second step on the same batch, without the running statistics

The metadata's one key, "golden", is JSON: {"parameters": [...], "versions": {...}}.
"""

import json
import math
import os
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
import torchvision

from formula import u

FEATURES = [(2, 3, 64, 64), (1, 3, 32, 32), (1, 3, 97, 130)]
LOGITS_ONLY = [(1, 3, 224, 224), (3, 3, 33, 47)]
TRAINING = (4, 3, 64, 64)
LABELS = [1.0, 0.0, 0.0, 1.0]
POS_WEIGHT = 1.5
OUTPUT = Path(__file__).with_suffix(".safetensors")


def values(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    x = u(name, math.prod(shape))
    if name.startswith("input."):
        x = 0.5 + 0.5 * x
    elif name == "classifier.weight":
        x = x * math.sqrt(3 / 1024)
    elif name.endswith("running_var"):
        x = 1 + 0.5 * x
    elif name.endswith(("running_mean", "bias")):
        x = 0.1 * x
    elif len(shape) == 4:
        x = x * math.sqrt(6 / math.prod(shape[1:]))
    else:
        x = 1 + 0.25 * x
    return torch.from_numpy(x.astype(np.float32).reshape(shape))


def model(kind: torch.dtype) -> torch.nn.Module:
    network = torchvision.models.densenet121(num_classes=1)
    state = network.state_dict()
    for name, tensor in state.items():
        if not name.endswith("num_batches_tracked"):
            tensor.copy_(values(name, tuple(tensor.shape)))
    return network.to(kind)


def text(shape: tuple[int, ...]) -> str:
    return "x".join(map(str, shape))


def batch(shape: tuple[int, ...], kind: torch.dtype) -> torch.Tensor:
    return values(f"input.{text(shape)}", shape).to(kind)


def inference(kind: torch.dtype) -> dict[str, torch.Tensor]:
    network = model(kind).eval()
    result = {}
    with torch.no_grad():
        for shape in FEATURES + LOGITS_ONLY:
            result[f"eval.{text(shape)}.logits"] = network(batch(shape, kind)).float()
            if shape in FEATURES:
                result[f"eval.{text(shape)}.features"] = network.features(batch(shape, kind)).float()
    return result


def digest(prefix: str, tensors: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    flat = [tensor.detach().double().reshape(-1) for tensor in tensors]
    return {
        f"{prefix}.norm": torch.stack([x.norm() for x in flat]),
        f"{prefix}.sum": torch.stack([x.sum() for x in flat]),
        f"{prefix}.samples": torch.stack([x[[j * x.numel() // 8 for j in range(8)]] for x in flat]),
    }


def training(kind: torch.dtype, memory_format: torch.memory_format) -> dict[str, torch.Tensor]:
    network = model(kind).train().to(memory_format=memory_format)
    images = batch(TRAINING, kind).contiguous(memory_format=memory_format)
    labels = torch.tensor(LABELS, dtype=kind).reshape(-1, 1)
    criterion = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(POS_WEIGHT, dtype=kind))
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3, betas=(0.9, 0.999), eps=1e-8)
    parameters = list(network.parameters())
    result = {}
    for step in ("step_1", "step_2"):
        optimiser.zero_grad()
        logits = network(images)
        loss = criterion(logits, labels)
        loss.backward()
        optimiser.step()
        result[f"{step}.loss"] = loss.detach().double()
        result[f"{step}.logits"] = logits.detach().double()
        result |= digest(f"{step}.gradient", [parameter.grad for parameter in parameters])
        result |= digest(f"{step}.parameter", parameters)
        if step == "step_1":
            for name, tensor in network.state_dict().items():
                if name.endswith(("running_mean", "running_var")):
                    result[f"{step}.{name}"] = tensor.float().clone()
    return result


def deviations(golden: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> dict[str, str]:
    """The largest absolute difference per kind of tensor, and for norms the largest relative one."""
    worst: dict[str, float] = {}
    for name, tensor in golden.items():
        difference = (other[name].double() - tensor.double()).abs()
        if name.endswith(".norm"):
            difference = difference / tensor
            name += " (relative)"
        elif name.endswith(("running_mean", "running_var")):
            name = "step_1.*." + name.rsplit(".", 1)[1]
        worst[name] = max(worst.get(name, 0.0), difference.max().item())
    return {name: f"{value:.1e}" for name, value in worst.items()}


def main() -> None:
    torch.set_num_threads(1)
    golden = inference(torch.float64) | training(torch.float64, torch.contiguous_format)
    about = {
        "parameters": [name for name, _ in model(torch.float32).named_parameters()],
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
    }
    temporary = OUTPUT.with_suffix(".tmp")
    tensors = {name: tensor.contiguous() for name, tensor in golden.items()}
    temporary.write_bytes(safetensors.torch.save(tensors, {"golden": json.dumps(about)}))
    os.replace(temporary, OUTPUT)

    gradient = golden["step_1.gradient.norm"]
    print(f"loss {golden['step_1.loss']:.6f}, gradient norms {gradient.min():.2e} to {gradient.max():.2e}")
    for title, other in (
        ("float32", inference(torch.float32) | training(torch.float32, torch.contiguous_format)),
        ("float32, channels last", inference(torch.float32) | training(torch.float32, torch.channels_last)),
        ("float64, channels last", inference(torch.float64) | training(torch.float64, torch.channels_last)),
    ):
        print(f"largest deviations of {title}:")
        for name, value in deviations(golden, other).items():
            print(f"  {name}: {value}")


if __name__ == "__main__":
    main()
