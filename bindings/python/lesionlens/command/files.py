"""Checks of what the command line names, before long work begins."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable

from . import Failure


def check_readable(files: Iterable[str]) -> None:
    """All files, before the first is decoded: a typing error must not show only after a thousand others."""
    for file in files:
        if os.path.isdir(file):
            raise Failure(f"cannot read '{file}': it is a directory; give image files")
        try:
            with open(file, "rb"):
                pass
        except OSError as error:
            raise Failure(f"cannot read '{file}': {error.strerror}") from None


def check_can_be_made(option: str, path: str) -> None:
    if os.path.isdir(path) or not os.path.basename(path):
        raise Failure(f"{option} '{path}' is a directory; give the name of a file")
    parent = os.path.dirname(path) or "."
    reason = None
    if not os.path.exists(parent):
        reason = "does not exist; make it first"
    elif not os.path.isdir(parent):
        reason = "is not a directory"
    else:
        try:
            # Permissions alone do not tell of file systems that cannot be written to.
            with tempfile.TemporaryFile(dir=parent):
                pass
        except OSError as error:
            reason = error.strerror
    if reason is not None:
        raise Failure(f"{option} '{path}' cannot be written: directory '{parent}': {reason}")


def check_directory(option: str, path: str) -> None:
    if os.path.exists(path) and not os.path.isdir(path):
        raise Failure(f"{option} '{path}' is a file; give a directory")


def make_directory(path: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise Failure(f"cannot make directory '{path}': {error.strerror}") from None
