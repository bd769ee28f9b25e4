"""Damaged files: cut short, with other values in the header, with flipped bytes in the pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from codings import CODINGS
from compare import SEEN, Comparer
from display import NONE
from matrix import SHOWN_IN_ALL, Generated
from ours import Frame, Refused
from pixels import COLOUR, MONOCHROME
from pydicom import uid
from pydicom.encaps import generate_frames

_PIXEL_DATA = {"little": b"\xe0\x7f\x10\x00", "big": b"\x7f\xe0\x00\x10"}
_RENAMED = [uid.JPEGBaseline8Bit, uid.JPEGLossless, uid.JPEGLSLossless, uid.JPEG2000Lossless, uid.JPEG2000,
            uid.ExplicitVRBigEndian, uid.RLELossless, uid.ExplicitVRLittleEndian]
REFUSED, AS_REFERENCE, UNHARMED = "refused", "as a reference", "as undamaged"
#: What DCMTK, which is not there, would have to say.
UNJUDGED = "not judged"
#: What must not be.
BOTH_REFUSE, OTHERS = "pixels where both refuse", "other pixels than both"


@dataclass(frozen=True)
class Damage:
    table: str
    name: str
    coded: bytes


def whole_files() -> Iterator[Generated]:
    """Files to be damaged."""
    for coding in CODINGS:
        if "predictor" not in coding.name or coding.name.endswith(("predictor 2", "point transform 1")):
            for kind in (SHOWN_IN_ALL, MONOCHROME[1], COLOUR[0]):
                yield Generated(coding, kind, NONE, 1, "damage")
            if coding.syntax in (uid.ExplicitVRLittleEndian, uid.RLELossless, uid.JPEGLSLossless, uid.JPEGLosslessSV1):
                yield Generated(coding, SHOWN_IN_ALL, NONE, 3, "damage")


def damages(made: Generated, whole: bytes) -> Iterator[Damage]:
    order = "big" if made.coding.syntax == uid.ExplicitVRBigEndian else "little"
    is_deflated = made.coding.syntax == uid.DeflatedExplicitVRLittleEndian
    pixels = whole.rindex(_PIXEL_DATA[order]) if not is_deflated else len(whole) // 2
    for cut in (1, 2, 8, 9, 64):
        yield Damage("cut short", f"{cut} bytes cut off", whole[:-cut])
    for part in (0.25, 0.5, 0.9):
        yield Damage("cut short", f"{part:.0%} of the pixels", whole[:pixels + int((len(whole) - pixels) * part)])
    yield Damage("cut short", "within the header", whole[:pixels // 2 + 80])
    generator = numpy.random.default_rng(zlib.crc32(made.name.encode()))
    for place in (pixels + 12, pixels + 20, *generator.integers(pixels + 12, len(whole) - 8, 8)):
        flipped = bytes([*whole[:place], whole[place] ^ (0xFF if place % 2 else 0x10), *whole[place + 1:]])
        yield Damage("byte of the pixels", f"byte {place - pixels} of the pixels flipped", flipped)
    # Of what neither pydicom nor DCMTK reads, nobody says what other headers mean.
    if not is_deflated and not made.coding.peer:
        yield from _headers(made, whole, order)
    named = whole.find(made.coding.syntax.encode(), 132)
    for other in _RENAMED:
        if other != made.coding.syntax and (len(other) + 1) // 2 == (len(made.coding.syntax) + 1) // 2:
            end = named + len(other) + len(other) % 2
            renamed = whole[:named] + other.encode().ljust(end - named, b"\0") + whole[end:]
            yield Damage("transfer syntax", f"named {other.name}", renamed)


def _headers(made: Generated, whole: bytes, order: str) -> Iterator[Damage]:
    kind = made.kind
    changes = {
        "Rows": (0x0010, [0, 1, 32, 34, 66, 65535]),
        "Columns": (0x0011, [0, 1, 34, 36, 70, 65535]),
        "Samples per Pixel": (0x0002, [0, 4 - kind.channels, 2, 4]),
        "Bits Allocated": (0x0100, [0, 1, 8, 12, 16, 32, 64]),
        "Bits Stored": (0x0101, [0, kind.stored - 1, kind.stored + 1, kind.allocated + 1]),
        "High Bit": (0x0102, [0, kind.stored - 2, kind.stored, kind.allocated]),
        "Pixel Representation": (0x0103, [1, 2]),
        "Planar Configuration": (0x0006, [1, 2]),
    }
    sign = "<" if order == "little" else ">"
    for name, (element, values) in changes.items():
        tag = struct.pack(f"{sign}HH", 0x0028, element)
        for head in (tag + b"US" + struct.pack(f"{sign}H", 2), tag + struct.pack("<I", 2)):
            place = whole.find(head)
            if place >= 0:
                place += len(head)
                for value in values:
                    if struct.unpack_from(f"{sign}H", whole, place)[0] != value:
                        changed = whole[:place] + struct.pack(f"{sign}H", value) + whole[place + 2:]
                        yield Damage(name, f"{name} {value}", changed)
                break
    for name in (b"MONOCHROME2 ", b"RGB ", b"YBR_RCT ", b"YBR_FULL"):
        if 0 <= (place := whole.find(name)) < len(whole):
            for other in (b"RGB", b"MONOCHROME1", b"YBR_FULL", b"PALETTE COLOR", b"HSV"):
                if len(other) <= len(name) and other != name.strip():
                    changed = whole[:place] + other.ljust(len(name)) + whole[place + len(name):]
                    yield Damage("Photometric Interpretation", f"named {other.decode()}", changed)


def verdict(comparer: Comparer, made: Generated, path: Path, whole: Frame, with_dcmtk: bool) -> tuple[str, str]:
    """What becomes of a damaged file, and what references say of it."""
    try:
        read = comparer.ours.read(path)
    except Refused as reason:
        return REFUSED, str(reason)
    reasons = []
    references = (_as_peer,) if made.coding.peer else (_as_pydicom, _as_dcmtk) if with_dcmtk else (_as_pydicom,)
    for reads in references:
        try:
            if reads(comparer, made, path, read):
                return AS_REFERENCE, ""
            reasons.append("other pixels")
        except Refused as reason:
            reasons.append(f"refuses: {str(reason)[:120]}")
    if read.stored.shape == whole.stored.shape and (read.stored == whole.stored).all():
        return UNHARMED, "; ".join(reasons)
    if made.coding.decoder and not with_dcmtk:
        return UNJUDGED, ""
    return (OTHERS if "other pixels" in reasons else BOTH_REFUSE), "; ".join(reasons)


def _alike(ours: numpy.ndarray, theirs: numpy.ndarray, most: float) -> bool:
    return ours.shape == theirs.shape and bool((numpy.abs(ours - theirs.astype("f8")) <= most).all())


def _as_pydicom(comparer: Comparer, made: Generated, path: Path, read: Frame) -> bool:
    comparer.pydicom.forget()
    loss = 0 if made.coding.loss is not None else 1
    if read.rescaled is not None:
        return _alike(read.rescaled, comparer.pydicom.stored(path, 0), loss)
    return _alike(read.seen, comparer.pydicom.seen(path, 0, 0), SEEN + 3 * loss / 255)


def _as_dcmtk(comparer: Comparer, made: Generated, path: Path, read: Frame) -> bool:
    """What DCMTK shows: what it converts, it does not shift by High Bit."""
    if not made.coding.decoder:
        raise Refused("DCMTK has no decoder")
    loss = 0 if made.coding.loss is not None else 1
    if read.rescaled is not None:
        bits = comparer.pydicom.data_set(path).get("BitsStored", 0)
        options = ["+Wm"] if bits > 8 else []
        # Without a window it takes 2^bits for white.
        white = 1 if bits > 8 else 1 - 2.0**-bits
        seen = comparer.dcmtk.seen(path, 0, made.coding.decoder[1], options) / white
        return _alike(read.seen, seen, SEEN + loss / 255)
    return _alike(read.seen, comparer.dcmtk.seen(path, 0, made.coding.decoder[1], []), SEEN + 3 * loss / 255)


def _as_peer(comparer: Comparer, made: Generated, path: Path, read: Frame) -> bool:
    """Of a single frame in a single fragment."""
    comparer.pydicom.forget()
    try:
        stream = next(generate_frames(comparer.pydicom.data_set(path).PixelData, number_of_frames=1))
        decoded = made.coding.peer(stream)
    except Exception as error:  # noqa: BLE001 (of whatever kind)
        raise Refused(str(error)) from error
    if isinstance(decoded, bytes):
        decoded = numpy.frombuffer(decoded[:read.stored.nbytes], read.stored.dtype)
        if decoded.size != read.stored.size:
            raise Refused("too few bytes")
        decoded = decoded.reshape(read.stored.shape)
    # The bits above the stored ones do not count.
    decoded = decoded & numpy.array((1 << made.kind.stored) - 1, decoded.dtype)
    return _alike(read.stored.astype("f8"), decoded, 1 if made.coding.loss is None else 0)
