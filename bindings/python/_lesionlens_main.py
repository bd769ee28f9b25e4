"""Entries of the commands `lesionlens` and `lesionlens-export`. Outside the package, so that a package that cannot be imported, for want of
libtorch, is a message and no traceback."""

from __future__ import annotations

import importlib
import sys
import warnings
from typing import Callable


def main() -> int:
    return _start("lesionlens", "lesionlens.command")


def export() -> int:
    return _start("lesionlens-export", "lesionlens.export")


def _start(command: str, module: str) -> int:
    try:
        with warnings.catch_warnings():
            # Of a torch that cannot be imported as well, which the commands report themselves.
            warnings.simplefilter("ignore", RuntimeWarning)
            run: Callable[[], int] = importlib.import_module(module).main
    except ImportError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{command}: cancelled", file=sys.stderr)
        return 130
    return run()
