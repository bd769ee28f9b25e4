"""Compiles a model with the PyTorch that is installed: TorchScript, or an AOTInductor package (.pt2).

    lesionlens-export model.safetensors model.pt2

Context.load_model() reads both and runs them where Context(compiled_graph=...) lets it. PyTorch must be of the version that
the library was built with; a package runs on the kind of device, and on processors with the instructions, that it was
made on.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

#: Channels that a layer of a dense block adds, layers of the blocks, and channels that enter the first.
_GROWTH, _BLOCKS = 32, (6, 12, 24, 16)
#: Entries of an archive by which the library knows what it holds.
_METADATA_ENTRY = "lesionlens.json"
_WEIGHTS_ENTRY = "extra/lesionlens.safetensors"
_GRAPHS_ENTRY = "extra/lesionlens.graphs.json"


class ExportError(Exception):
    """Why a model cannot be compiled."""


def _torch() -> Any:
    try:
        import safetensors  # noqa: F401  Missed here rather than after minutes.
        import torch
    except ImportError as error:
        raise ExportError(f"{error}: pip install torch==2.13.0 safetensors") from error
    return torch


def _read(path: Path) -> tuple[dict[str, Any], str, bytes]:
    """Parameters, the text of the metadata, and the bytes of a file that Model.save() wrote."""
    _torch()
    from safetensors import SafetensorError, safe_open

    data = path.read_bytes()
    try:
        with safe_open(path, framework="pt") as opened:
            metadata = (opened.metadata() or {})["lesionlens"]
            parameters = {name: opened.get_tensor(name) for name in opened.keys()}
    except (SafetensorError, KeyError) as error:
        raise ExportError(
            f"{path} is not a safetensors file of lesionlens ({error}): load the model and save it as one first"
        ) from error
    return parameters, metadata, data


def network(parameters: dict[str, Any]) -> Any:
    """DenseNet-121 with one output as a torch.nn.Module with torchvision's parameter names, ready to run."""
    torch = _torch()
    nn = torch.nn

    class Layer(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.norm1, self.conv1 = nn.BatchNorm2d(channels), nn.Conv2d(channels, 4 * _GROWTH, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(4 * _GROWTH)
            self.conv2 = nn.Conv2d(4 * _GROWTH, _GROWTH, 3, padding=1, bias=False)

        def forward(self, features: Any) -> Any:
            inner = self.conv1(torch.relu(self.norm1(features)))
            return torch.cat([features, self.conv2(torch.relu(self.norm2(inner)))], 1)

    class Transition(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self, channels: int) -> None:
            super().__init__()
            self.norm, self.conv = nn.BatchNorm2d(channels), nn.Conv2d(channels, channels // 2, 1, bias=False)

        def forward(self, features: Any) -> Any:
            return nn.functional.avg_pool2d(self.conv(torch.relu(self.norm(features))), 2)

    class DenseNet(nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Sequential()
            self.features.add_module("conv0", nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False))
            self.features.add_module("norm0", nn.BatchNorm2d(64))
            self.features.add_module("relu0", nn.ReLU())
            self.features.add_module("pool0", nn.MaxPool2d(3, stride=2, padding=1))
            channels = 64
            for block, layers in enumerate(_BLOCKS, 1):
                names = nn.Sequential()
                for layer in range(1, layers + 1):
                    names.add_module(f"denselayer{layer}", Layer(channels))
                    channels += _GROWTH
                self.features.add_module(f"denseblock{block}", names)
                if block < len(_BLOCKS):
                    self.features.add_module(f"transition{block}", Transition(channels))
                    channels //= 2
            self.features.add_module("norm5", nn.BatchNorm2d(channels))
            self.classifier = nn.Linear(channels, 1)

        def forward(self, image: Any) -> Any:
            return self.classifier(torch.relu(self.features(image)).mean((2, 3)))

    made = DenseNet()
    try:
        made.load_state_dict(parameters)
    except RuntimeError as error:
        raise ExportError(f"this is no DenseNet-121 with one output: {error}") from error
    return made.eval()


def _rounding(made: Any, precision: str) -> Any:
    """The same with images and logits in 32-bit floats around a network in another precision."""
    torch = _torch()
    kind = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}[precision]

    class Rounded(torch.nn.Module):  # type: ignore[name-defined, misc]
        def __init__(self) -> None:
            super().__init__()
            self.network = made.to(kind)

        def forward(self, image: Any) -> Any:
            return self.network(image.to(kind)).to(torch.float32)

    return Rounded().eval()


def _replace(path: Path, write: Any) -> None:
    """Lets `write` write to a temporary name beside `path`, then renames it."""
    handle, temporary = tempfile.mkstemp(prefix=".lesionlens-", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    try:
        write(temporary)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def to_torchscript(weights: str | os.PathLike[str], out: str | os.PathLike[str]) -> None:
    """Writes a TorchScript file: N x 1 logits of N x 3 x H x W images, weights as they are."""
    torch = _torch()
    parameters, metadata, _ = _read(Path(weights))
    with torch.no_grad():
        script = torch.jit.trace(network(parameters), torch.rand(2, 3, 64, 64))
    _replace(Path(out), lambda path: torch.jit.save(script, path, _extra_files={_METADATA_ENTRY: metadata}))


def to_package(
    weights: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    device: str = "auto",
    precision: str = "auto",
    sizes: Sequence[int] | None = None,
    max_autotune: bool = True,
) -> None:
    """Writes an AOTInductor package with one graph for each size (square, pixels; default: the model's and 64), for any
    number of images at once. `device` is "cpu" or "cuda", which is what PyTorch calls AMD's GPUs, too; "auto" takes the
    GPU when there is one. `precision` is "f32", "bf16", "f16", or "auto": f32 on the CPU, else bf16. `max_autotune` times
    several kernels for each product on this machine, which takes minutes."""
    torch = _torch()
    parameters, metadata, data = _read(Path(weights))
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and not torch.cuda.is_available():
        raise ExportError("device cuda was asked for, but PyTorch finds no GPU")
    if precision == "auto":
        precision = "f32" if device == "cpu" else "bf16"
    if sizes is None:
        sizes = sorted({64, int(json.loads(metadata)["preprocessing"]["image_size"])})
    for size in sizes:
        if size < 32:
            raise ExportError(f"size {size} is less than 32 pixels")
    made = _rounding(network(parameters), precision).to(device, memory_format=torch.channels_last)
    batch = torch.export.Dim("batch", min=1, max=65536)
    options = {
        "max_autotune": max_autotune,
        "freezing": True,
        "aot_inductor.package": True,
        "always_keep_tensor_constants": True,
    }
    files, graphs = {}, []
    for size in sizes:
        image = torch.rand(2, 3, size, size, device=device).to(memory_format=torch.channels_last)
        name = f"size{size}"
        with torch.no_grad():
            program = torch.export.export(made, (image,), dynamic_shapes={"image": {0: batch}})
            files[name] = torch._inductor.aot_compile(program.module(), (image,), options=options)
        graphs.append({"name": name, "sides": [size, size]})
    record = {"version": 1, "device": device, "precision": precision, "torch": torch.__version__, "graphs": graphs}
    from torch._inductor.package import package_aoti

    def write(path: str) -> None:
        package_aoti(path, files)
        with zipfile.ZipFile(path, "a", zipfile.ZIP_STORED) as archive:
            root = archive.namelist()[0].split("/")[0]
            archive.writestr(f"{root}/{_WEIGHTS_ENTRY}", data)
            archive.writestr(f"{root}/{_GRAPHS_ENTRY}", json.dumps(record))

    _replace(Path(out), write)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command lesionlens-export. 0 done, 1 failed, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="lesionlens-export",
        description="Compiles a model with the PyTorch that is installed. Not a medical device.",
    )
    parser.add_argument("model", help="a model as lesionlens saves it (.safetensors)")
    parser.add_argument("out", help="file to write: .pt2 (AOTInductor package) or .pt (TorchScript)")
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="of a package; cuda is AMD's, too")
    parser.add_argument("--precision", choices=("auto", "f32", "bf16", "f16"), default="auto", help="of a package")
    parser.add_argument("--size", type=int, action="append", metavar="PX", help="images of a package, square; may be repeated")
    parser.add_argument("--no-max-autotune", action="store_true", help="compile in a minute, for somewhat slower code")
    options = parser.parse_args(arguments)
    suffix = Path(options.out).suffix
    if suffix not in (".pt", ".pt2"):
        parser.error(f"{options.out}: name it .pt2 for an AOTInductor package or .pt for TorchScript")
    try:
        if suffix == ".pt":
            to_torchscript(options.model, options.out)
        else:
            to_package(
                options.model,
                options.out,
                device=options.device,
                precision=options.precision,
                sizes=options.size,
                max_autotune=not options.no_max_autotune,
            )
    except (ExportError, OSError) as error:
        print(f"lesionlens-export: {error}", file=sys.stderr)
        return 1
    print(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
