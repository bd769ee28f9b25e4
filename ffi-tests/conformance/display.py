"""What is to be seen of stored values, by the standard's own formulas, and the attributes that say so."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy
from pixels import PALETTE_ENTRIES, PALETTE_FIRST, Kind, colour_table, lut_sequence
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import XRayAngiographicImageStorage


@dataclass(frozen=True)
class Display:
    name: str
    windows: tuple[tuple[float, float], ...] = ()
    function: str | None = None
    slope: float | None = None
    intercept: float | None = None
    #: First input, entries, bits.
    modality_lut: tuple[int, numpy.ndarray, int] | None = field(default=None, compare=False)
    voi_lut: tuple[int, numpy.ndarray, int] | None = field(default=None, compare=False)
    padding: int | None = None
    shape: str | None = None
    is_angiography: bool = False
    #: A window for each frame, in functional groups.
    per_frame: bool = False

    @property
    def has_table(self) -> bool:
        return self.modality_lut is not None or self.voi_lut is not None

    @property
    def choices(self) -> int:
        """Windows and tables to choose from."""
        return max(1, len(self.windows) + (self.voi_lut is not None))

    def add_to(self, data_set: Dataset, kind: Kind, frames: int) -> None:
        if self.is_angiography:
            data_set.SOPClassUID = data_set.file_meta.MediaStorageSOPClassUID = XRayAngiographicImageStorage
            data_set.Modality = "XA"
        if self.windows and self.per_frame:
            data_set.PerFrameFunctionalGroupsSequence = Sequence(
                [_functional_group(center + 10 * frame, width) for frame in range(frames)
                 for center, width in self.windows]
            )
        elif self.windows:
            centers, widths = ([window[part] for window in self.windows] for part in (0, 1))
            data_set.WindowCenter, data_set.WindowWidth = (centers, widths) if len(centers) > 1 else (*centers, *widths)
        if self.function:
            data_set.VOILUTFunction = self.function
        if self.slope is not None:
            data_set.RescaleSlope, data_set.RescaleIntercept, data_set.RescaleType = self.slope, self.intercept, "US"
        if self.modality_lut:
            data_set.ModalityLUTSequence = lut_sequence(*self.modality_lut, kind.signed)
        if self.voi_lut:
            data_set.VOILUTSequence = lut_sequence(*self.voi_lut, self.voi_lut[0] < 0)
            del data_set.VOILUTSequence[0].ModalityLUTType
        if self.padding is not None:
            data_set.add_new("PixelPaddingValue", "SS" if kind.signed else "US", self.padding)
        if self.shape:
            data_set.PresentationLUTShape = self.shape

    def rescaled(self, stored: numpy.ndarray) -> numpy.ndarray:
        """PS3.3 C.11.1; angiography has no modality transform for display (C.8.7.1)."""
        if self.is_angiography:
            return stored.astype("f8")
        if self.modality_lut:
            first, entries, _ = self.modality_lut
            return entries[numpy.clip(stored.astype("i8") - first, 0, len(entries) - 1)].astype("f8")
        return stored.astype("f8") * (1.0 if self.slope is None else self.slope) + (self.intercept or 0.0)

    def seen(self, stored: numpy.ndarray, kind: Kind, frame: int, choice: int) -> numpy.ndarray:
        """0..1 of a frame's stored values, gray."""
        values = self.rescaled(stored)
        if choice < len(self.windows):
            center, width = self.windows[choice]
            shown = curve(values, center + (10 * frame if self.per_frame else 0), width, self.function or "LINEAR")
        elif self.voi_lut:
            first, entries, bits = self.voi_lut
            places = numpy.clip(numpy.floor(values - first + 1e-6).astype("i8"), 0, len(entries) - 1)
            shown = entries[places] / ((1 << bits) - 1)
        else:
            shown = self._whole(values, stored, kind)
        inverted = self.shape == "INVERSE" if self.shape else kind.photometric == "MONOCHROME1"
        return 1 - shown if inverted else shown

    def _whole(self, values: numpy.ndarray, stored: numpy.ndarray, kind: Kind) -> numpy.ndarray:
        bits = self.modality_lut[2] if self.modality_lut and not self.is_angiography else kind.stored
        if kind.number == "integer" and bits <= 8:
            low, high = sorted(self.rescaled(numpy.array(kind.range)))
            if self.modality_lut:
                low, high = 0, (1 << bits) - 1
        else:
            counted = values if self.padding is None else values[stored != self.padding]
            low, high = counted.min(), counted.max()
        return numpy.clip((values - low) / (high - low), 0, 1)


