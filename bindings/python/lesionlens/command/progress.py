"""A bar with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING

from ..progress import Progress
from .console import Console, console

if TYPE_CHECKING:
    from typing_extensions import Self

_BAR_MINIMUM, _BAR_MAXIMUM = 10, 40
_TERMINAL_INTERVAL, _LINE_INTERVAL = 0.1, 5.0
_ACTIVITIES = {
    "load": "reading images",
    "train": "training",
    "validate": "validating",
    "classify": "classifying",
    "heatmap": "drawing heatmaps",
    "evaluate": "evaluating",
}


def duration(seconds: float) -> str:
    whole = math.floor(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole // 60 % 60:02} min"
    return f"{whole // 86400} d {whole // 3600 % 24:02} h"


@dataclass(frozen=True)
class View:
    """What is shown of a progress."""

    activity: str
    done: int
    total: int
    share: float
    epoch: int = 0
    epochs: int = 0
    loss: float = math.nan
    metric: float = math.nan
    seconds_left: float = -1

    def head(self) -> str:
        return f"epoch {self.epoch}/{self.epochs} {self.activity}" if self.epoch else self.activity

    def parts(self, metric_name: str | None) -> dict[str, str]:
        """In order of appearance, without those that are unknown."""
        parts = {"counts": f"{self.done}/{self.total}"}
        if math.isfinite(self.loss):
            parts["loss"] = f"loss {self.loss:.4f}"
        if metric_name is not None and math.isfinite(self.metric):
            parts["metric"] = f"{metric_name} {self.metric:.4f}"
        if 0 <= self.seconds_left < math.inf:
            parts["left"] = f"{duration(self.seconds_left)} left"
        return parts

    def line(self, metric_name: str | None) -> str:
        counts, *others = self.parts(metric_name).values()
        return ", ".join([f"{self.head()}: {counts} ({self.percent()} %)", *others])

    def bar(self, metric_name: str | None, columns: int) -> str:
        # A character in the last column makes some terminals wrap.
        columns -= 1
        parts = self.parts(metric_name)

        def width() -> int:
            return len(self.head()) + len("  100 %") + sum(2 + len(part) for part in parts.values())

        for name in ("metric", "loss", "counts"):
            if width() + len("  []") + _BAR_MINIMUM > columns:
                parts.pop(name, None)
        # The time left matters more than the bar, so it only goes when even that does not make room for it.
        if width() > columns:
            parts.pop("left", None)
        room = min(columns - width() - len("  []"), _BAR_MAXIMUM)
        text = self.head()
        if room >= _BAR_MINIMUM:
            filled = int(self.share * room)
            text += f"  [{'#' * filled}{'-' * (room - filled)}]"
        return "  ".join([f"{text}  {self.percent():3} %", *parts.values()])[: max(columns, 0)]

    def percent(self) -> int:
        return int(self.share * 100)

    def is_complete(self) -> bool:
        return 0 < self.total <= self.done

    def continues(self, last: View) -> bool:
        """Whether this is a later report of the same activity; it may come twice in a row, as reading two data sets."""
        same = (self.activity, self.epoch, self.total) == (last.activity, last.epoch, last.total)
        return same and self.done >= last.done


class Bar:
    """Shows what a call's progress callback is told. A call may be one of several: see part()."""

    def __init__(self, quiet: bool, metric_name: str | None = None, shown_on: Console = console) -> None:
        self._quiet = quiet
        self._metric_name = metric_name
        self._console = shown_on
        self._terminal = shown_on.is_terminal()
        self._start = time.monotonic()
        self._before, self._count, self._all = 0, 0, 0
        self._last: View | None = None
        self._last_is_shown = False
        self._shown_at = -math.inf

    def part(self, before: int, count: int, total: int) -> None:
        """What follows is about `count` files of `total`, `before` of which are done."""
        self._before, self._count, self._all = before, count, total

    def __call__(self, progress: Progress) -> None:
        share = min(progress.done / progress.total, 1) if progress.total else 0
        activity = _ACTIVITIES.get(progress.phase, "working")
        if self._all:
            done = self._before + share * self._count
            self._show(self._estimated(activity, int(done), self._all, done / self._all))
            return
        loss, metric, left = progress.loss, progress.metric, progress.seconds_left
        counts = (progress.done, progress.total, share, progress.epoch, progress.epochs)
        self._show(View(activity, *counts, loss, metric, left))

    def step(self, activity: str, done: int, total: int) -> None:
        """Progress of something that is no call of the library's."""
        self._show(self._estimated(activity, done, total, done / total))

    def end(self) -> None:
        self._last = None
        self._console.end_line()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def _estimated(self, activity: str, done: int, total: int, share: float) -> View:
        left = (time.monotonic() - self._start) * (1 - share) / share if share > 0 else -1.0
        return View(activity, done, total, share, seconds_left=left)

    def _show(self, view: View) -> None:
        if self._quiet:
            return
        last = self._last
        if last is not None and not view.continues(last):
            if not self._last_is_shown:
                self._draw(last)
            self.end()
            last = None
        told_end = last is not None and self._last_is_shown and last.is_complete()
        interval = _TERMINAL_INTERVAL if self._terminal else _LINE_INTERVAL
        due = time.monotonic() - self._shown_at >= interval or (view.is_complete() and not told_end)
        if due:
            self._draw(view)
        # A later report of an end that was shown already is shown, too.
        self._last_is_shown = due or (told_end and view.is_complete())
        self._last = view

    def _draw(self, view: View) -> None:
        if self._terminal:
            self._console.draw_line(view.bar(self._metric_name, self._console.columns()))
        else:
            self._console.message(view.line(self._metric_name))
        self._shown_at = time.monotonic()
