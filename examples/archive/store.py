"""The results on disk: Parquet parts, which are also the record of what is done."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow
import pyarrow.compute
import pyarrow.parquet
from rows import PASSING, RESULTS, names

_IDENTITY = b"lesionlens.archive"
_PART = "part-*.parquet"
# Parquet readers pass over names with a dot before them.
_LOCK, _TEMPORARY = ".lock", ".*.tmp"
MOST_ROWS = 100_000


class StoreError(Exception):
    """The directory cannot take these results."""


class Store:
    """A directory of parts. One process at a time; each part appears whole or not at all."""

    def __init__(self, directory: Path, identity: Mapping[str, Any], seconds: float = 30.0) -> None:
        """identity: what all results of a directory have in common. seconds: how old finished rows may grow before they
        are written."""
        self._directory = directory
        self._schema = RESULTS.with_metadata({_IDENTITY: json.dumps(dict(identity), sort_keys=True)})
        self._seconds = seconds
        self._waiting: list[pyarrow.Table] = []
        self._last = time.monotonic()
        self._number = 0
        self._run = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
        #: Items that need not be scored any more.
        self.finished: set[str] = set()
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = open(directory / _LOCK, "w")
        try:
            self._open(identity)
        except BaseException:
            self._lock.close()
            raise

    def _open(self, identity: Mapping[str, Any]) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(f"another process is writing to {self._directory}") from None
        # Of a process that was killed while it wrote.
        for path in self._directory.glob(_TEMPORARY):
            path.unlink()
        for path in sorted(self._directory.glob(_PART)):
            self._take_up(path, identity)

    def _take_up(self, path: Path, identity: Mapping[str, Any]) -> None:
        """Notes what is done, and takes out what is to be tried again: nothing is ever there twice."""
        schema = pyarrow.parquet.read_schema(path)
        found = json.loads((schema.metadata or {}).get(_IDENTITY, b"{}"))
        different = [name for name in identity if found.get(name) != identity[name]]
        if different:
            raise StoreError(
                f"{self._directory} has results of another run: "
                + "; ".join(f"{name} {found.get(name)}, now {identity[name]}" for name in different)
                + " (choose another directory for these)"
            )
        columns = pyarrow.parquet.read_table(path, columns=["item", "error_kind"], partitioning=None)
        passing = pyarrow.compute.is_in(columns["error_kind"], pyarrow.array(PASSING))
        again = names(columns.filter(passing))
        self.finished |= names(columns) - again
        if again:
            whole = pyarrow.parquet.read_table(path, partitioning=None)
            dropped = pyarrow.compute.is_in(whole["item"], pyarrow.array(sorted(again)))
            self._write(path, whole.filter(pyarrow.compute.invert(dropped)))

    def add(self, table: pyarrow.Table) -> None:
        """Takes all rows of some items, and writes when it is time to."""
        self._waiting.append(table)
        self.finished |= names(table)
        if (
            time.monotonic() - self._last >= self._seconds
            or sum(table.num_rows for table in self._waiting) >= MOST_ROWS
        ):
            self.flush()

    def flush(self) -> None:
        """Writes what waits."""
        if self._waiting:
            self._number += 1
            path = self._directory / f"part-{self._run}-{self._number:06}.parquet"
            self._write(path, pyarrow.concat_tables(self._waiting))
            self._waiting.clear()
        self._last = time.monotonic()

    def _write(self, path: Path, table: pyarrow.Table) -> None:
        temporary = path.with_name(f".{path.name}.tmp")
        with open(temporary, "wb") as file:
            pyarrow.parquet.write_table(table.cast(self._schema), file, compression="zstd")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What is finished is kept, however the block ended."""
        try:
            self.flush()
        finally:
            self._lock.close()