def curve(values: numpy.ndarray, center: float, width: float, function: str) -> numpy.ndarray:
    """PS3.3 C.11.2.1.2 and C.11.2.1.3."""
    if function == "SIGMOID":
        return 1 / (1 + numpy.exp(-4 * (values - center) / width))
    if function == "LINEAR" and width >= 1:
        center, width = center - 0.5, width - 1
    if width == 0:
        return (values > center).astype("f8")
    return numpy.clip((values - center) / width + 0.5, 0, 1)


def _functional_group(center: float, width: float) -> Dataset:
    window, group = Dataset(), Dataset()
    window.WindowCenter, window.WindowWidth = center, width
    group.FrameVOILUTSequence = Sequence([window])
    return group


def colour(stored: numpy.ndarray, kind: Kind) -> numpy.ndarray:
    """0..1 of red, green and blue."""
    if kind.photometric == "PALETTE COLOR":
        places = numpy.clip(stored.astype("i8") - PALETTE_FIRST, 0, PALETTE_ENTRIES - 1)
        highest = (1 << kind.palette_bits) - 1
        return numpy.stack([colour_table(channel, kind.palette_bits)[places] / highest for channel in range(3)], -1)
    samples = stored.astype("f8")
    if kind.photometric.startswith("YBR"):
        # PS3.3 C.7.6.3.1.2.
        brightness, blue, red = samples[..., 0], samples[..., 1] - 128, samples[..., 2] - 128
        parts = [brightness + 1.402 * red, brightness - 0.344136 * blue - 0.714136 * red, brightness + 1.772 * blue]
        samples = numpy.clip(numpy.rint(numpy.stack(parts, -1)), 0, 255)
    return samples / ((1 << kind.stored) - 1)


NONE = Display("no window")


def displays(kind: Kind) -> list[Display]:
    """All ways to be seen, made for the range of the kind."""
    low, high = (-1000, 2000) if kind.number != "integer" else kind.range
    span = high - low + 1
    center, width = low + span * 0.45, span * 0.5
    if kind.number == "integer":
        center, width = float(int(center)), float(int(width))
    linear = Display("LINEAR", ((center, width),))
    found = [
        NONE,
        linear,
        replace(linear, name="LINEAR_EXACT", function="LINEAR_EXACT"),
        replace(linear, name="SIGMOID", function="SIGMOID"),
        replace(linear, name="several windows",
                windows=((center, width), (center / 2, width * 0.8), (center, width / 4))),
        replace(linear, name="width 1", windows=((center, 1.0),)),
        Display("rescaled, LINEAR", ((center * 0.5 - 100, max(width * 0.5, 2)),), slope=0.5, intercept=-100),
        Display("rescaled, no window", slope=2, intercept=-10),
        Display("negative slope, LINEAR", ((-center, width),), slope=-1, intercept=0),
        Display("width below 1, small slope", ((center * 1e-5, width * 1e-5),), slope=1e-5, intercept=0),
        replace(linear, name="Presentation LUT Shape IDENTITY", shape="IDENTITY"),
        replace(linear, name="Presentation LUT Shape INVERSE", shape="INVERSE"),
        replace(linear, name="angiography, rescaled", slope=0.5, intercept=7, is_angiography=True),
        replace(linear, name="window of each frame", per_frame=True),
    ]
    if kind.number != "integer":
        return found
    if kind.allocated <= 16:
        found.append(Display("padding, no window", padding=high if kind.signed else low))
        entries = min(1 << kind.stored, 4096)
        first = low + (0 if span <= 4096 else span // 3)
        root = numpy.rint(numpy.sqrt(numpy.arange(entries) / (entries - 1)) * 4095).astype("i8")
        square = numpy.rint((numpy.arange(entries) / (entries - 1)) ** 2 * 65535).astype("i8")
        table = Display("VOI LUT", voi_lut=(first, root, 12))
        modality = Display("Modality LUT, LINEAR", ((25000.0, 45000.0),), modality_lut=(first, square, 16))
        found += [
            table,
            replace(table, name="window and VOI LUT", windows=((center, width),)),
            modality,
            replace(modality, name="Modality LUT, no window", windows=()),
            replace(modality, name="angiography, Modality LUT", windows=((center, width),), is_angiography=True),
        ]
    return found
