"""The Ray side: a cluster, and items going through its workers."""

from __future__ import annotations

import importlib.metadata
import logging
import math
import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

# Both count when Ray is imported. It reports usage to its makers unless it is told not to.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DATA_LOG_LEVEL", "ERROR")

import lesionlens  # noqa: E402
import pyarrow  # noqa: E402
import ray  # noqa: E402
import ray.data  # noqa: E402
import ray.exceptions  # noqa: E402
from rows import ITEMS  # noqa: E402
from sources import Item, Source  # noqa: E402
from worker import Scorer, Settings  # noqa: E402

#: A task whose worker dies is done again by another, this often; then its items are tried one by one.
RETRIES = 1
#: Rows are small, and images never go through Ray's memory.
OBJECT_STORE_BYTES = 256 << 20


class ClusterError(Exception):
    """The cluster cannot do what was asked."""


def connect(address: str | None) -> None:
    """Joins the cluster at an address ("auto": the one that this machine is part of), or without one starts one that
    lives as long as this process. A process has one cluster: a second call keeps the first."""
    if ray.is_initialized():
        return
    # These modules travel to every machine.
    environment = {
        "working_dir": str(Path(__file__).resolve().parent),
        "excludes": ["__pycache__"],
        "env_vars": _package_variables(),
    }
    options: dict[str, Any] = {"runtime_env": environment, "logging_level": logging.WARNING}
    if address is None:
        options |= {"address": "local", "include_dashboard": False, "object_store_memory": OBJECT_STORE_BYTES}
    else:
        options |= {"address": address}
    try:
        ray.init(**options)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise ClusterError(f"cannot join the cluster at {address}: {error}") from error
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    # Blocks that fail are left out, and their items tried one by one.
    context.max_errored_blocks = -1


def _package_variables() -> dict[str, str]:
    """For workers to find the package where it is not installed; where it is, each machine has its own."""
    try:
        importlib.metadata.distribution("lesionlens")
        return {}
    except importlib.metadata.PackageNotFoundError:
        package = Path(lesionlens.__file__).resolve().parents[1]
        library = Path(lesionlens._library.find()).resolve()
        return {"PYTHONPATH": str(package), lesionlens._library.ENVIRONMENT: str(library)}


def share_out(workers: int | None, threads: int | None) -> tuple[int, int]:
    """How many workers and threads of each: one worker on each machine with all its processors, unless told otherwise.
    On machines of different sizes, those of the smallest."""
    machines = [int(node["Resources"].get("CPU", 0)) for node in _machines() if node["Alive"]]
    machines = [processors for processors in machines if processors > 0]
    if not machines:
        raise ClusterError("the cluster has no processors for work")
    workers = workers or len(machines)
    threads = threads or max(1, min(machines) // math.ceil(workers / len(machines)))
    places = sum(processors // threads for processors in machines)
    if places < workers:
        raise ClusterError(
            f"{workers} workers of {threads} threads need more processors than the cluster has: there is room for "
            f"{places} such workers on machines with {', '.join(map(str, machines))} processors"
        )
    return workers, threads


def _machines() -> list[dict[str, Any]]:
    return ray.nodes()  # type: ignore[no-untyped-call, no-any-return]


def scored(
    items: list[Item], per_task: int, model: bytes, source: Source, workers: int, settings: Settings
) -> Iterator[pyarrow.Table]:
    """Results as they come, in any order. Items of tasks that failed are missing."""
    parts = [items[first : first + per_task] for first in range(0, len(items), per_task)]
    blocks: Any = [pyarrow.Table.from_pylist([item._asdict() for item in part], schema=ITEMS) for part in parts]
    options: dict[str, Any] = {"max_restarts": -1, "max_task_retries": RETRIES}
    with warnings.catch_warnings():
        # Ray means to name all such options; these two have no other name yet.
        warnings.simplefilter("ignore", DeprecationWarning)
        dataset = ray.data.from_arrow(blocks).map_batches(
            Scorer,
            batch_size=None,
            batch_format="pyarrow",
            # One task in a worker and none that waits for it there: when a worker dies, it is that task's doing.
            compute=ray.data.ActorPoolStrategy(size=min(workers, len(blocks)), max_tasks_in_flight_per_actor=1),
            fn_constructor_args=(model, source, settings),
            num_cpus=settings.threads,
            **options,
        )
    try:
        tables: Iterable[Any] = dataset.iter_batches(batch_size=None, batch_format="pyarrow")
        yield from (table for table in tables if table.num_rows)
    except ray.exceptions.RayError as error:
        raise ClusterError(f"workers cannot start, or the cluster is lost: {error}") from error
