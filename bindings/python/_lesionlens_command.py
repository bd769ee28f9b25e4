"""The commands `lesionlens`, which is a program of its own, and `lesionlens-export`. Outside the package, which would load
the library and NumPy for nothing; and a package that cannot be imported is a message here, and no traceback."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

_PACKAGE = Path(__file__).resolve().parent / "lesionlens"


def main() -> NoReturn:
    """Becomes the program: the one in the package, or in the tree that the package is in."""
    tree = _PACKAGE.parents[2]
    places = [_PACKAGE / "lesionlens", tree / "target" / "release" / "lesionlens", tree / "bin" / "lesionlens"]
    program = next((place for place in places if place.is_file()), None)
    if program is None:
        sys.exit(f"lesionlens: the program is at none of {', '.join(map(str, places))}; build it with make")
    libtorch = _load("_libtorch")
    try:
        directory = libtorch.find()
    except ValueError as error:
        sys.exit(f"lesionlens: {error}")
    if directory is not None:
        os.environ[libtorch.ENVIRONMENT] = directory
    os.execv(program, [str(program), *sys.argv[1:]])


def export() -> int:
    try:
        module = importlib.import_module("lesionlens.export")
    except ImportError as error:
        print(f"lesionlens-export: {error}", file=sys.stderr)
        return 1
    return int(module.main())


def _load(name: str) -> Any:
    """A module of the package, without the package."""
    spec = importlib.util.spec_from_file_location(name, _PACKAGE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
