"""Reading frames of DICOM files beside pydicom (with pylibjpeg, pyjpegls and Pillow) and DCMTK.

    bench_read.py [--rounds N] [--frames N]

512 x 512 pixels of 16 bits (8 for JPEG Baseline, 12 for Extended) in each transfer syntax, and a cine of 96 frames where it
is, in ../shared/data/dicom. Ours opens the file for each frame, as pydicom does, and the time of a round is the median of its
frames; DCMTK's programs convert whole files, so that its time is that of the frames after the first, written out again, the
least of three. Rounds take turns. Printed are medians of milliseconds
for a frame, and the medians over rounds of their time / ours.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "ffi-tests/conformance"))

import pixels  # noqa: E402
import pydicom  # noqa: E402
from codings import CODINGS, Coding, write  # noqa: E402
from ours import Ours, Refused  # noqa: E402
from pydicom.encaps import encapsulate, generate_frames  # noqa: E402
from pydicom.pixels import pixel_array  # noqa: E402
from run import PROGRAM, SHARED  # noqa: E402

CINE = SHARED / "data/dicom/xa-coronary-cine-96x512x512-8bit-jpeg.dcm"


def kind_for(coding: Coding) -> pixels.Kind:
    if "Baseline" in coding.name or "Recompression" in coding.name:
        return pixels.Kind("MONOCHROME2", 8, 8)
    return pixels.Kind("MONOCHROME2", 16, 12 if "Extended" in coding.name or "progressive" in coding.name else 16)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def of_pydicom(path: Path, frames: int) -> float:
    def read(frame: int) -> None:
        try:
            pixel_array(path, index=frame)
        except AttributeError:
            # Of deflated files it takes data sets only.
            pixel_array(pydicom.dcmread(path), index=frame)

    return median(seconds(lambda: read(frame)) for frame in range(frames))


def of_dcmtk(program: str, one: Path, many: Path, frames: int, output: Path) -> float:
    options = ["+te"] if program == "dcmconv" else []
    command = [program, *options]
    spent = [min(seconds(lambda: subprocess.run([*command, path, output], check=True, capture_output=True))
                 for _ in range(3)) for path in (one, many)]
    return (spent[1] - spent[0]) / (frames - 1)


def compared(name: str, ours: Ours, one: Path, many: Path, frames: int, program: str | None, rounds: int) -> str:
    found: dict[str, list[float]] = {"ours": [], "pydicom": [], "DCMTK": []}
    for _ in range(rounds):
        found["ours"].append(median(ours.ask({"path": str(many), "frames": list(range(frames))})["seconds"]))
        try:
            found["pydicom"].append(of_pydicom(many, frames))
        except (NotImplementedError, RuntimeError, ValueError):
            pass
        if program:
            found["DCMTK"].append(of_dcmtk(program, one, many, frames, one.with_suffix(".out")))
    cells = [f"{1000 * median(found['ours']):.2f}"]
    for reference in ("pydicom", "DCMTK"):
        times = found[reference]
        ratio = median(theirs / mine for theirs, mine in zip(times, found["ours"])) if times else 0
        cells.append(f"{1000 * median(times):.2f} ({ratio:.1f})" if times else "-")
    return f"{name:44} {cells[0]:>8} {cells[1]:>16} {cells[2]:>16}"


def cine(folder: Path) -> Path:
    """Its first frame alone."""
    one = folder / "cine.dcm"
    made = pydicom.dcmread(CINE)
    stream = next(generate_frames(made.PixelData, number_of_frames=int(made.NumberOfFrames)))
    made.NumberOfFrames = 1
    made.PixelData = encapsulate([stream])
    made.save_as(one)
    return one


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--frames", type=int, default=16)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    pixels.ROWS = pixels.COLUMNS = 512
    print(f"{'milliseconds for a frame (times ours)':44} {'ours':>8} {'pydicom':>16} {'DCMTK':>16}")
    with tempfile.TemporaryDirectory() as directory, Ours(PROGRAM) as ours:
        folder = Path(directory)
        if CINE.exists():
            print(compared("cine, JPEG Baseline", ours, cine(folder), CINE, 96, "dcmdjpeg", arguments.rounds), flush=True)
        else:
            print(f"left out: {CINE.name} (not in ../shared/data/dicom)")
        done = set()
        for coding in CODINGS:
            kind = kind_for(coding)
            paths = []
            if coding.name in done or "predictor 3" <= coding.name[-11:] <= "predictor 7":
                continue
            for frames in (1, arguments.frames):
                paths.append(folder / f"{frames}.dcm")
                if not write(paths[-1], coding, kind, pixels.values(kind, frames, "bench"), lambda made: None):
                    break
            else:
                done.add(coding.name)
                program = coding.decoder[0] if coding.decoder else None
                try:
                    print(compared(coding.name, ours, *paths, arguments.frames, program, arguments.rounds), flush=True)
                except Refused as reason:
                    print(f"{coding.name}: {reason}")


if __name__ == "__main__":
    main()
