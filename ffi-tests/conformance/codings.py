"""Transfer syntaxes, and encoders that write them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import encoders
import imagecodecs
import numpy
from encoders import Encode
from pixels import Kind, data_set, packed
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

#: Not yet in pydicom.
DEFLATED_IMAGE_FRAME = uid.UID("1.2.840.10008.1.2.8.1")
ENCAPSULATED_UNCOMPRESSED = uid.UID("1.2.840.10008.1.2.1.98")
JPEG_XL_LOSSLESS = uid.UID("1.2.840.10008.1.2.4.110")
JPEG_XL_RECOMPRESSED = uid.UID("1.2.840.10008.1.2.4.111")
JPEG_XL = uid.UID("1.2.840.10008.1.2.4.112")
JPEG_PROGRESSIVE = uid.UID("1.2.840.10008.1.2.4.55")


@dataclass(frozen=True)
class Coding:
    name: str
    syntax: uid.UID
    encoder: str
    #: Of a frame; None where this is left to `dcmtk`, or pixels are as they are.
    encode: Encode | None = None
    #: A program of DCMTK with its options, and the kinds that it keeps as they are.
    dcmtk: tuple[str, ...] = ()
    keeps: Callable[[Kind], bool] = lambda kind: True
    #: How far decoded values may be from those encoded; None: as far as the encoder likes.
    loss: int | None = 0
    #: A decoder of a frame's stream, where pydicom and DCMTK have none.
    peer: Callable[[bytes], numpy.ndarray | bytes] | None = None
    #: Programs of DCMTK that make pixels of this; None: it cannot.
    decoder: tuple[str, str] | None = None


def _whole(kind: Kind) -> bool:
    return kind.number == "integer" and kind.allocated in (8, 16, 32) and kind.photometric != "YBR_FULL_422"


def _lossless(kind: Kind) -> bool:
    # Of planes it encodes others than it read in frames after the first.
    return _whole(kind) and kind.allocated <= 16 and not kind.planar


def _lossy(*bits: int) -> Callable[[Kind], bool]:
    """Unsigned, for a decoded value one too low would be the highest."""
    return lambda kind: encoders.is_coded(kind) and not kind.signed and kind.stored in bits and not kind.palette_bits


def _gray(kind: Kind) -> bool:
    """Of the depths that code streams of this encoder have."""
    return encoders.is_coded(kind) and kind.is_gray and not kind.signed and kind.stored in (8, 12, 16)


_NATIVE = ("dcmconv", "dcm2pnm")
_RLE, _JPEG, _LS = ("dcmdrle", "dcm2pnm"), ("dcmdjpeg", "dcmj2pnm"), ("dcmdjpls", "dcml2pnm")

CODINGS = [
    Coding("Implicit VR Little Endian", uid.ImplicitVRLittleEndian, "pydicom", decoder=_NATIVE),
    Coding("Explicit VR Little Endian", uid.ExplicitVRLittleEndian, "pydicom", decoder=_NATIVE),
    Coding("Explicit VR Big Endian", uid.ExplicitVRBigEndian, "pydicom", decoder=_NATIVE),
    Coding("Deflated Explicit VR Little Endian", uid.DeflatedExplicitVRLittleEndian, "pydicom", decoder=_NATIVE),
    Coding("Encapsulated Uncompressed", ENCAPSULATED_UNCOMPRESSED, "NumPy", encoders.plain, peer=bytes),
    Coding("Deflated Image Frame", DEFLATED_IMAGE_FRAME, "zlib", encoders.deflated, peer=encoders.inflated),
    Coding("RLE Lossless", uid.RLELossless, "pydicom", encoders.rle, decoder=_RLE),
    Coding("RLE Lossless", uid.RLELossless, "DCMTK", dcmtk=("dcmcrle",), keeps=_whole, decoder=_RLE),
    Coding("JPEG Baseline", uid.JPEGBaseline8Bit, "Pillow", encoders.baseline(0, "YBR_FULL"), loss=None, decoder=_JPEG),
    Coding("JPEG Baseline, 4:2:2", uid.JPEGBaseline8Bit, "Pillow", encoders.baseline(1, "YBR_FULL_422"), loss=None,
           decoder=_JPEG),
    Coding("JPEG Baseline", uid.JPEGBaseline8Bit, "DCMTK", dcmtk=("dcmcjpeg", "+eb"), keeps=_lossy(8), loss=None,
           decoder=_JPEG),
    Coding("JPEG Extended, 12 bits", uid.JPEGExtended12Bit, "imagecodecs", encoders.extended, loss=None, decoder=_JPEG),
    Coding("JPEG Extended", uid.JPEGExtended12Bit, "DCMTK", dcmtk=("dcmcjpeg", "+ee"), keeps=_lossy(8, 10, 12),
           loss=None, decoder=_JPEG),
    Coding("JPEG progressive, retired", JPEG_PROGRESSIVE, "DCMTK", dcmtk=("dcmcjpeg", "+ep"), keeps=_lossy(8, 10, 12),
           loss=None, decoder=_JPEG),
    Coding("JPEG Lossless SV1", uid.JPEGLosslessSV1, "imagecodecs", encoders.jpeg_lossless(1), decoder=_JPEG),
    Coding("JPEG Lossless SV1", uid.JPEGLosslessSV1, "DCMTK", dcmtk=("dcmcjpeg", "+e1"), keeps=_lossless,
           decoder=_JPEG),
    *(Coding(f"JPEG Lossless, predictor {predictor}", uid.JPEGLossless, "imagecodecs",
             encoders.jpeg_lossless(predictor), decoder=_JPEG) for predictor in (2, 3, 4, 5, 6, 7)),
    *(Coding(f"JPEG Lossless, predictor {predictor}, point transform {transform}", uid.JPEGLossless, "DCMTK",
             dcmtk=("dcmcjpeg", "+el", "+pl", "+sv", str(predictor), "+pt", str(transform)), keeps=_gray,
             loss=(1 << transform) - 1,
             decoder=_JPEG)
      for predictor, transform in ((1, 1), (4, 2), (6, 1), (7, 3))),
    Coding("JPEG-LS Lossless", uid.JPEGLSLossless, "pyjpegls", encoders.jpeg_ls(0), decoder=_LS),
    Coding("JPEG-LS Lossless", uid.JPEGLSLossless, "DCMTK", dcmtk=("dcmcjpls", "+el"), keeps=_lossless, decoder=_LS),
    Coding("JPEG-LS Near-lossless", uid.JPEGLSNearLossless, "pyjpegls", encoders.jpeg_ls(2), loss=2, decoder=_LS),
    Coding("JPEG-LS Near-lossless", uid.JPEGLSNearLossless, "DCMTK", dcmtk=("dcmcjpls", "+en", "+md", "3"),
           keeps=_lossless, loss=3, decoder=_LS),
    Coding("JPEG 2000 Lossless", uid.JPEG2000Lossless, "OpenJPEG", encoders.jpeg_2000(None)),
    Coding("JPEG 2000 Lossless", uid.JPEG2000Lossless, "imagecodecs", encoders.jpeg_2000_of_imagecodecs),
    Coding("JPEG 2000", uid.JPEG2000, "OpenJPEG", encoders.jpeg_2000(5), loss=None),
    Coding("HTJ2K Lossless", uid.HTJ2KLossless, "OpenJPH", encoders.high_throughput(True)),
    Coding("HTJ2K", uid.HTJ2K, "OpenJPH", encoders.high_throughput(False), loss=None),
    Coding("JPEG XL Lossless", JPEG_XL_LOSSLESS, "libjxl", encoders.jpeg_xl(True),
           peer=imagecodecs.jpegxl_decode),
    Coding("JPEG XL JPEG Recompression", JPEG_XL_RECOMPRESSED, "libjxl", encoders.recompressed, loss=None,
           peer=imagecodecs.jpegxl_decode),
    Coding("JPEG XL", JPEG_XL, "libjxl", encoders.jpeg_xl(False), loss=None,
           peer=imagecodecs.jpegxl_decode),
]


def _save(made: Dataset, path: Path) -> None:
    """Transfer syntaxes that are younger than pydicom are written under the name of another one of the same length."""
    named = made.file_meta.TransferSyntaxUID
    if named.is_transfer_syntax:
        made.save_as(path, enforce_file_format=True)
        return
    others = ENCAPSULATED_UNCOMPRESSED, uid.HTJ2KLossless
    made.file_meta.TransferSyntaxUID = next(
        other for other in others if (len(other) + 1) // 2 == (len(named) + 1) // 2)
    made.save_as(path, enforce_file_format=True)
    other = made.file_meta.TransferSyntaxUID
    coded = path.read_bytes()
    path.write_bytes(coded.replace(other.encode(), named.encode().ljust(len(other), b"\0"), 1))


def _swap_words(made: Dataset) -> None:
    """What pydicom leaves to its users: words in the other order."""
    for element in made.iterall():
        if element.VR == "OW" and isinstance(element.value, bytes):
            element.value = numpy.frombuffer(element.value, "<u2").astype(">u2").tobytes()


def _add_native(made: Dataset, kind: Kind, frames: numpy.ndarray, big_endian: bool) -> None:
    if kind.number != "integer":
        name = "FloatPixelData" if kind.number == "float" else "DoubleFloatPixelData"
        setattr(made, name, packed(frames, kind, big_endian))
        return
    coded = packed(frames, kind, big_endian)
    made.PixelData = coded + b"\0" * (len(coded) % 2)
    made["PixelData"].VR = "OB" if kind.allocated <= 8 else "OW"


def write(path: Path, coding: Coding, kind: Kind, frames: numpy.ndarray, finish: Callable[[Dataset], None]) -> bool:
    """Writes a file; False where the coding has no such pixels. `finish` adds what else belongs into the data set."""
    made = data_set(kind, len(frames))
    finish(made)
    made.file_meta.TransferSyntaxUID = coding.syntax
    if coding.dcmtk:
        if not coding.keeps(kind) or not shutil.which(coding.dcmtk[0]):
            return False
        made.file_meta.TransferSyntaxUID = uid.ExplicitVRLittleEndian
        _add_native(made, kind, frames, False)
        uncoded = path.with_suffix(".plain")
        _save(made, uncoded)
        # With the identifiers of before, so that a file is the same every time.
        command = [coding.dcmtk[0], "-q", "+un", *coding.dcmtk[1:], uncoded, path]
        done = subprocess.run(command, capture_output=True)
        uncoded.unlink()
        return done.returncode == 0
    if not coding.encode:
        if coding.syntax == uid.ExplicitVRBigEndian:
            _swap_words(made)
        _add_native(made, kind, frames, coding.syntax == uid.ExplicitVRBigEndian)
        _save(made, path)
        return True
    streams = []
    for frame in frames:
        if not (encoded := coding.encode(frame, kind)):
            return False
        streams.append(encoded[0])
        made.PhotometricInterpretation = encoded[1]
    if kind.number != "integer":
        return False
    if made.SamplesPerPixel == 3 and made.PhotometricInterpretation != kind.photometric:
        made.PlanarConfiguration = 0
    made.PixelData = encapsulate(streams)
    made["PixelData"].VR = "OB"
    made["PixelData"].is_undefined_length = True
    _save(made, path)
    return True
