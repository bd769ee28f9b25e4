"""Kinds of pixels, values for them, and data sets that hold them."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage

#: Of odd length, so that bytes are padded and single bits begin within a byte; OpenJPEG's encoder wants 32 of each.
ROWS, COLUMNS = 33, 35


@dataclass(frozen=True)
class Kind:
    photometric: str
    allocated: int
    stored: int
    signed: bool = False
    #: "integer", "float", "double".
    number: str = "integer"
    planar: bool = False
    #: Bits of a palette's entries, and whether they are in segments.
    palette_bits: int = 0
    segmented: bool = False

    @property
    def name(self) -> str:
        if self.number != "integer":
            return f"{self.photometric}, {self.number}"
        parts = [self.photometric, f"{self.stored} of {self.allocated} bits"]
        parts += ["signed"] * self.signed + ["in planes"] * self.planar
        if self.palette_bits:
            parts.append(f"entries of {self.palette_bits} bits" + (" in segments" if self.segmented else ""))
        return ", ".join(parts)

    @property
    def is_gray(self) -> bool:
        return self.photometric.startswith("MONOCHROME")

    @property
    def channels(self) -> int:
        return 1 if self.is_gray or self.photometric == "PALETTE COLOR" else 3

    @property
    def columns(self) -> int:
        # Two pixels share a colour.
        return COLUMNS + 1 if self.photometric == "YBR_FULL_422" else COLUMNS

    @property
    def range(self) -> tuple[int, int]:
        half = 1 << (self.stored - 1)
        return (-half, half - 1) if self.signed else (0, 2 * half - 1)


MONOCHROME = [
    Kind("MONOCHROME2", 1, 1),
    Kind("MONOCHROME2", 8, 8),
    Kind("MONOCHROME1", 8, 8),
    Kind("MONOCHROME2", 8, 8, signed=True),
    Kind("MONOCHROME2", 16, 10),
    Kind("MONOCHROME2", 16, 12),
    Kind("MONOCHROME1", 16, 12),
    Kind("MONOCHROME2", 16, 12, signed=True),
    Kind("MONOCHROME2", 16, 14),
    Kind("MONOCHROME2", 16, 14, signed=True),
    Kind("MONOCHROME2", 16, 16),
    Kind("MONOCHROME2", 16, 16, signed=True),
    Kind("MONOCHROME2", 32, 32),
    Kind("MONOCHROME2", 32, 32, signed=True),
    Kind("MONOCHROME2", 32, 20),
    Kind("MONOCHROME2", 32, 32, number="float"),
    Kind("MONOCHROME2", 64, 64, number="double"),
]
COLOUR = [
    Kind("RGB", 8, 8),
    Kind("RGB", 8, 8, planar=True),
    Kind("RGB", 16, 16),
    Kind("RGB", 16, 12),
    Kind("YBR_FULL", 8, 8),
    Kind("YBR_FULL_422", 8, 8),
    Kind("PALETTE COLOR", 8, 8, palette_bits=8),
    Kind("PALETTE COLOR", 8, 8, palette_bits=16),
    Kind("PALETTE COLOR", 8, 8, palette_bits=16, segmented=True),
    Kind("PALETTE COLOR", 16, 16, palette_bits=16),
]
#: Entries of a palette, and the input of the first.
PALETTE_ENTRIES, PALETTE_FIRST = 200, 20


def values(kind: Kind, frames: int, name: str) -> numpy.ndarray:
    """Stored values, frames x rows x columns (x 3): waves and noise, from the lowest to the highest value."""
    noise = numpy.random.default_rng(zlib.crc32(name.encode()))
    shape = (frames, ROWS, kind.columns, kind.channels)
    frame, row, column, channel = numpy.indices(shape)
    waves = numpy.sin(column / 4 + 2 * channel + frame) + numpy.cos(row / 3 - channel)
    waves = waves + noise.normal(0, 0.02, shape)
    waves = (waves - waves.min()) / (waves.max() - waves.min())
    if kind.channels == 1:
        waves = waves[..., 0]
    if kind.number != "integer":
        return (waves * 3000 - 1000).astype("f4" if kind.number == "float" else "f8")
    if kind.photometric == "PALETTE COLOR":
        # Beyond both ends of the palette.
        return numpy.rint(waves * (PALETTE_ENTRIES + 2 * PALETTE_FIRST)).astype(f"u{kind.allocated // 8}")
    low, high = kind.range
    whole = numpy.rint(low + waves * (high - low)).astype("i8")
    if kind.photometric == "YBR_FULL_422":
        whole[:, :, 1::2, 1:] = whole[:, :, ::2, 1:]
    return whole.astype(f"{'i' if kind.signed else 'u'}{max(kind.allocated, 8) // 8}")


def colour_table(channel: int, bits: int) -> numpy.ndarray:
    """One colour's entries of a palette."""
    steps = numpy.arange(PALETTE_ENTRIES)
    # Straight pieces, as segments have them.
    entries = [steps, 199 - steps, numpy.minimum(steps, 100)][channel]
    return entries * (300 if bits == 16 else 1)


