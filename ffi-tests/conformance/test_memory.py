"""That a frame of a file of many takes the memory of a frame."""

from __future__ import annotations

import tempfile
import unittest
from pathlib import Path

from test_conformance import MISSING, setUpModule  # noqa: F401 (left out together)

if not MISSING:
    import numpy
    import run
    from codings import CODINGS
    from ours import Ours
    from pixels import Kind, data_set
    from pydicom.encaps import encapsulate

SIDE, FRAMES = 512, 2000
FRAME = SIDE * SIDE * 2


class Memory(unittest.TestCase):
    """Growth of a process's peak, in bytes, while it reads one frame."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.ours = self.enterContext(Ours(run.PROGRAM))

    def _header(self, frames: int):
        made = data_set(Kind("MONOCHROME2", 16, 12), frames)
        made.Rows = made.Columns = SIDE
        return made

    def _growth(self, path: Path, frame: int) -> int:
        process = Path(f"/proc/{self.ours.process.pid}")
        # Sets the peak to what there is now.
        (process / "clear_refs").write_text("5")
        before = self._kilobytes(process, "VmHWM")
        self.ours.ask({"path": str(path), "frames": [frame]})
        return (self._kilobytes(process, "VmHWM") - before) * 1024

    @staticmethod
    def _kilobytes(process: Path, name: str) -> int:
        lines = (process / "status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith(name))

    def _compare(self, one: Path, many: Path) -> None:
        self.ours.ask({"path": str(one), "frames": [0]})
        alone = self._growth(one, 0)
        for frame in (0, FRAMES // 2, FRAMES - 1):
            growth = self._growth(many, frame)
            self.assertLess(growth, alone + FRAME, f"frame {frame} of {many.name}; a frame alone: {alone}")
        self.assertLess(alone, 10 * FRAME)

    def test_uncompressed(self) -> None:
        paths = []
        for frames in (1, FRAMES):
            made = self._header(frames)
            made.PixelData = b"\0\0"
            made["PixelData"].VR = "OW"
            path = self.folder / f"{frames}.dcm"
            made.save_as(path, enforce_file_format=True)
            whole = path.read_bytes()[:-6] + (frames * FRAME).to_bytes(4, "little")
            path.write_bytes(whole)
            # What is not written takes no place on the disk.
            with path.open("r+b") as file:
                file.truncate(len(whole) + frames * FRAME)
            paths.append(path)
        self._compare(*paths)

    def test_run_length_coded(self) -> None:
        coding = next(coding for coding in CODINGS if coding.name == "RLE Lossless" and coding.encode)
        flat = numpy.full((SIDE, SIDE), 1000, "u2")
        stream, _ = coding.encode(flat, Kind("MONOCHROME2", 16, 12))
        for has_table in (True, False):
            paths = []
            for frames in (1, FRAMES):
                made = self._header(frames)
                made.file_meta.TransferSyntaxUID = coding.syntax
                made.PixelData = encapsulate([stream] * frames, has_bot=has_table)
                made["PixelData"].VR = "OB"
                made["PixelData"].is_undefined_length = True
                paths.append(self.folder / f"{frames}-{has_table}.dcm")
                made.save_as(paths[-1], enforce_file_format=True)
            self._compare(*paths)


if __name__ == "__main__":
    unittest.main()
