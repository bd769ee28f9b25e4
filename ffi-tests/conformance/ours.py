"""Frames as lesionlens reads them, through the program `read_frame`, which stays open."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy

_TYPES = {"GRAY8": "u1", "GRAY16": "u2", "GRAY_S16": "i2", "GRAY_F32": "f4", "RGB8": "u1"}


class Refused(Exception):
    """A reader's reason for giving no pixels."""


@dataclass
class Frame:
    #: Rescaled values of gray pixels, in double precision; None for colours.
    rescaled: numpy.ndarray | None
    #: Stored values as the view has them.
    stored: numpy.ndarray
    #: 0..1, rows x columns (x 3).
    seen: numpy.ndarray
    frames: int
    slope: float
    intercept: float


class Ours:
    def __init__(self, program: Path) -> None:
        self._program = program
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Ours:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
            self.process = None

    def ask(self, request: dict) -> dict:
        if not self.process:
            pipe = subprocess.PIPE
            self.process = subprocess.Popen([self._program], stdin=pipe, stdout=pipe)
        self.process.stdin.write(json.dumps(request).encode() + b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            status = self.process.wait()
            self.process = None
            raise AssertionError(f"{self._program.name} ended with status {status} at {request}")
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(f"{answer['kind']}: {answer['error']}")
        return answer

    def read(self, path: Path, frame: int = 0, window: int = 0, full_range: bool = False) -> Frame:
        answer = self.ask({"path": str(path), "frame": frame, "window": window, "full_range": full_range})
        shape = answer["height"], answer["width"]
        stored = numpy.frombuffer(self._bytes(answer["stored_bytes"]), _TYPES[answer["format"]])
        channels = answer["channels"]
        seen = numpy.frombuffer(self._bytes(shape[0] * shape[1] * channels * 4), "f4")
        if channels == 3:
            shape = (*shape, 3)
        stored, seen = stored.reshape(shape), seen.reshape(shape).astype("f8")
        slope, intercept = answer["slope"], answer["intercept"]
        rescaled = stored.astype("f8") * slope + intercept if channels == 1 else None
        return Frame(rescaled, stored, seen, answer["frames"], slope, intercept)

    def _bytes(self, count: int) -> bytes:
        return self.process.stdout.read(count)
