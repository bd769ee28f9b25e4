#!/usr/bin/env python3
"""Measures throughput on this machine with one worker and with two: draws gray images, scores them, prints a table."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy
import score

# After score, which finds the package.
import cluster  # isort: skip
import lesionlens  # isort: skip
from sources import Folder
from worker import Settings


def draw(folder: Path, count: int, side: int) -> None:
    """PNG files whose size in bytes is that of radiographs: noise on a smooth ground."""
    y, x = numpy.mgrid[:side, :side]
    for index in range(count):
        noise = numpy.random.default_rng(index).normal(0, 6, (side, side))
        pixels = 120 + 60 * numpy.sin(x / 40 + index) * numpy.cos(y / 60) + noise
        lesionlens.write_png(folder / f"{index:06}.png", numpy.clip(pixels, 0, 255).astype(numpy.uint8))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--model", type=Path, required=True, metavar="FILE")
    parser.add_argument("--images", type=score.positive, default=1000, help="%(default)s")
    parser.add_argument("--side", type=score.positive, default=512, help="pixels; %(default)s")
    parser.add_argument("--rounds", type=score.positive, default=3, help="of which the fastest counts; %(default)s")
    arguments = parser.parse_args()
    model = arguments.model.read_bytes()
    with tempfile.TemporaryDirectory(prefix="lesionlens-") as directory:
        draw(Path(directory), arguments.images, arguments.side)
        source = Folder(Path(directory))
        items = list(source.items())
        cluster.connect(None)
        processors = cluster.share_out(1, None)[1]
        rows = [(1, 1), (1, processors), (2, max(1, processors // 2))] if processors > 1 else [(1, 1)]
        print(f"{arguments.images} images of {arguments.side} x {arguments.side}, {processors} processors")
        print(f"{'workers':>8} {'threads of each':>16} {'images/s':>9} {'seconds with start':>19}")
        for workers, threads in rows:
            best, whole = 0.0, 0.0
            for _ in range(arguments.rounds):
                started = time.monotonic()
                meter = score.Meter(len(items))
                for table in cluster.scored(items, 32, model, source, workers, Settings(threads)):
                    meter.count(table)
                if meter.rate() > best:
                    best, whole = meter.rate(), time.monotonic() - started
            print(f"{workers:>8} {threads:>16} {best:>9.1f} {whole:>19.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
