"""Finds the libtorch that liblesionlens needs, and loads it before the library, so that the process has one.

In this order, the first that is there and of the right version:

1. the one that the process has loaded, as by `import torch`; one of another version is an error
2. the directory that LESIONLENS_LIBTORCH names, or lib/ in it; one of another version is an error
3. the one of the installed torch package, which is not imported for that
4. libtorch/lib beside this file, in wheels that bring it
5. where the dynamic linker looks by itself: LD_LIBRARY_PATH, the library's own search path, the system

A torch that is imported later finds the one that is loaded by its name, and uses it as well.
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import re
import warnings
from pathlib import Path

#: The release that the library was built with: the layout of its C++ objects differs between releases. "2.13.0+cpu"
#: and the like are builds of it.
VERSION = "2.13.0"
ENVIRONMENT = "LESIONLENS_LIBTORCH"
INSTALL = f"install it with pip install torch=={VERSION}, or set {ENVIRONMENT} to the directory of an unpacked libtorch"

_NAME = "libtorch_cpu.so"
# Beside lib/: of the torch package, of PyTorch's archives of libtorch, and of its headers; with what finds the
# version's parts in them.
_VERSION_FILES = {
    "version.py": r"__version__ = '([^']+)'",
    "build-version": r"(\S+)",
    "include/torch/headeronly/version.h": r"#define TORCH_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)",
}


class _Unfit(Exception):
    """Why a libtorch cannot be used."""


def load() -> list[str]:
    """Loads it, unless the process has it. Returns where it was looked for in vain, and why each is none."""
    if _is_loaded():
        return []
    named = os.environ.get(ENVIRONMENT)
    if named:
        try:
            # The linker would look elsewhere for a name without a directory.
            _load(_library_directory(Path(os.path.abspath(named))))
        except _Unfit as reason:
            raise ImportError(
                f"{ENVIRONMENT} is {named}, but {reason}; name a directory with libtorch {VERSION}, or unset it"
            ) from None
        _warn_of_installed()
        return []
    failures = [f"{ENVIRONMENT}: not set"]
    for place, directory in {
        "the installed torch package": _installed(),
        "beside this package": Path(__file__).resolve().parent / "libtorch" / "lib",
    }.items():
        try:
            if directory is None:
                raise _Unfit("there is none")
            _load(directory)
        except _Unfit as reason:
            failures.append(f"{place}: {reason}")
        else:
            _warn_of_installed()
            return []
    return failures


def _is_loaded() -> bool:
    """Whether the process has libtorch; ImportError when it is of another version."""
    try:
        # By its name the linker finds what is loaded, from wherever.
        loaded = ctypes.CDLL(_NAME, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
    except OSError:
        return False
    version = _version_of_loaded(loaded)
    if version != VERSION:
        maps = Path("/proc/self/maps").read_text().splitlines()
        places = {line.split(maxsplit=5)[5] for line in maps if line.endswith(_NAME)}
        raise ImportError(
            f"this process has loaded libtorch {version or 'of unknown version'} ({', '.join(sorted(places))}), and "
            f"lesionlens needs libtorch {VERSION}; a process can have only one: {INSTALL}, or use lesionlens and what "
            "loaded the other in two processes"
        )
    return True


def _version_of_loaded(loaded: ctypes.CDLL) -> str | None:
    try:
        function = loaded.aoti_torch_abi_version
    except AttributeError:
        return None
    function.restype = ctypes.c_uint64
    number: int = function()
    return ".".join(str(number >> shift & 255) for shift in (56, 48, 40))


def _load(directory: Path) -> None:
    path = directory / _NAME
    if not path.exists():
        raise _Unfit(f"there is no {path}")
    version = _version_in(directory)
    # Before it is loaded, after which there is no way back.
    if version is not None and version.partition("+")[0] != VERSION:
        raise _Unfit(f"{path} is of libtorch {version}, and {VERSION} is needed")
    try:
        loaded = ctypes.CDLL(str(path))
    except OSError as error:
        raise _Unfit(f"{path} cannot be loaded: {error}") from None
    version = _version_of_loaded(loaded)
    if version != VERSION:
        raise ImportError(f"{path} is of libtorch {version or 'of unknown version'}, and {VERSION} is needed")


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


def _warn_of_installed() -> None:
    """Of a torch that cannot be imported any more: it would get a libtorch of another version."""
    directory = _installed()
    version = None if directory is None else _version_in(directory)
    if version is not None and version.partition("+")[0] != VERSION:
        warnings.warn(
            f"lesionlens uses libtorch {VERSION}, and the installed torch is {version}: it cannot be imported in the "
            f"same process; pip install torch=={VERSION} lets both use one libtorch",
            RuntimeWarning,
            stacklevel=2,
        )
