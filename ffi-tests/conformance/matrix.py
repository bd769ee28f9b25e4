"""The generated files: every coding with every kind of pixels, and every way to be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy
from codings import CODINGS, Coding, write
from display import NONE, Display, displays
from pixels import COLOUR, MONOCHROME, Kind, values

#: Kinds that are shown in every way, and the one that every coding has.
SHOWN = [kind for kind in MONOCHROME if kind.allocated > 1]
SHOWN_IN_ALL = Kind("MONOCHROME2", 16, 12)
FRAMES = (1, 3)


@dataclass(frozen=True)
class Generated:
    coding: Coding
    kind: Kind
    display: Display
    frames: int
    #: Of "coding" and "display", what the file is there for.
    table: str

    @property
    def name(self) -> str:
        by = f"{self.coding.name} by {self.coding.encoder}"
        return f"{by}; {self.kind.name}; {self.display.name}; {self.frames} frame(s)"

    @property
    def values(self) -> numpy.ndarray:
        return values(self.kind, self.frames, self.kind.name)

    def write(self, path: Path) -> bool:
        """False where the coding has no such pixels."""
        return write(path, self.coding, self.kind, self.values,
                     lambda made: self.display.add_to(made, self.kind, self.frames))


def generated() -> Iterator[Generated]:
    """Files that may be; some codings do not have all kinds."""
    explicit = next(coding for coding in CODINGS if coding.name == "Explicit VR Little Endian")
    for coding in CODINGS:
        for kind in MONOCHROME + COLOUR:
            # Predictors differ within a frame alone.
            for frames in FRAMES if "predictor" not in coding.name else (1,):
                yield Generated(coding, kind, NONE, frames, "coding")
    for kind in SHOWN:
        for display in displays(kind):
            if display != NONE:
                yield Generated(explicit, kind, display, 3 if display.per_frame else 1, "display")
    for coding in CODINGS:
        if coding != explicit and "predictor" not in coding.name:
            is_shallow = "Baseline" in coding.name or "Recompression" in coding.name
            kind = SHOWN_IN_ALL if not is_shallow else MONOCHROME[1]
            for display in displays(kind):
                if display != NONE and not _is_changed(coding, display):
                    yield Generated(coding, kind, display, 3 if display.per_frame else 1, "display")


def _is_changed(coding: Coding, display: Display) -> bool:
    """DCMTK's lossy encoders write other attributes of rescaling and tables than they read."""
    return bool(coding.dcmtk) and coding.loss is None and (display.slope is not None or display.has_table)
