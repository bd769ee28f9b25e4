"""Scores items: one model in one process, with threads that read and decode ahead of it."""

from __future__ import annotations

import hashlib
import json
import os
import socket
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any, NamedTuple, TypeVar

import lesionlens
import pyarrow
import tenacity
from rows import IMAGE, RESULTS, UNREAD
from sources import Item, ReadError, Source, TransientReadError

#: Items that are being read or lie in memory, read, before it is their turn.
READ_AHEAD = 4
FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS = 0.5, 30.0

_Input = TypeVar("_Input")
_Output = TypeVar("_Output")


class Settings(NamedTuple):
    """threads of one worker; batch: images that go through the network at once; attempts to read an item; engine as
    lesionlens.Context takes it."""

    threads: int
    batch: int = 32
    attempts: int = 5
    engine: str = "auto"


class MemoryFile:
    """A file that is on no disk, so that a worker that is killed leaves nothing of an archive behind. It is gone when
    nothing refers to it."""

    def __init__(self, data: bytes) -> None:
        self._number = os.memfd_create("item")
        self.path = f"/proc/self/fd/{self._number}"
        with open(self._number, "wb", closefd=False) as file:
            file.write(data)

    def __del__(self) -> None:
        os.close(self._number)


class Opened(NamedTuple):
    """An item whose first frame could be decoded."""

    item: Item
    file: MemoryFile
    sha256: str
    frames: range
    first: lesionlens.ImageFile


class Broken(Exception):
    """Of an item's bytes, whose hash is known."""

    def __init__(self, sha256: str, reason: BaseException) -> None:
        super().__init__(str(reason))
        self.sha256 = sha256


class Scorer:
    """From a table of rows.ITEMS to one of rows.RESULTS."""

    def __init__(self, model: bytes, source: Source, settings: Settings) -> None:
        self._source = source
        self._batch = settings.batch
        self._context = lesionlens.Context(device="cpu", threads=settings.threads, engine=settings.engine)
        file = MemoryFile(model)
        self._model = self._context.load_model(file.path)
        self._pool = ThreadPoolExecutor(settings.threads + 2)
        self._read = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(TransientReadError),
            wait=tenacity.wait_random_exponential(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS),
            stop=tenacity.stop_after_attempt(settings.attempts),
            reraise=True,
        )
        self._provenance = {
            **provenance(self._model, source),
            "libtorch": self._context.describe()["libtorch"],
            "host": socket.gethostname(),
            "worker": str(os.getpid()),
        }

    def __call__(self, table: pyarrow.Table) -> pyarrow.Table:
        rows: list[dict[str, Any]] = []
        batch: list[tuple[Opened, int, lesionlens.ImageFile]] = []
        items = [Item(**row) for row in table.to_pylist()]
        for (opened, frame), picture in _ahead(self._pool, _decode, self._frames(items, rows), self._batch):
            try:
                batch.append((opened, frame, picture.result()))
            except (lesionlens.LensError, MemoryError) as error:
                rows.append(self._failed(opened.item, frame, opened.sha256, _without_path(error, opened.file)))
            if len(batch) == self._batch:
                rows += self._classify(batch)
                batch.clear()
        rows += self._classify(batch)
        # Read at last: libtorch takes the compiled network's place when that proves wrong.
        engine, now = self._model.describe()["engine"], datetime.now(timezone.utc)
        rows = [{**self._provenance, "engine": engine, "scored_at": now, **row} for row in rows]
        return pyarrow.Table.from_pylist(rows, schema=RESULTS)

    def _frames(self, items: Iterable[Item], rows: list[dict[str, Any]]) -> Iterator[tuple[Opened, int]]:
        """All frames of the items; what cannot be opened becomes a row."""
        for item, opened in _ahead(self._pool, self._open, items, READ_AHEAD):
            try:
                found = opened.result()
            except ReadError as error:
                rows.append({**self._failed(item, item.frame, None, str(error)), "error_kind": UNREAD})
            except Broken as error:
                rows.append(self._failed(item, item.frame, error.sha256, str(error)))
            except MemoryError:
                rows.append(self._failed(item, item.frame, None, "memory ran out"))
            else:
                yield from ((found, frame) for frame in found.frames)

    def _open(self, item: Item) -> Opened:
        data = self._read(self._source.read, item.location)
        sha256 = hashlib.sha256(data).hexdigest()
        file = MemoryFile(data)
        try:
            first = lesionlens.ImageFile(file.path, item.frame or 0)
        except lesionlens.LensError as error:
            raise Broken(sha256, Exception(_without_path(error, file))) from error
        frames = range(first.frames) if item.frame is None else range(item.frame, item.frame + 1)
        return Opened(item, file, sha256, frames, first)

    def _classify(self, batch: list[tuple[Opened, int, lesionlens.ImageFile]]) -> list[dict[str, Any]]:
        try:
            predictions = self._model.classify([picture for _, _, picture in batch], batch_limit=self._batch)
        except (lesionlens.LensError, MemoryError) as error:
            if len(batch) == 1:
                opened, frame, _ = batch[0]
                return [self._failed(opened.item, frame, opened.sha256, str(error))]
            # One image that is refused fails the call; the others are scored without it.
            return [row for one in batch for row in self._classify([one])]
        return [
            {
                "item": opened.item.item,
                "frame": frame,
                "given_label": opened.item.given_label,
                "sha256": opened.sha256,
                "probability": prediction.probability,
                "logit": prediction.logit,
                "call": prediction.label,
            }
            for (opened, frame, _), prediction in zip(batch, predictions)
        ]

    def _failed(self, item: Item, frame: int | None, sha256: str | None, reason: str) -> dict[str, Any]:
        return {
            "item": item.item,
            "frame": frame,
            "given_label": item.given_label,
            "sha256": sha256,
            "error": reason,
            "error_kind": IMAGE,
        }


def provenance(model: lesionlens.Model, source: Source) -> dict[str, Any]:
    """The columns that are known before anything is scored."""
    described = model.describe()
    point = described["operating_point"]
    return {
        "source": source.name,
        "model_sha256": described["model_sha256"],
        "threshold": described["threshold"],
        "temperature": described["temperature"],
        "operating_point": None if point is None else json.dumps(point, sort_keys=True),
        "lesionlens": lesionlens.library_version,
    }


def _decode(wanted: tuple[Opened, int]) -> lesionlens.ImageFile:
    opened, frame = wanted
    return opened.first if frame == opened.frames[0] else lesionlens.ImageFile(opened.file.path, frame)


def _without_path(error: BaseException, file: MemoryFile) -> str:
    return str(error).removeprefix(f"{file.path}: ") or "memory ran out"


def _ahead(
    pool: ThreadPoolExecutor, function: Callable[[_Input], _Output], inputs: Iterable[_Input], depth: int
) -> Iterator[tuple[_Input, Future[_Output]]]:
    """The inputs in their order, with what becomes of them; `depth` more are worked on meanwhile."""
    waiting: deque[tuple[_Input, Future[_Output]]] = deque()
    for value in inputs:
        waiting.append((value, pool.submit(function, value)))
        if len(waiting) > depth:
            yield waiting.popleft()
    while waiting:
        yield waiting.popleft()
