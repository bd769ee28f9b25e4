"""Where references disagree with each other or with the standard: what is done here, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from matrix import Generated
from pydicom import uid


@dataclass(frozen=True)
class Choice:
    what: str
    pydicom: str
    dcmtk: str
    here: str
    #: Of the standard.
    clause: str
    #: Generated files that it is about, for a reference.
    applies: Callable[[Generated, str], bool] = lambda made, reference: False
    #: Names of files that others made.
    files: tuple[str, ...] = ()
    #: Whole groups of damaged files.
    damaged: Callable[[Generated, str], bool] = lambda made, table: False


def _shown(*names: str) -> Callable[[Generated], bool]:
    return lambda made: made.display.name in names


def _is_big_endian(made: Generated) -> bool:
    return made.coding.syntax == uid.ExplicitVRBigEndian


_JPEG_2000 = ("JPEG 2000", "HTJ2K")

CHOICES = [
    Choice(
        "window and VOI LUT Sequence both", "the table", "as asked", "the window first, the table as the next choice",
        "C.11.2: one of them is applied, which is open",
        lambda made, reference: reference == "pydicom" and made.display.name == "window and VOI LUT"),
    Choice(
        "rescaling or Modality LUT of X-ray angiography", "applied", "not for display", "not for display",
        "C.8.7.1",
        lambda made, reference: reference == "pydicom" and made.display.is_angiography, ("xa_modality_lut.dcm",)),
    Choice(
        "LINEAR_EXACT", "as the standard", "as LINEAR", "as the standard", "C.11.2.1.3.2",
        lambda made, reference: reference == "DCMTK" and made.display.name == "LINEAR_EXACT"),
    Choice(
        "LINEAR width below 1", "refused", "another curve", "LINEAR_EXACT", "C.11.2.1.2.1 has no widths below 1",
        lambda made, reference: reference == "DCMTK" and made.display.name == "width below 1, small slope",
        ("window_below_1_small_slope.dcm",)),
    Choice(
        "fractions after rescaling", "kept", "rounded", "kept", "C.11.1: m x SV + b",
        lambda made, reference: reference == "DCMTK" and made.display.name == "rescaled, LINEAR"
        and made.kind.stored == 8),
    Choice(
        "rescaled values of 32 bits", "kept", "beyond its range", "kept", "C.11.1",
        lambda made, reference: reference == "DCMTK" and made.kind.allocated == 32
        and made.display.name in ("negative slope, LINEAR", "rescaled, no window")),
    Choice(
        "padding, in a frame without window", "not applicable", "counts as a value", "does not count",
        "C.7.5.1.1.2: not part of the image",
        lambda made, reference: reference == "DCMTK" and made.display.name == "padding, no window",
        ("ct-signed-16bit.dcm",)),
    Choice(
        "1 bit without window", "not applicable", "1 of 2 is seen for 1", "1 is white", "C.7.6.3.1.2: MONOCHROME2",
        lambda made, reference: reference == "DCMTK" and made.kind.stored == 1,
        ("liver_1frame.dcm", "liver_expb_1frame.dcm", "liver.dcm", "liver_nonbyte_aligned.dcm")),
    Choice(
        "YBR_FULL", "rounded once", "up to 2 of 255 away", "rounded once", "C.7.6.3.1.2",
        lambda made, reference: reference == "DCMTK" and made.kind.photometric.startswith("YBR")),
    Choice(
        "32 bits in big endian words", "whole numbers swapped", "words of 16 bits swapped", "whole numbers swapped",
        "PS3.5 7.3",
        lambda made, reference: reference == "DCMTK" and _is_big_endian(made) and made.kind.allocated == 32,
        ("rtdose_expb.dcm", "rtdose_expb_1frame.dcm")),
    Choice(
        "tables of 16 bits in big endian", "bytes in the other order", "as the standard", "as the standard",
        "PS3.5 7.3",
        lambda made, reference: reference == "pydicom" and _is_big_endian(made)
        and (made.kind.photometric == "PALETTE COLOR" or made.display.has_table)),
    Choice(
        "tables for signed inputs of 8 and 16 bits", "inputs overflow", "as the standard", "as the standard",
        "C.11.1.1",
        lambda made, reference: reference == "pydicom" and made.kind.signed and made.display.has_table),
    Choice(
        "JPEG Lossless with a point transform", "wrong values (libjpeg)", "multiplied by 2^Pt", "multiplied by 2^Pt",
        "ISO/IEC 10918-1 A.4",
        lambda made, reference: reference == "pydicom" and "point transform" in made.coding.name),
    Choice(
        "JPEG-LS of signed values, of all Bits Stored", "unsigned", "signed", "signed, as the header says",
        "PS3.5 8.2.3",
        lambda made, reference: reference == "pydicom" and made.kind.signed and made.coding.encoder == "DCMTK"
        and made.coding.syntax == uid.JPEGLSLossless),
    Choice(
        "lossy JPEG with one colour for two pixels", "up to 5 of 255 away", "as here", "as DCMTK",
        "ISO/IEC 10918-1 leaves upsampling and rounding open",
        lambda made, reference: reference == "pydicom" and made.coding.encoder == "DCMTK" and made.coding.loss is None
        and made.kind.photometric == "RGB"),
    Choice(
        "YBR_FULL_422 uncompressed, a colour for each pixel", "refused", "taken by its name", "YBR_FULL, by its length",
        "C.7.6.3.1.2 has a colour for two pixels", files=("ybr422_full_length.dcm",)),
    Choice(
        "Rescale Slope with VR UN", "read", "not read", "read", "PS3.5 6.2.2: UN by the dictionary",
        files=("un_rescale.dcm",)),
    Choice(
        "Rescale Slope with a decimal comma", "stored values read", "stored values read", "refused", "PS3.5 6.2: DS",
        files=("comma_rescale_slope.dcm",)),
    Choice(
        "overlay in unused bits", "left out", "shown", "left out", "C.9.2: overlays are apart from the image",
        files=("examples_overlay.dcm",)),
    Choice(
        "scan header that is no sequential JPEG's", "refused", "read", "refused", "ISO/IEC 10918-1 B.2.3",
        files=("JPEG-lossy.dcm",)),
    Choice(
        "Number of Frames that is no number", "refused", "read", "refused", "PS3.5 6.2: IS", files=("badVR.dcm",)),
    Choice(
        "High Bit that is not Bits Stored - 1, in JPEG 2000", "High Bit not looked at", "no JPEG 2000",
        "the bits up to High Bit, as DCMTK in its codings", "PS3.5 8.1.1",
        damaged=lambda made, table: table in ("Bits Stored", "High Bit") and made.coding.name.startswith(_JPEG_2000)),
]


def choice_for(made: Generated, reference: str) -> Choice | None:
    return next((choice for choice in CHOICES if choice.applies(made, reference)), None)


def choice_for_file(name: str) -> Choice | None:
    return next((choice for choice in CHOICES if name in choice.files), None)


def choice_for_damage(made: Generated, table: str) -> Choice | None:
    return next((choice for choice in CHOICES if choice.damaged(made, table)), None)
