"""Encoders of single frames, each for the kinds of pixels that it has."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable

import imagecodecs
import numpy
import openjpeg.utils
from jpeg_ls import encode_pixel_data
from PIL import Image
from pixels import Kind, packed
from pydicom.pixels.encoders import RLELosslessEncoder

#: A stream, and the photometric interpretation that it has.
Encoded = tuple[bytes, str] | None
Encode = Callable[[numpy.ndarray, Kind], Encoded]


def unsigned(frame: numpy.ndarray, kind: Kind) -> numpy.ndarray:
    """The stored bits as encoders without signs take them."""
    return frame.view(f"u{frame.itemsize}") & numpy.array((1 << kind.stored) - 1, f"u{frame.itemsize}")


def is_coded(kind: Kind) -> bool:
    """Kinds that code streams are made of."""
    return kind.number == "integer" and kind.allocated in (8, 16) and not kind.planar and kind.photometric in (
        "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR", "RGB"
    )


def plain(frame: numpy.ndarray, kind: Kind) -> Encoded:
    return packed(frame, kind), kind.photometric


def deflated(frame: numpy.ndarray, kind: Kind) -> Encoded:
    coder = zlib.compressobj(wbits=-15)
    return coder.compress(packed(frame, kind)) + coder.flush(), kind.photometric


def inflated(stream: bytes) -> bytes:
    # Padding follows.
    return zlib.decompressobj(wbits=-15).decompress(stream)


def rle(frame: numpy.ndarray, kind: Kind) -> Encoded:
    if kind.allocated not in (8, 16) or kind.planar or kind.photometric == "YBR_FULL_422":
        return None
    stored = unsigned(frame, kind)
    return RLELosslessEncoder.encode(
        stored.astype(stored.dtype.newbyteorder("<")).tobytes(), encoding_plugin="pydicom", rows=frame.shape[0],
        columns=frame.shape[1], samples_per_pixel=kind.channels, bits_allocated=kind.allocated,
        bits_stored=kind.stored, photometric_interpretation=kind.photometric, pixel_representation=0,
        number_of_frames=1, planar_configuration=0), kind.photometric


def baseline(subsampling: int, photometric: str) -> Encode:
    def encode(frame: numpy.ndarray, kind: Kind) -> Encoded:
        if not is_coded(kind) or kind.allocated != 8 or kind.signed or kind.photometric == "PALETTE COLOR":
            return None
        if kind.channels == 1 and subsampling:
            return None
        stream = io.BytesIO()
        Image.fromarray(frame).save(stream, "JPEG", quality=92, subsampling=subsampling)
        return stream.getvalue(), photometric if kind.channels == 3 else kind.photometric
    return encode


def jpeg_lossless(predictor: int) -> Encode:
    def encode(frame: numpy.ndarray, kind: Kind) -> Encoded:
        if not is_coded(kind) or kind.channels == 3 and kind.allocated > 8:
            return None
        stored = numpy.ascontiguousarray(unsigned(frame, kind))
        return imagecodecs.jpeg8_encode(stored, lossless=True, predictor=predictor, bitspersample=kind.stored), \
            kind.photometric
    return encode


def extended(frame: numpy.ndarray, kind: Kind) -> Encoded:
    if not is_coded(kind) or kind.channels == 3 or kind.stored not in (10, 12) or kind.signed:
        return None
    return imagecodecs.jpeg8_encode(frame, level=95, bitspersample=12), kind.photometric


def jpeg_ls(near: int) -> Encode:
    def encode(frame: numpy.ndarray, kind: Kind) -> Encoded:
        if not is_coded(kind) or near and (kind.signed or kind.photometric == "PALETTE COLOR"):
            return None
        stream = encode_pixel_data(
            unsigned(frame, kind).tobytes(), lossy_error=near, rows=frame.shape[0], columns=frame.shape[1],
            samples_per_pixel=kind.channels, bits_allocated=kind.allocated, bits_stored=kind.stored,
            photometric_interpretation=kind.photometric, pixel_representation=0, planar_configuration=0)
        return bytes(stream), kind.photometric
    return encode


def jpeg_2000(ratio: float | None) -> Encode:
    def encode(frame: numpy.ndarray, kind: Kind) -> Encoded:
        if not is_coded(kind) or ratio and (kind.signed or kind.photometric == "PALETTE COLOR"):
            return None
        is_rgb = kind.photometric == "RGB"
        stream = openjpeg.utils.encode_array(
            frame, bits_stored=kind.stored, photometric_interpretation=1 if is_rgb else 2, use_mct=is_rgb,
            **({"compression_ratios": [ratio]} if ratio else {}))
        return stream, ("YBR_ICT" if ratio else "YBR_RCT") if is_rgb else kind.photometric
    return encode


def jpeg_2000_of_imagecodecs(frame: numpy.ndarray, kind: Kind) -> Encoded:
    if not is_coded(kind) or kind.channels == 3:
        return None
    return imagecodecs.jpeg2k_encode(frame, bitspersample=kind.stored, reversible=True, level=0, codecformat="j2k"), \
        kind.photometric


def high_throughput(reversible: bool) -> Encode:
    def encode(frame: numpy.ndarray, kind: Kind) -> Encoded:
        if not is_coded(kind) or kind.stored not in (8, 16) or not reversible and (kind.signed or kind.channels == 3):
            return None
        if kind.photometric == "PALETTE COLOR" and not reversible:
            return None
        options = {} if reversible else {"level": 0.002}
        photometric = "YBR_RCT" if kind.channels == 3 else kind.photometric
        return imagecodecs.htj2k_encode(frame, reversible=reversible, **options), photometric
    return encode


def jpeg_xl(lossless: bool) -> Encode:
    def encode(frame: numpy.ndarray, kind: Kind) -> Encoded:
        if not is_coded(kind) or kind.signed or not lossless and kind.photometric == "PALETTE COLOR":
            return None
        options = {"lossless": True} if lossless else {"distance": 0.5}
        photometric = "gray" if kind.channels == 1 else None
        stream = imagecodecs.jpegxl_encode(frame, bitspersample=kind.stored, photometric=photometric, **options)
        return stream, kind.photometric if lossless or kind.channels == 1 else "XYB"
    return encode


def recompressed(frame: numpy.ndarray, kind: Kind) -> Encoded:
    coded = baseline(0, "YBR_FULL")(frame, kind)
    return coded and (imagecodecs.jpegxl_encode_jpeg(coded[0]), coded[1])
