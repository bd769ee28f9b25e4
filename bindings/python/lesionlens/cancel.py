"""Stopping long calls from another thread."""

from __future__ import annotations

import ctypes
from ctypes import c_void_p

from ._handle import Handle
from ._library import library
from .errors import check


class CancelToken(Handle):
    """Given to calls as cancel=; trigger() ends each of them with Cancelled within one batch. Thread-safe."""

    _kind = "cancel_token"

    def __init__(self) -> None:
        pointer = c_void_p()
        check(library.lens_cancel_token_new(ctypes.byref(pointer)))
        self._own(pointer)

    def trigger(self) -> None:
        check(library.lens_cancel_token_trigger(self._open()))

    def reset(self) -> None:
        """Makes a triggered token usable again."""
        check(library.lens_cancel_token_reset(self._open()))