def _segments(channel: int) -> list[int]:
    entries = [int(entry) for entry in colour_table(channel, 16)]
    if channel < 2:
        return [0, 1, entries[0], 1, PALETTE_ENTRIES - 1, entries[-1]]
    return [0, 1, entries[0], 1, 100, entries[100], 1, PALETTE_ENTRIES - 101, entries[-1]]


def _add_palette(data_set: Dataset, kind: Kind) -> None:
    for channel, colour in enumerate(("Red", "Green", "Blue")):
        descriptor = [PALETTE_ENTRIES, PALETTE_FIRST, kind.palette_bits]
        setattr(data_set, f"{colour}PaletteColorLookupTableDescriptor", descriptor)
        entries = colour_table(channel, kind.palette_bits)
        if kind.segmented:
            name, coded = f"Segmented{colour}PaletteColorLookupTableData", numpy.array(_segments(channel))
        else:
            name, coded = f"{colour}PaletteColorLookupTableData", entries
        setattr(data_set, name, coded.astype("<u2" if kind.palette_bits == 16 else "u1").tobytes())


def packed(frames: numpy.ndarray, kind: Kind, big_endian: bool = False) -> bytes:
    """Uncompressed pixels, without padding."""
    if kind.allocated == 1:
        return numpy.packbits(frames.reshape(-1).astype("u1"), bitorder="little").tobytes()
    if kind.photometric == "YBR_FULL_422":
        pairs = frames.reshape(-1, 2, 3)
        return numpy.stack([pairs[:, 0, 0], pairs[:, 1, 0], pairs[:, 0, 1], pairs[:, 0, 2]], -1).astype("u1").tobytes()
    if kind.planar:
        frames = numpy.moveaxis(frames, -1, -3)
    if frames.dtype.kind == "i" and kind.stored < kind.allocated:
        # The bits above the stored ones are those of no sign, as the standard leaves them open.
        frames = frames.view(f"u{frames.itemsize}") & ((1 << kind.stored) - 1)
    return frames.astype(frames.dtype.newbyteorder(">" if big_endian else "<")).tobytes()


def data_set(kind: Kind, frames: int) -> Dataset:
    """A data set without pixels."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = "1.2.3.4"
    made.PatientName, made.PatientID, made.Modality = "None", "1", "OT"
    made.StudyInstanceUID, made.SeriesInstanceUID = "1.2.3", "1.2.3.5"
    made.Rows, made.Columns = ROWS, kind.columns
    made.SamplesPerPixel = kind.channels
    if kind.channels == 3:
        made.PlanarConfiguration = int(kind.planar)
    made.PhotometricInterpretation = kind.photometric
    made.BitsAllocated = kind.allocated
    if kind.number == "integer":
        made.BitsStored, made.HighBit = kind.stored, kind.stored - 1
        made.PixelRepresentation = int(kind.signed)
    if frames > 1:
        made.NumberOfFrames = frames
    if kind.photometric == "PALETTE COLOR":
        _add_palette(made, kind)
    return made


def lut_sequence(first: int, entries: numpy.ndarray, bits: int, signed: bool) -> Sequence:
    """A Modality or a VOI LUT Sequence of one table."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if signed else "US", [len(entries), first, bits])
    item.ModalityLUTType = "US"
    item.add_new("LUTData", "OW", entries.astype("<u2").tobytes())
    return Sequence([item])
