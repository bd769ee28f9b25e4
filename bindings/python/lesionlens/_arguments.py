"""From Python values to C ones, with a message where ctypes would wrap a number around or cut a text short."""

from __future__ import annotations

import ctypes
import operator
import os
from collections.abc import Mapping
from numbers import Real
from typing import Any, TypeVar

from ._enumeration import Enumeration
from ._library import library
from ._structs import lens_heatmap_options
from .options import HeatmapOptions

_Options = TypeVar("_Options", bound=ctypes.Structure)

# Options that point to other options, which come as a dict.
_NESTED: dict[Any, tuple[type[Any], type[Any]]] = {
    ctypes.POINTER(lens_heatmap_options): (lens_heatmap_options, HeatmapOptions)
}


def text(name: str, value: Any) -> bytes:
    """A path or other text as UTF-8."""
    try:
        path = os.fspath(value)
    except TypeError:
        raise TypeError(f"{name} is a {type(value).__name__}; it must be a str or a path") from None
    # A file's name that is no UTF-8 comes with its odd bytes as surrogates.
    encoded = path.encode(errors="surrogateescape") if isinstance(path, str) else bytes(path)
    if b"\0" in encoded:
        raise ValueError(f"{name} is {value!r}; it must not contain a NUL character")
    return encoded


def integer(name: str, value: Any, kind: type[Any]) -> int:
    """A whole number that the C type can hold."""
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} is {value!r}; it must be a whole number") from None
    if kind(number).value != number:
        bits = 8 * ctypes.sizeof(kind)
        lowest = 0 if kind(-1).value > 0 else -(2 ** (bits - 1))
        raise ValueError(f"{name} is {number}; it must be {lowest} to {lowest + 2**bits - 1}")
    return number


def real(name: str, value: Any) -> float:
    if not isinstance(value, Real):
        raise TypeError(f"{name} is {value!r}; it must be a number")
    return float(value)


def make_options(kind: type[_Options], allowed: type[Any], values: Mapping[str, Any]) -> _Options:
    """Options with their defaults, changed by those values that are not None."""
    options = kind()
    getattr(library, f"{kind.__name__}_init")(ctypes.byref(options))
    fields: dict[str, Any] = {field[0]: field[1] for field in kind._fields_}
    for name, value in values.items():
        if name not in allowed.__annotations__:
            raise TypeError(f"there is no option {name!r}; there are {', '.join(allowed.__annotations__)}")
        if value is not None:
            setattr(options, name, _convert(name, value, fields[name]))
    return options


def _convert(name: str, value: Any, kind: Any) -> Any:
    if kind in _NESTED:
        return ctypes.pointer(make_options(*_NESTED[kind], value))
    if issubclass(kind, Enumeration):
        return kind.of(name, value)
    if issubclass(kind, ctypes.c_char_p):
        return text(name, value)
    if issubclass(kind, (ctypes.c_float, ctypes.c_double)):
        return real(name, value)
    if issubclass(kind, ctypes.Array):
        numbers = [value] * kind._length_ if isinstance(value, Real) else list(value)
        if len(numbers) != kind._length_:
            raise ValueError(f"{name} has {len(numbers)} numbers; it must be one, or one for each of red, green, blue")
        return kind(*(real(name, number) for number in numbers))
    return integer(name, value, kind)
