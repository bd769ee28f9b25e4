"""Owned C handles."""

from __future__ import annotations

import ctypes
import json
from ctypes import c_void_p
from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, ClassVar

from ._library import library
from .errors import check

if TYPE_CHECKING:
    from typing_extensions import Self


class Owned:
    """A C handle that is freed with its last Python reference: never under a running call, which holds one."""

    __slots__ = ("_as_parameter_", "_free", "keep")

    def __init__(self, address: int, free: Callable[[int], None], keep: tuple[Any, ...]) -> None:
        # By this name ctypes passes the object itself where a pointer is due, and holds it until the call is over.
        self._as_parameter_ = address
        self._free = free
        self.keep = keep

    @property
    def address(self) -> int:
        return self._as_parameter_

    def __del__(self) -> None:
        self._free(self._as_parameter_)


class Handle:
    """Something of the library's. Freed by close(), at the end of a with block, or when nothing refers to it."""

    _kind: ClassVar[str]
    _owned: Owned | None = None

    @classmethod
    def _adopt(cls, pointer: c_void_p, *keep: Any) -> Self:
        handle = cls.__new__(cls)
        handle._own(pointer, *keep)
        return handle

    def _own(self, pointer: c_void_p, *keep: Any) -> None:
        """Takes over what a call wrote, which is NULL when the call failed."""
        if pointer.value:
            self._owned = Owned(pointer.value, getattr(library, f"lens_{self._kind}_free"), keep)

    def _open(self) -> Owned:
        owned = self._owned
        if owned is None:
            raise ValueError(f"this {type(self).__name__} is closed")
        return owned

    @classmethod
    def _of(cls, name: str, handle: object) -> Owned:
        """The handle of an argument, which must be of this class: C could not tell."""
        if not isinstance(handle, cls):
            raise TypeError(f"{name} is a {type(handle).__name__}; it must be a lesionlens.{cls.__name__}")
        return handle._open()

    def close(self) -> None:
        """Frees the handle now, or when the calls that use it are over; a second time does nothing."""
        self._owned = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def take_document(pointer: c_void_p) -> dict[str, Any]:
    """The JSON document that a call handed out, which is freed."""
    try:
        document: dict[str, Any] = json.loads(ctypes.string_at(pointer.value or 0))
        return document
    finally:
        library.lens_string_free(pointer)


def describe(owned: Owned, function: Callable[..., int]) -> dict[str, Any]:
    pointer = c_void_p()
    check(function(owned, ctypes.byref(pointer)))
    return take_document(pointer)
