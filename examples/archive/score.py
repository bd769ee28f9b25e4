#!/usr/bin/env python3
"""Scores an archive of images with one model, on this machine or a Ray cluster. Not a medical device. See README.md."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from types import FrameType
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
try:
    import lesionlens
except ModuleNotFoundError:
    sys.path.insert(0, str(HERE.parents[1] / "bindings" / "python"))
    import lesionlens

import cluster  # noqa: E402
import pyarrow  # noqa: E402
from dicomweb import DicomWeb  # noqa: E402
from rows import PASSING, RESULTS, WORKER, names  # noqa: E402
from sources import Item, Source, SourceError, open_folder  # noqa: E402
from store import Store, StoreError  # noqa: E402
from worker import MemoryFile, Settings, provenance  # noqa: E402

SECONDS_BETWEEN_LINES = 10.0


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    made.add_argument("source", help="a folder of images, a folder with labels.csv and images/, or a DICOMweb address")
    made.add_argument("--model", type=Path, required=True, metavar="FILE", help="read on this machine only")
    made.add_argument("--out", type=Path, required=True, metavar="DIRECTORY", help="Parquet parts; made when absent")
    made.add_argument("--address", help='of a Ray cluster, or "auto" on one of its machines; default: this machine')
    made.add_argument("--workers", type=positive, help="default: one for each machine")
    made.add_argument("--threads", type=positive, help="of each worker; default: all processors, shared out")
    made.add_argument("--batch", type=positive, default=32, help="images through the network at once (%(default)s)")
    made.add_argument("--items-per-task", type=positive, default=32, help="done again when a worker dies (%(default)s)")
    made.add_argument("--attempts", type=positive, default=5, help="to read an item (%(default)s)")
    made.add_argument("--engine", default="auto", help="see lens_init_options.engine; the same bits on every machine")
    made.add_argument("--checkpoint-seconds", type=float, default=30.0, help="between parts (%(default)s)")
    for name, example in (("studies", "ModalitiesInStudy=XA"), ("instances", "Modality=XA")):
        made.add_argument(
            f"--{name}", type=attribute, action="append", default=[], metavar="KEYWORD=VALUE",
            help=f"which {name} of a DICOMweb server, such as {example}; may be repeated",
        )  # fmt: skip
    return made


def positive(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return int(text)


def attribute(text: str) -> tuple[str, str]:
    keyword, separator, value = text.partition("=")
    if not (keyword and separator):
        raise argparse.ArgumentTypeError(f'"{text}" is not KEYWORD=VALUE')
    return keyword, value


class Meter:
    """Progress on standard error, and figures for the end."""

    def __init__(self, items: int) -> None:
        self._items = items
        self._start = self._last = time.monotonic()
        self._first: tuple[float, int] | None = None
        self.done = self.images = self.errors = self.passing = 0

    def count(self, table: pyarrow.Table) -> None:
        now = time.monotonic()
        kinds = table["error_kind"].to_pylist()
        self.done += len(names(table))
        self.images += kinds.count(None)
        self.errors += len(kinds) - kinds.count(None)
        self.passing += sum(kind in PASSING for kind in kinds)
        # Workers load the model before their first images.
        self._first = self._first or (now, self.images)
        if now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            left = (now - self._start) / self.done * (self._items - self.done) / 60
            print(
                f"{self.done} of {self._items} items, {self.errors} errors, {self.rate():.1f} images/s, "
                f"{left:.0f} min left",
                file=sys.stderr,
                flush=True,
            )

    def rate(self) -> float:
        """Images a second since the first came."""
        if self._first is None:
            return 0.0
        seconds = time.monotonic() - self._first[0]
        return (self.images - self._first[1]) / seconds if seconds > 0 else 0.0


def open_source(arguments: argparse.Namespace) -> Source:
    if arguments.source.startswith(("http://", "https://")):
        return DicomWeb(arguments.source, dict(arguments.studies), dict(arguments.instances))
    if arguments.studies or arguments.instances:
        raise SourceError("--studies and --instances are for DICOMweb servers, not for folders")
    return open_folder(Path(arguments.source))


def died(item: Item, known: dict[str, Any]) -> dict[str, Any]:
    return {
        **known,
        "item": item.item,
        "frame": item.frame,
        "given_label": item.given_label,
        "error": f"its worker failed or died {1 + cluster.RETRIES} times in a row; Ray's logs say more",
        "error_kind": WORKER,
        "scored_at": datetime.now(timezone.utc),
    }


def results(
    items: list[Item], model: bytes, source: Source, arguments: argparse.Namespace, known: dict[str, Any]
) -> Iterator[pyarrow.Table]:
    """Results of all items, once each. What fails among others is tried once more alone."""
    workers, threads = cluster.share_out(arguments.workers, arguments.threads)
    settings = Settings(threads, arguments.batch, arguments.attempts, arguments.engine)
    left = {item.item: item for item in items}
    for per_task in (arguments.items_per_task, 1):
        if left:
            for table in cluster.scored(list(left.values()), per_task, model, source, workers, settings):
                for name in names(table):
                    del left[name]
                yield table
    if left:
        yield pyarrow.Table.from_pylist([died(item, known) for item in left.values()], schema=RESULTS)


def run(arguments: argparse.Namespace) -> int:
    source = open_source(arguments)
    model = arguments.model.read_bytes()
    # Loaded here too, so that a model that is none is said before anything starts.
    with lesionlens.Context(device="cpu", engine=arguments.engine) as context:
        file = MemoryFile(model)
        known = provenance(context.load_model(file.path), source)
        known |= {"libtorch": context.describe()["libtorch"]}
    identity = {name: known[name] for name in ("source", "model_sha256", "threshold", "temperature")}
    with Store(arguments.out, identity, arguments.checkpoint_seconds) as store:
        # By name, because a table may name an image twice.
        items = list({item.item: item for item in source.items() if item.item not in store.finished}.values())
        print(f"{len(store.finished)} items are done, {len(items)} to do", file=sys.stderr, flush=True)
        if not items:
            return 0
        cluster.connect(arguments.address)
        meter = Meter(len(items))
        for table in results(items, model, source, arguments, known):
            store.add(table)
            meter.count(table)
    speed = f", {meter.rate():.1f} images/s once workers ran" if meter.rate() > 0 else ""
    print(f"{meter.images} images scored, {meter.errors} errors{speed}")
    if meter.passing:
        print(f"{meter.passing} items could not be got or scored: the same command tries them again", file=sys.stderr)
        return 1
    return 0


def interrupted(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def main(given: list[str] | None = None) -> int:
    arguments = parser().parse_args(given)
    signal.signal(signal.SIGTERM, interrupted)
    try:
        return run(arguments)
    except KeyboardInterrupt:
        print("interrupted; what is finished is kept, and the same command goes on from there", file=sys.stderr)
        return 130
    except (SourceError, StoreError, cluster.ClusterError, lesionlens.LensError, OSError) as error:
        print(f"score.py: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
