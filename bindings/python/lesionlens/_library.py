"""Finds and loads liblesionlens, and declares its functions."""

from __future__ import annotations

import ctypes
import os
from ctypes import c_uint32
from pathlib import Path

from . import _structs as structs
from ._functions import FUNCTIONS

ENVIRONMENT = "LESIONLENS_LIBRARY"


def find() -> str:
    """The library to load: the environment's, the one beside the package, or that of the tree the package is in."""
    named = os.environ.get(ENVIRONMENT)
    if named:
        return named
    package = Path(__file__).resolve().parent
    candidates = [package / "liblesionlens.so", package / "liblesionlens.so.0"]
    places = ["target/release/liblesionlens.so", "lib/liblesionlens.so.0"]
    candidates += [folder / place for folder in package.parents[2:3] for place in places]
    for candidate in candidates:
        if candidate.exists():
            return str(candidate)
    raise ImportError(
        f"{ENVIRONMENT} is not set, and liblesionlens.so is at none of {', '.join(map(str, candidates))}; build it "
        f"with make, or set {ENVIRONMENT} to the library's path"
    )


def load(path: str, abi_version: int = structs.ABI_VERSION) -> ctypes.CDLL:
    """Loads a library and declares its functions; ImportError when it is another one than this package is for."""
    try:
        loaded = ctypes.CDLL(path)
    except OSError as error:
        raise ImportError(
            f"{path} cannot be loaded: {error}; set {ENVIRONMENT} to the path of liblesionlens.so"
        ) from error
    try:
        loaded.lens_abi_version.restype = c_uint32
        found = loaded.lens_abi_version()
        if found != abi_version:
            raise ImportError(
                f"{path} has ABI version {found}, this package is for {abi_version}: "
                "install the package and the library of the same release"
            )
        for name, (result, arguments) in FUNCTIONS.items():
            function = getattr(loaded, name)
            function.restype = result
            function.argtypes = arguments
    except AttributeError as error:
        raise ImportError(f"{path} is not the lesionlens library of this package: {error}") from error
    return loaded


library = load(find())
