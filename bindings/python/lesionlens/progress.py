"""Progress of long calls, and getting exceptions of callbacks across C."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Generator
from ctypes import CFUNCTYPE, POINTER, c_int32
from typing import Any, Callable, NamedTuple

import numpy

from . import errors
from ._structs import lens_phase, lens_progress, lens_progress_fn
from .cancel import CancelToken


class Progress(NamedTuple):
    """How far a call is. phase: "load", "train", "validate", "classify", "heatmap" or "evaluate"."""

    phase: str
    #: From 1; 0 outside training.
    epoch: int
    epochs: int
    #: Items of this phase done so far, and in all.
    done: int
    total: int
    #: Mean loss of the epoch so far; NaN where there is none.
    loss: float
    #: The figure that selects the best model, as of the last validation; NaN before the first.
    metric: float
    #: Estimated; negative while unknown.
    seconds_left: float


#: Called about once a batch, on the calling thread. False stops the call with Cancelled; an exception stops it and
#: comes out of it.
ProgressCallback = Callable[[Progress], Any]

# Without user_data, because it receives a generator's send(), which takes one argument; in C's calling convention a
# function may leave later arguments unread.
_send_fn = CFUNCTYPE(c_int32, POINTER(lens_progress))


class Watch:
    """Progress callback and cancel token of one call, kept alive until it is over."""

    def __init__(self, options: Any, progress: ProgressCallback | None, cancel: CancelToken | None) -> None:
        self._caught: list[BaseException] = []
        self._token = None if cancel is None else CancelToken._of("cancel", cancel)
        if self._token is not None:
            options.cancel = self._token.address
        # Ctrl-C reaches Python on the main thread only, and during a call only where Python code runs.
        if progress is not None or threading.current_thread() is threading.main_thread():
            reports = _reports(progress, self._caught)
            next(reports)
            self._callback = _send_fn(reports.send)
            options.progress = ctypes.cast(self._callback, lens_progress_fn)

    def check(self, status: int) -> None:
        """Raises what the callback raised, else what the status stands for."""
        if self._caught:
            raise self._caught.pop()
        errors.check(status)


def _reports(progress: ProgressCallback | None, caught: list[BaseException]) -> Generator[int, Any, None]:
    # A generator and no function: signals are handled where Python code is entered, which for a function is before
    # its try block (ctypes would print and drop the KeyboardInterrupt), for a generator at the yield within it.
    answer = 0
    while True:
        try:
            pointer = yield answer
            if progress is not None and not caught:
                report = pointer.contents
                phase = lens_phase.name_of(report.phase.value)
                told = Progress(phase, *(getattr(report, name) for name in Progress._fields[1:]))
                answered = progress(told)
                answer = int(isinstance(answered, (bool, numpy.bool_)) and not answered)
        except GeneratorExit:
            raise
        except BaseException as error:
            caught.append(error)
            answer = 1
