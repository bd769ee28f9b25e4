"""The same frames as pydicom and DCMTK read them."""

from __future__ import annotations

import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy
import pydicom
from ours import Refused
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array


class Pydicom:
    """pydicom with pylibjpeg, pyjpegls and Pillow."""

    name = "pydicom"

    def __init__(self) -> None:
        self._last: tuple[Path, Dataset] | None = None

    def forget(self) -> None:
        """The file has changed."""
        self._last = None

    def data_set(self, path: Path) -> Dataset:
        if not self._last or self._last[0] != path:
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self._last = path, pydicom.dcmread(path, force=True)
            except Exception as error:  # noqa: BLE001 (of whatever kind)
                raise Refused(f"{type(error).__name__}: {error}") from error
        return self._last[1]

    def stored(self, path: Path, frame: int) -> numpy.ndarray:
        """Stored values of gray pixels; red, green and blue."""
        data_set = self.data_set(path)
        if "transfer_syntax_uid" not in data_set.file_meta and "TransferSyntaxUID" not in data_set.file_meta:
            data_set.file_meta.TransferSyntaxUID = (
                uid.ImplicitVRLittleEndian if data_set.original_encoding[0] else uid.ExplicitVRLittleEndian)
        if data_set.get("BitsAllocated") == 1:
            # It takes single frames from whole bytes only.
            whole = self._quiet(lambda: pixel_array(data_set))
            return whole[frame] if whole.ndim == 3 else whole
        return self._quiet(lambda: pixel_array(data_set, index=frame))

    def seen(self, path: Path, frame: int, choice: int) -> numpy.ndarray:
        """0..1; of gray pixels without window None."""
        data_set = self.data_set(path)
        return self._quiet(lambda: self._seen(data_set, self.stored(path, frame), choice))

    def rescaled(self, path: Path, frame: int) -> numpy.ndarray:
        data_set = self.data_set(path)
        return self._quiet(lambda: apply_modality_lut(self.stored(path, frame), data_set))

    @staticmethod
    def _quiet(work):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return work()
        except (Refused, KeyboardInterrupt, SystemExit):
            raise
        # Plugins in Rust panic with an exception that is no Exception.
        except BaseException as error:  # noqa: BLE001
            raise Refused(f"{type(error).__name__}: {error}") from error

    @staticmethod
    def _seen(data_set: Dataset, stored: numpy.ndarray, choice: int) -> numpy.ndarray | None:
        if data_set.PhotometricInterpretation == "PALETTE COLOR":
            coloured = apply_color_lut(stored, data_set)
            return coloured / (65535 if coloured.dtype.itemsize == 2 else 255)
        if stored.ndim == 3:
            return stored / ((1 << data_set.BitsStored) - 1)
        if "WindowCenter" not in data_set and "VOILUTSequence" not in data_set:
            return None
        values = apply_voi_lut(apply_modality_lut(stored, data_set), data_set, index=choice)
        low, high = 0, (1 << data_set.BitsStored) - 1
        if data_set.PixelRepresentation:
            low, high = -(high + 1) // 2, high // 2
        if data_set.get("VOILUTSequence"):
            low, high = 0, (1 << data_set.VOILUTSequence[0].LUTDescriptor[2]) - 1
        elif data_set.get("ModalityLUTSequence"):
            low, high = 0, (1 << data_set.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
        elif "RescaleSlope" in data_set and "RescaleIntercept" in data_set:
            low, high = (end * data_set.RescaleSlope + data_set.RescaleIntercept for end in (low, high))
        seen = (values - float(low)) / (float(high) - float(low))
        shape = data_set.get("PresentationLUTShape")
        inverted = shape == "INVERSE" if shape else data_set.PhotometricInterpretation == "MONOCHROME1"
        return 1 - seen if inverted else seen


class Dcmtk:
    """DCMTK's command lines."""

    name = "DCMTK"

    def stored(self, path: Path, frame: int, programs: tuple[str, str]) -> numpy.ndarray:
        """Stored values of gray pixels."""
        with tempfile.NamedTemporaryFile(suffix=".dcm") as file:
            self._run([programs[0], *(["+te"] if programs[0] == "dcmconv" else []), path, file.name])
            return Pydicom().stored(Path(file.name), frame)

    def seen(self, path: Path, frame: int, program: str, options: list[str]) -> numpy.ndarray:
        """0..1."""
        with tempfile.NamedTemporaryFile(suffix=".pnm") as file:
            self._run([program, *options, "+F", str(frame + 1), "+opw", path, file.name])
            kind, sizes, most, samples = self._parsed(Path(file.name).read_bytes())
        shape = (sizes[1], sizes[0], 3) if kind == b"P3" else (sizes[1], sizes[0])
        if samples.size != numpy.prod(shape):
            raise Refused("it writes no whole image")
        return samples.reshape(shape) / most

    @staticmethod
    def _parsed(text: bytes) -> tuple[bytes, list[int], int, numpy.ndarray]:
        lines = text.split(b"\n", 4)
        if len(lines) < 4 or lines[0] not in (b"P2", b"P3"):
            raise Refused("it writes no image")
        lines = [lines[0], *(line for line in text.split(b"\n")[1:] if not line.startswith(b"#"))]
        sizes = [int(size) for size in lines[1].split()]
        samples = numpy.array(b" ".join(lines[3:]).split(), dtype="i8")
        return lines[0], sizes, int(lines[2]), samples

    @staticmethod
    def _run(command: list) -> None:
        done = subprocess.run(command, capture_output=True)
        # Half a picture comes with a warning and status 0.
        if done.returncode or done.stderr.strip().startswith((b"E:", b"F:")):
            reason = done.stderr.decode(errors="replace").strip().splitlines()
            raise Refused(f"{command[0]}: {reason[-1] if reason else done.returncode}")
