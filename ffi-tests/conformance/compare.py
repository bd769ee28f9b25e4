"""Compares what lesionlens reads with what its references do, and with what was generated."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy
from display import Display, colour
from matrix import Generated
from ours import Frame, Ours, Refused
from references import Dcmtk, Pydicom

#: How far seen values may be from each other, and what 32-bit floats add to it.
SEEN = 1 / 255 + 1e-6
AGREES, DIFFERS, REFUSES = "agrees", "differs", "refuses"
GENERATED = "as generated"


@dataclass
class Result:
    name: str
    #: Outcome by reference; what has none cannot be compared.
    outcomes: dict[str, str] = field(default_factory=dict)
    #: Why not AGREES, by reference.
    reasons: dict[str, str] = field(default_factory=dict)

    def note(self, reference: str, outcome: str, reason: str = "") -> None:
        """Of several frames, the worst is remembered."""
        order = [AGREES, REFUSES, DIFFERS]
        before = self.outcomes.get(reference)
        if before is None or order.index(outcome) > order.index(before):
            self.outcomes[reference] = outcome
            if outcome != AGREES:
                self.reasons[reference] = reason


class Comparer:
    def __init__(self, ours: Ours) -> None:
        self.ours = ours
        self.pydicom, self.dcmtk = Pydicom(), Dcmtk()

    def generated(self, made: Generated, path: Path, with_dcmtk: bool) -> Result:
        result = Result(made.name)
        values = made.values
        for frame in range(made.frames):
            for choice in range(made.display.choices):
                try:
                    read = self.ours.read(path, frame, choice)
                except Refused as reason:
                    result.note("ours", REFUSES, str(reason))
                    return result
                self._with_generated(result, made, values[frame], read, frame, choice)
                self._with_pydicom(result, made, path, read, frame, choice)
                if with_dcmtk and made.coding.decoder and frame == made.frames - 1:
                    self._with_dcmtk(result, made, path, read, frame, choice)
        return result

    @staticmethod
    def _with_generated(
        result: Result, made: Generated, values: numpy.ndarray, read: Frame, frame: int, choice: int
    ) -> None:
        loss = made.coding.loss
        if loss is None:
            if made.coding.peer:
                Comparer._with_peer(result, made, made.coding.peer(made.coding.encode(values, made.kind)[0]), read)
            return
        if made.kind.is_gray:
            _check_stored(result, GENERATED, read, values, made, loss)
            if loss and made.display.modality_lut:
                return
            # What is lost of stored values is lost of what is seen.
            seen = made.display.seen(read.stored if loss else values, made.kind, frame, choice)
        else:
            seen = colour(values, made.kind)
        check(result, GENERATED, "seen", read.seen, seen, SEEN + (3 * loss / 255 if not made.kind.is_gray else 0))

    @staticmethod
    def _with_peer(result: Result, made: Generated, decoded: numpy.ndarray, read: Frame) -> None:
        if not made.kind.is_gray:
            check(result, GENERATED, "seen", read.seen, decoded / ((1 << made.kind.stored) - 1), SEEN)
        elif not made.display.modality_lut:
            check(result, GENERATED, "stored", read.stored, decoded, 1)

    def _with_pydicom(
        self, result: Result, made: Generated, path: Path, read: Frame, frame: int, choice: int
    ) -> None:
        loss = 1 if made.coding.loss is None else 0
        with refusals(result, "pydicom"):
            if made.kind.is_gray:
                stored = self.pydicom.stored(path, frame)
                _check_stored(result, "pydicom", read, stored, made, loss)
            seen = None if made.display.per_frame else self.pydicom.seen(path, frame, choice)
            if seen is not None:
                check(result, "pydicom", "seen", read.seen, seen, SEEN + _seen_loss(made, loss, choice))

    def _with_dcmtk(self, result: Result, made: Generated, path: Path, read: Frame, frame: int, choice: int) -> None:
        loss = 1 if made.coding.loss is None else 0
        with refusals(result, "DCMTK"):
            if made.kind.is_gray and choice == 0 and made.table == "coding":
                stored = self.dcmtk.stored(path, frame, made.coding.decoder)
                _check_stored(result, "DCMTK", read, stored, made, loss)
            options = dcmtk_options(made.display, made.kind.stored, choice) if made.kind.is_gray else []
            seen = self.dcmtk.seen(path, frame, made.coding.decoder[1], options)
            check(result, "DCMTK", "seen", read.seen, seen, SEEN + _seen_loss(made, loss, choice))


def dcmtk_options(display: Display, bits: int, choice: int) -> list[str]:
    if choice < len(display.windows):
        return ["+Wi", str(choice + 1)]
    if display.voi_lut:
        return ["+Wl", "1"]
    return ["+Wm"] if bits > 8 else []


class refusals:
    """Notes what a reference refuses."""

    def __init__(self, result: Result, reference: str) -> None:
        self.result, self.reference = result, reference

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if isinstance(error, Refused):
            self.result.note(self.reference, REFUSES, str(error))
            return True
        return False


def check(
    result: Result, reference: str, what: str, ours: numpy.ndarray, theirs: numpy.ndarray, most: float | numpy.ndarray
) -> None:
    if ours.shape != theirs.shape:
        result.note(reference, DIFFERS, f"{what}: {ours.shape}, not {theirs.shape}")
        return
    distance = numpy.abs(ours.astype("f8") - theirs.astype("f8"))
    if (distance > most).any():
        place = numpy.unravel_index(int(distance.argmax()), distance.shape)
        numbers = f"{ours[place]:.6g}, not {theirs[place]:.6g} at {tuple(map(int, place))}"
        result.note(reference, DIFFERS, f"{what}: {numbers}, {(distance > most).mean():.0%} of values")
    else:
        result.note(reference, AGREES)


def _has_modality(made: Generated) -> bool:
    return made.display.modality_lut is not None and not made.display.is_angiography


def _is_deep(made: Generated) -> bool:
    return made.kind.allocated > 16


def _check_stored(
    result: Result, reference: str, read: Frame, values: numpy.ndarray, made: Generated, loss: int
) -> None:
    most = _precision(read, made, loss)
    check(result, reference, "stored", _stored(read, made), _as_stored(values, made), most)


def _stored(read: Frame, made: Generated) -> numpy.ndarray:
    """Of deep values, which may be stored as distances from the window, what they are rescaled."""
    return read.rescaled if _is_deep(made) else read.stored


def _as_stored(values: numpy.ndarray, made: Generated) -> numpy.ndarray:
    """Stored values of a reference as ours are."""
    if _has_modality(made) or _is_deep(made):
        return made.display.rescaled(values)
    return values


def _precision(read: Frame, made: Generated, loss: int) -> float | numpy.ndarray:
    """How far stored values may differ: 32-bit floats carry 24 bits."""
    if not _is_deep(made):
        if loss and _has_modality(made):
            return loss * numpy.abs(numpy.diff(made.display.modality_lut[1])).max()
        return loss
    return numpy.abs(read.stored.astype("f8") * read.slope) * 2.0**-23 + 1e-12


def _seen_loss(made: Generated, loss: int, choice: int) -> float:
    """What a difference of stored values makes of seen ones."""
    if not loss:
        return 0
    if not made.kind.is_gray:
        # Two colours and their differences.
        return 3 / 255
    if made.display.modality_lut or made.display.voi_lut:
        return 0.05
    if not made.display.windows:
        return 2 / (1 << made.kind.stored)
    width = made.display.windows[min(choice, len(made.display.windows) - 1)][1]
    return 1.1 * abs(made.display.slope or 1) / max(width - 1, 1e-9)
