"""A DICOM file, for tests of what is done with one; how they are read is tested elsewhere."""

from __future__ import annotations

from typing import Any

import lesionlens
import numpy


def made(
    pixels: numpy.ndarray[Any, Any], table: lesionlens.LookupTable, window_center: float, window_width: float
) -> bytes:
    """A gray file of 12 bits with a window, which is a sigmoid, and a VOI LUT Sequence."""

    def element(group: int, number: int, kind: bytes, value: bytes) -> bytes:
        value += (b"\0" if kind in (b"UI", b"OW") else b" ") * (len(value) % 2)
        long = kind in (b"OW", b"SQ")
        length = b"\0\0" + len(value).to_bytes(4, "little") if long else len(value).to_bytes(2, "little")
        return group.to_bytes(2, "little") + number.to_bytes(2, "little") + kind + length + value

    def words(*numbers: int) -> bytes:
        return numpy.array(numbers, "<u2").tobytes()

    meta = element(2, 0x10, b"UI", b"1.2.840.10008.1.2.1")
    values = numpy.asarray(table.values)
    described = words(values.size, table.first, table.bits)
    item = element(0x28, 0x3002, b"US", described) + element(0x28, 0x3006, b"OW", values.astype("<u2").tobytes())
    item = b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
    rows, columns = pixels.shape
    return b"".join(
        [
            b"\0" * 128 + b"DICM",
            element(2, 0, b"UL", len(meta).to_bytes(4, "little")),
            meta,
            element(8, 0x60, b"CS", b"MR"),
            element(0x28, 2, b"US", words(1)),
            element(0x28, 4, b"CS", b"MONOCHROME2"),
            element(0x28, 0x10, b"US", words(rows)),
            element(0x28, 0x11, b"US", words(columns)),
            element(0x28, 0x100, b"US", words(16)),
            element(0x28, 0x101, b"US", words(12)),
            element(0x28, 0x102, b"US", words(11)),
            element(0x28, 0x103, b"US", words(0)),
            element(0x28, 0x1050, b"DS", str(window_center).encode()),
            element(0x28, 0x1051, b"DS", str(window_width).encode()),
            element(0x28, 0x1056, b"CS", b"SIGMOID"),
            element(0x28, 0x3010, b"SQ", item),
            element(0x7FE0, 0x10, b"OW", pixels.astype("<u2").tobytes()),
        ]
    )
