"""Entries of the commands `lesionlens` and `lesionlens-export`. Outside the package, so that a package that cannot be imported, for want of
the library, is a message and no traceback."""

from __future__ import annotations

import importlib
import sys
from typing import Callable


def main() -> int:
    return _start("lesionlens", "lesionlens.command")


def export() -> int:
    return _start("lesionlens-export", "lesionlens.export")


def _start(command: str, module: str) -> int:
    try:
        run: Callable[[], int] = importlib.import_module(module).main
    except ImportError as error:
        print(f"{command}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{command}: cancelled", file=sys.stderr)
        return 130
    return run()
