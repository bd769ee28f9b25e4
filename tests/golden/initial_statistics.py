"""torchvision's initialisation rule for DenseNet-121 with a one-logit head, and what it means for some parameters.

    pip install torch==2.13.0 torchvision==0.28.0
    python tests/golden/initial_statistics.py        # writes initial_statistics.json beside itself

DenseNet.__init__ of torchvision 0.28 ends with kaiming_normal_(weight) for every Conv2d (mode fan_in, gain sqrt(2), so
standard deviation sqrt(2 / fan_in), not truncated), weight 1 and bias 0 for every BatchNorm2d, bias 0 for the Linear.
The Linear's weight keeps torch's default, kaiming_uniform_(weight, a=sqrt(5)): uniform in +-1/sqrt(fan_in).

Before anything is written, every parameter of a freshly made network is compared with the rule: the standard deviation
of n numbers may differ from it by 5 times its own standard error.
"""

import json
import math
import os
from pathlib import Path

import torch
import torchvision

OUTPUT = Path(__file__).with_suffix(".json")
SAMPLES = [
    "features.conv0.weight",
    "features.denseblock1.denselayer1.conv1.weight",
    "features.denseblock4.denselayer16.conv2.weight",
    "features.transition3.conv.weight",
    "classifier.weight",
]
RULES = {
    "convolution weight": "normal, mean 0, standard deviation sqrt(2 / fan_in), "
    "fan_in = in_channels * kernel_height * kernel_width",
    "norm weight": "1",
    "norm bias": "0",
    "running_mean": "0",
    "running_var": "1",
    "num_batches_tracked": "0",
    "classifier.weight": "uniform in -bound..bound, bound = 1 / sqrt(fan_in) = 1/32, "
    "standard deviation bound / sqrt(3)",
    "classifier.bias": "0",
}


def rule(name: str, shape: torch.Size) -> dict[str, object]:
    if len(shape) == 4:
        fan_in = math.prod(shape[1:])
        return {"distribution": "normal", "fan_in": fan_in, "standard_deviation": math.sqrt(2 / fan_in), "bound": None}
    if name == "classifier.weight":
        bound = 1 / math.sqrt(shape[1])
        return {
            "distribution": "uniform",
            "fan_in": shape[1],
            "standard_deviation": bound / math.sqrt(3),
            "bound": bound,
        }
    value = 1.0 if name.endswith(("running_var", "weight")) else 0.0
    return {"distribution": "constant", "value": value}


def check(name: str, tensor: torch.Tensor, expected: dict[str, object]) -> None:
    values = tensor.double().flatten()
    if expected["distribution"] == "constant":
        assert (values == expected["value"]).all(), f"{name} is not all {expected['value']}"
        return
    deviation, count = expected["standard_deviation"], values.numel()
    # Of a normal sample deviation / sqrt(2 n); of a uniform one less.
    error = deviation / math.sqrt(2 * count)
    measured = values.std().item()
    assert abs(measured - deviation) < 5 * error, f"{name}: standard deviation {measured}, expected {deviation}"
    assert abs(values.mean().item()) < 5 * deviation / math.sqrt(count), f"{name}: mean {values.mean().item()}"
    if expected["bound"] is not None:
        assert values.abs().max().item() <= expected["bound"], f"{name} exceeds {expected['bound']}"


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(1)
    state = torchvision.models.densenet121(num_classes=1).state_dict()
    for name, tensor in state.items():
        check(name, tensor, rule(name, tensor.shape))
    document = {
        "versions": {"torch": torch.__version__, "torchvision": torchvision.__version__},
        "rules": RULES,
        "samples": [
            {"name": name, "shape": list(state[name].shape), "elements": state[name].numel()}
            | rule(name, state[name].shape)
            for name in SAMPLES
        ],
    }
    temporary = OUTPUT.with_suffix(".tmp")
    temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, OUTPUT)


if __name__ == "__main__":
    main()
