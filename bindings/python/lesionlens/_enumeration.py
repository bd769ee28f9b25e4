"""Named numbers of the C interface."""

from __future__ import annotations

from ctypes import c_int32
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self


class Enumeration(c_int32):
    """A named number. In Python it goes by its constant's name, in lower case and without the prefix."""

    prefix: ClassVar[str]
    names: ClassVar[dict[str, int]]

    @classmethod
    def of(cls, field: str, name: Any) -> Self:
        if not isinstance(name, str) or name not in cls.names:
            raise ValueError(f"{field} is {name!r}; it must be one of {', '.join(map(repr, cls.names))}")
        return cls(cls.names[name])

    @classmethod
    def name_of(cls, number: int) -> str:
        for name, value in cls.names.items():
            if value == number:
                return name
        # A newer library may have more of them than this package knows.
        return f"{cls.__name__} {number}"
