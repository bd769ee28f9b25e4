"""The `lesionlens` command. Its options are those of the C program in examples/host."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Sequence

from .. import library_version
from ..errors import Cancelled, LensError
from .console import console

DONE, FAILED, USAGE, CANCELLED = 0, 1, 2, 130

#: Each is a module of this package with a run(arguments).
COMMANDS = {
    "info": "show the machine and how the library will use it, or a model",
    "train": "train a model on labelled images",
    "classify": "classify image files",
    "heatmap": "draw where in image files the model sees the positive class",
    "evaluate": "compare a model with labelled images",
    "export": "write a model in another format",
}
USAGE_LINE = f"usage: lesionlens {' | '.join(COMMANDS)} [options]"


class Failure(Exception):
    """What ends a command, in words for its user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command and returns the exit code: 0 done, 1 failed, 2 wrong usage, 130 cancelled with Ctrl-C."""
    # Also where SIGINT is ignored: a shell script's background job must be stoppable with kill -INT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        code = _run(list(sys.argv[1:] if arguments is None else arguments))
    except (KeyboardInterrupt, Cancelled):
        console.message("cancelled")
        code = CANCELLED
    except (Failure, LensError) as error:
        console.message(str(error))
        code = FAILED
    except MemoryError:
        console.message("memory ran out")
        code = FAILED
    except OSError as error:
        # What names no file is from printing.
        console.message(f"{error.filename or 'cannot write to standard output'}: {error.strerror or error}")
        code = FAILED
    return _close_output(code)


def _run(arguments: list[str]) -> int:
    if not arguments:
        console.message("no command given")
        print(USAGE_LINE, file=sys.stderr)
        return USAGE
    name, *rest = arguments
    if name in ("--help", "-h"):
        print(_help())
    elif name == "--version":
        print(f"lesionlens {library_version}")
    elif name in COMMANDS:
        importlib.import_module(f"{__name__}.{name}").run(rest)
    else:
        *others, last = COMMANDS
        console.message(f"unknown command '{name}'; it must be {', '.join(others)} or {last}")
        print(USAGE_LINE, file=sys.stderr)
        return USAGE
    return DONE


def _help() -> str:
    commands = "\n".join(f"  {name:<10}{summary}" for name, summary in COMMANDS.items())
    return f"""{USAGE_LINE}

Trains, runs and explains DenseNet-121 classifiers of medical images. Not a medical device.

commands:
{commands}

`lesionlens COMMAND --help` lists the options of a command; `lesionlens --version` says which it is.

exit code: 0 done, 1 failed (the message is on standard error), 2 wrong usage, 130 cancelled with Ctrl-C"""


def _close_output(code: int) -> int:
    """A result that did not reach its reader is a failure, though it only shows when the buffer is emptied."""
    try:
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would fail again, with a traceback, when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if code == DONE:
            console.message(f"cannot write to standard output: {error.strerror}")
            return FAILED
    return code
