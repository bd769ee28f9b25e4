"""lesionlens export: a model in another format."""

from __future__ import annotations

import argparse
import os
import tempfile
from dataclasses import dataclass
from typing import Callable

from ..export import ExportError, to_package
from . import Failure
from .arguments import Choice, Parser
from .common import Setting, about, model_option, print_json
from .files import check_can_be_made


@dataclass(frozen=True)
class Format:
    """A format: how names of its files end, and what writes given.model to given.out in it."""

    ending: str
    write: Callable[[argparse.Namespace, Setting], None]


def _save(format: str) -> Callable[[argparse.Namespace, Setting], None]:
    """By the library itself."""

    def write(given: argparse.Namespace, setting: Setting) -> None:
        with setting.model(given) as model, about(given.out):
            model.save(given.out, format)

    return write


def _compiled(given: argparse.Namespace, setting: Setting) -> None:
    """By the PyTorch that is installed, as lesionlens-export does it; the model may be of any format."""
    with tempfile.TemporaryDirectory(prefix="lesionlens-") as folder:
        weights = os.path.join(folder, "model.safetensors")
        with setting.model(given) as model:
            model.save(weights)
        try:
            to_package(weights, given.out)
        except ExportError as error:
            raise Failure(str(error)) from None


#: By name; what needs another package imports it when it is called.
FORMATS = {
    "safetensors": Format(".safetensors", _save("safetensors")),
    "onnx": Format(".onnx", _save("onnx")),
    "torchscript": Format(".pt", _save("torchscript")),
    "pt2": Format(".pt2", _compiled),
}


def run(arguments: list[str]) -> None:
    parser = Parser("export", "--model MODEL --out FILE [--format NAME] [options]", "Writes a model in another format.")
    model_option(parser)
    parser.add_text("--out", "FILE", "receives the model")
    parser.add(
        "--format",
        "the format (default: by how FILE ends)",
        type=Choice({name: name for name in FORMATS}),
        metavar="|".join(FORMATS),
    )
    setting = Setting(parser)
    given, _ = parser.parse(arguments)
    name = given.format or _by_ending(parser, given.out)
    check_can_be_made("--out", given.out)
    FORMATS[name].write(given, setting)
    size = os.path.getsize(given.out)
    if given.json:
        print_json({"path": given.out, "format": name, "bytes": size})
    else:
        print(f"{given.out}: {name}, {size / 1e6:.1f} MB")


def _by_ending(parser: Parser, path: str) -> str:
    for name, format in FORMATS.items():
        if path.endswith(format.ending):
            return name
    endings = ", ".join(format.ending for format in FORMATS.values())
    parser.error(f"--out '{path}' ends like no format ({endings}); give --format, or another name")
