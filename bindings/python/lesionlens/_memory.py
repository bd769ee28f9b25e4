"""NumPy views of the library's memory."""

from __future__ import annotations

from typing import Any

import numpy

from ._handle import Owned


class _Memory:
    def __init__(self, owned: Owned, interface: dict[str, Any]) -> None:
        self._owned = owned
        self.__array_interface__ = interface


def view(
    owned: Owned, address: int, dtype: numpy.dtype[Any], shape: tuple[int, ...], strides: tuple[int, ...] | None = None
) -> numpy.ndarray[Any, Any]:
    """A read-only array over memory that lives as long as the handle, which the array keeps alive."""
    interface = {"version": 3, "shape": shape, "typestr": dtype.str, "data": (address, True), "strides": strides}
    return numpy.asarray(_Memory(owned, interface))
