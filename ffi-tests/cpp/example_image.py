"""Writes a gray PNG with a bright spot, 160 x 120, for the example programs: example_image.py FILE."""

import struct
import sys
import zlib

WIDTH, HEIGHT = 160, 120


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


rows = b"".join(
    b"\0" + bytes(200 if (x - 100) ** 2 + (y - 40) ** 2 < 225 else 60 + (x * 7 + y * 13) % 30 for x in range(WIDTH))
    for y in range(HEIGHT)
)
with open(sys.argv[1], "wb") as file:
    file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 0, 0, 0, 0)))
    file.write(chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))
