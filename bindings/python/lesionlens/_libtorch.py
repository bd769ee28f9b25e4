"""Finds the libtorch that liblesionlens_torch.so is to use, should the library need it. Nothing is loaded here: a context
that computes on the CPU needs no libtorch.

In this order, the first that is there and of the right version:

1. the one that the process has loaded, as by `import torch`
2. the directory that LESIONLENS_LIBTORCH names, or lib/ in it; one of another version is an error
3. the one of the installed torch package, which is not imported for that
4. libtorch/lib beside this file, in wheels that bring it

Otherwise the library looks where the dynamic linker does. A torch that is imported later finds the one that is loaded by
its name, and uses it as well.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
from pathlib import Path

#: The release that the library was built with: the layout of its C++ objects differs between releases. "2.13.0+cpu"
#: and the like are builds of it.
VERSION = "2.13.0"
ENVIRONMENT = "LESIONLENS_LIBTORCH"

_NAME = "libtorch_cpu.so"
# Beside lib/: of the torch package, of PyTorch's archives of libtorch, and of its headers; with what finds the
# version's parts in them.
_VERSION_FILES = {
    "version.py": r"__version__ = '([^']+)'",
    "build-version": r"(\S+)",
    "include/torch/headeronly/version.h": r"#define TORCH_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)",
}


def find() -> str | None:
    """The directory of the libtorch to use; None: the one that is loaded, or what the library finds by itself. ValueError
    when LESIONLENS_LIBTORCH names none."""
    if _is_loaded():
        return None
    named = os.environ.get(ENVIRONMENT)
    if named:
        directory = _library_directory(Path(os.path.abspath(named)))
        reason = _obstacle(directory)
        if reason:
            raise ValueError(
                f"{ENVIRONMENT} is {named}, but {reason}; name a directory with libtorch {VERSION}, or unset it"
            )
        return str(directory)
    places = (_installed(), Path(__file__).resolve().parent / "libtorch" / "lib")
    return next((str(place) for place in places if place is not None and not _obstacle(place)), None)


def _is_loaded() -> bool:
    try:
        # By its name the linker finds what is loaded, from wherever.
        ctypes.CDLL(_NAME, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
    except OSError:
        return False
    return True


def _obstacle(directory: Path) -> str | None:
    """Why the libtorch of a directory cannot be used."""
    path = directory / _NAME
    if not path.exists():
        return f"there is no {path}"
    version = _version_in(directory)
    if version is not None and version.partition("+")[0] != VERSION:
        return f"{path} is of libtorch {version}, and {VERSION} is needed"
    return None


def _version_in(directory: Path) -> str | None:
    for name, pattern in _VERSION_FILES.items():
        try:
            parts = re.findall(pattern, (directory.parent / name).read_text())
        except OSError:
            continue
        if parts:
            return ".".join(parts)
    return None


def _library_directory(named: Path) -> Path:
    return named if (named / _NAME).exists() else named / "lib"


def _installed() -> Path | None:
    """Where the installed torch package has its libraries."""
    try:
        found = importlib.util.find_spec("torch")
    except (ImportError, ValueError):
        return None
    places = (found.submodule_search_locations if found else None) or []
    # A directory that merely has that name, such as torch/ in the working directory, is no torch package.
    return next((Path(place, "lib") for place in places if Path(place, "lib", _NAME).exists()), None)
