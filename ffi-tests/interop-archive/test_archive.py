"""examples/archive on a cluster of two machines' processes, both on this one, and beside one process without Ray."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from collections import Counter
from pathlib import Path
from typing import Any

import numpy
import psutil
import pyarrow
import pyarrow.parquet

ROOT = Path(__file__).resolve().parents[2]
ARCHIVE = ROOT / "examples" / "archive"
SHARED = ROOT.parent / "shared" / "data" / "dicom"
sys.path[:0] = [str(ROOT / "bindings" / "python"), str(ARCHIVE), str(Path(__file__).parent)]
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import lesionlens  # noqa: E402
import ray  # noqa: E402
import score  # noqa: E402
from dicomweb_server import Server, as_bytes, instance  # noqa: E402
from pydicom.uid import generate_uid  # noqa: E402
from ray.cluster_utils import Cluster  # noqa: E402
from rows import ITEMS, RESULTS  # noqa: E402
from sources import Folder, Source, open_folder  # noqa: E402
from store import Store, StoreError  # noqa: E402
from worker import Scorer, Settings, provenance  # noqa: E402


def sample(index: int, side: int = 48) -> numpy.ndarray:
    random = numpy.random.default_rng(index)
    y, x = numpy.mgrid[:side, :side]
    pixels = 90 + 60 * numpy.sin(x / 9 + index) * numpy.cos(y / 13) + random.integers(0, 60, (side, side))
    return numpy.clip(pixels, 0, 255).astype(numpy.uint8)


def setUpModule() -> None:
    global ray_cluster, temporary, model_path
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
    model_path = Path(temporary.name) / "model.safetensors"
    with lesionlens.Context(device="cpu", threads=1) as context:
        data = lesionlens.Dataset()
        for index in range(16):
            data.add(sample(index), index % 2)
        context.train(data, epochs=1, batch_size=8, image_size=32, seed=3).save(model_path)
    # Two raylets, each with one processor, as two machines would have.
    ray_cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "object_store_memory": 100 << 20, "include_dashboard": False},
    )
    ray_cluster.add_node(num_cpus=1, object_store_memory=100 << 20)


def tearDownModule() -> None:
    # A cluster does not end under its own client.
    ray.shutdown()
    ray_cluster.shutdown()
    temporary.cleanup()


def alone(source: Source, batch: int = 5) -> pyarrow.Table:
    """All items in this process, in one go."""
    scorer = Scorer(model_path.read_bytes(), source, Settings(threads=2, batch=batch, attempts=1))
    rows = [item._asdict() for item in source.items()]
    return scorer(pyarrow.Table.from_pylist(rows, schema=ITEMS))


def scores(table: pyarrow.Table) -> dict[tuple[str, int | None], tuple[Any, ...]]:
    """What the bytes and the model decide, by item and frame; the numbers to the bit."""
    keys = list(zip(table["item"].to_pylist(), table["frame"].to_pylist()))
    repeated = [key for key, count in Counter(keys).items() if count > 1]
    assert not repeated, f"more than once: {repeated}"
    bits = [table[name].to_numpy().view(numpy.uint32).tolist() for name in ("probability", "logit")]
    others = [table[name].to_pylist() for name in ("call", "given_label", "sha256", "error", "error_kind")]
    return dict(zip(keys, zip(*bits, *others)))


class ArchiveTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lens-archive-"))
        self.addCleanup(shutil.rmtree, self.directory)
        self.out = self.directory / "out"

    def command(self, source: object, *options: object) -> list[str]:
        parts = [source, "--model", model_path, "--out", self.out, "--address", ray_cluster.address, "--workers", 2,
                 "--threads", 1, *options]  # fmt: skip
        return [str(part) for part in parts]

    def score(self, source: object, *options: object, expected: int = 0) -> str:
        """In this process, which saves Ray's start; what it said."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            status = score.main(self.command(source, *options))
        self.assertEqual(status, expected, said.getvalue())
        return said.getvalue()

    def results(self) -> pyarrow.Table:
        return pyarrow.parquet.read_table(self.out)

    def served(self, count: int, frames: int = 1) -> Server:
        """A server with that many instances in studies of five."""
        made, study = [], ""
        for index in range(count):
            study = study if index % 5 else generate_uid()
            pixels = numpy.stack([sample(100 * index + frame) for frame in range(frames)])
            made.append(instance(study, study[:60] + ".1", pixels))
        server = Server(made)
        self.addCleanup(server.close)
        return server

    def expected(self, server: Server) -> dict[tuple[str, int | None], tuple[Any, ...]]:
        """The server's instances, scored from files without it."""
        folder = self.directory / "files"
        folder.mkdir()
        for _, _, uid in server.uids:
            (folder / uid).write_bytes(server.files[uid])
        names = {uid[2]: "/".join(uid) for uid in server.uids}
        return {(names[item], frame): row for (item, frame), row in scores(alone(Folder(folder))).items()}


class Folders(ArchiveTest):
    def write_folder(self) -> Path:
        folder = self.directory / "archive"
        (folder / "a" / "b").mkdir(parents=True)
        for index in range(20):
            lesionlens.write_png(folder / "a" / f"{index}.png", sample(index, 40 + index))
        deep = numpy.stack([sample(index).astype(numpy.uint16) * 257 for index in range(50, 57)])
        cine = as_bytes(instance(generate_uid(), generate_uid(), deep))
        # DICOM without an extension, and two that are broken.
        (folder / "a" / "b" / "IM0001").write_bytes(cine)
        (folder / "a" / "b" / "cut.dcm").write_bytes(cine[: len(cine) // 2])
        (folder / "broken.png").write_text("no image")
        (folder / "notes.txt").write_text("nor this")
        (folder / ".hidden.png").write_text("nor this")
        return folder

    def test_two_machines_do_what_one_process_does(self) -> None:
        folder = self.write_folder()
        self.score(folder, "--items-per-task", 4, "--batch", 3)
        found = scores(self.results())
        self.assertEqual(found, scores(alone(Folder(folder))))
        good = {key for key, row in found.items() if row[-1] is None}
        cine = {("a/b/IM0001", frame) for frame in range(7)}
        self.assertEqual(good, {(f"a/{index}.png", 0) for index in range(20)} | cine)
        bad = {key: row[-2:] for key, row in found.items() if row[-1] is not None}
        self.assertEqual({key[0] for key in bad}, {"a/b/cut.dcm", "broken.png"})
        for reason, kind in bad.values():
            self.assertEqual(kind, "image")
            self.assertNotIn("/proc", reason)
        self.assertIn("truncated", bad["a/b/cut.dcm", None][0])
        self.check_provenance(self.results().to_pylist(), folder)

    def check_provenance(self, rows: list[dict[str, Any]], folder: Path) -> None:
        with lesionlens.Context(device="cpu") as context:
            model = context.load_model(model_path)
            direct = model.classify(sample(3, 43))
            described = model.describe()
            libtorch = context.describe()["libtorch"]
        row = next(row for row in rows if row["item"] == "a/3.png")
        self.assertEqual((row["probability"], row["logit"], row["call"]), direct[:3])
        for row in rows:
            self.assertEqual(row["model_sha256"], described["model_sha256"])
            self.assertEqual((row["engine"], row["libtorch"]), (described["engine"], libtorch))
            self.assertEqual((row["source"], row["lesionlens"]), (str(folder.resolve()), lesionlens.library_version))
            self.assertEqual((row["temperature"], row["threshold"]), (1.0, 0.5))
            self.assertLess(abs(row["scored_at"].timestamp() - time.time()), 300)

    def test_rows_of_labels_csv(self) -> None:
        root = self.directory / "labelled"
        (root / "images").mkdir(parents=True)
        lesionlens.write_png(root / "images" / "one.png", sample(1))
        frames = numpy.stack([sample(index) for index in range(4)])
        (root / "images" / "cine.dcm").write_bytes(as_bytes(instance(generate_uid(), generate_uid(), frames)))
        (root / "labels.csv").write_text(
            "\ufeffpatch_filename,stenoza_label,frame\none.png,1,\ncine.dcm,0,2\ncine.dcm,1,0\ngone.png,0,\n"
            "cine.dcm,0,9\n"
        )
        table = alone(open_folder(root))
        with lesionlens.Context(device="cpu") as context:
            direct = context.load_model(model_path).classify([sample(1), frames[2], frames[0]])
        found = {row["item"]: row for row in table.to_pylist()}
        for name, prediction, label in zip(("one.png", "cine.dcm#2", "cine.dcm#0"), direct, "101"):
            self.assertEqual((found[name]["logit"], found[name]["given_label"]), (prediction.logit, str(int(label))))
        self.assertEqual((found["gone.png"]["error_kind"], found["gone.png"]["sha256"]), ("unread", None))
        self.assertEqual(found["cine.dcm#9"]["error_kind"], "image")

    def test_real_files(self) -> None:
        if not SHARED.is_dir():
            self.skipTest(f"there is no {SHARED}")
        found = scores(alone(Folder(SHARED), batch=32))
        frames = Counter(item for item, frame in found if frame is not None)
        self.assertEqual(frames["xa-coronary-cine-96x512x512-8bit-jpeg.dcm"], 96)
        self.assertEqual(found["mr-truncated-on-purpose.dcm", None][-1], "image")
        path = SHARED / "xa-coronary-cine-96x512x512-8bit-jpeg.dcm"
        with lesionlens.Context(device="cpu") as context:
            direct = context.load_model(model_path).classify(lesionlens.ImageFile(path, 41))
        self.assertEqual(found[path.name, 41][1], numpy.float32(direct.logit).view(numpy.uint32))


class Faults(ArchiveTest):
    def kill_client(self, port: int) -> None:
        """Kills the process at the other end of a connection, as running out of memory would."""
        for connection in psutil.net_connections("tcp4"):
            if connection.laddr.port == port and connection.pid not in (None, os.getpid()):
                os.kill(connection.pid, signal.SIGKILL)

    def test_a_killed_worker_loses_nothing(self) -> None:
        server = self.served(30)
        expected = self.expected(server)
        killed: list[str] = []

        def fault(uid: str, port: int) -> None:
            if not killed and sum(server.asked.values()) > 12:
                killed.append(uid)
                self.kill_client(port)

        server.fault = fault
        self.score(server.address, "--items-per-task", 4, "--batch", 3)
        self.assertEqual(len(killed), 1)
        self.assertGreater(server.asked[killed[0]], 1)
        self.assertEqual(scores(self.results()), expected)

    def test_an_item_that_kills_workers_costs_only_itself(self) -> None:
        server = self.served(9)
        expected = self.expected(server)
        killer = server.uids[4]

        def fault(uid: str, port: int) -> None:
            if uid == killer[2]:
                self.kill_client(port)

        server.fault = fault
        self.score(server.address, "--items-per-task", 4, expected=1)
        found = scores(self.results())
        self.assertEqual(found.pop(("/".join(killer), None))[-1], "worker")
        self.assertEqual(found, {key: row for key, row in expected.items() if key[0] != "/".join(killer)})
        # With more memory, say: only that one is done again, and takes the place of its error.
        server.fault = lambda uid, port: None
        server.asked.clear()
        self.score(server.address)
        self.assertEqual(server.asked, {killer[2]: 1})
        self.assertEqual(scores(self.results()), expected)

    def test_an_interrupted_run_goes_on(self) -> None:
        server = self.served(24, frames=2)
        expected = self.expected(server)
        halt, resumed = threading.Event(), threading.Event()

        def fault(uid: str, port: int) -> None:
            if len(server.asked) > 12:
                halt.set()
                resumed.wait(120)

        server.fault = fault
        command = self.command(server.address, "--items-per-task", 2, "--checkpoint-seconds", 0)
        process = subprocess.Popen(
            [sys.executable, "-B", ARCHIVE / "score.py", *command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True,
        )  # fmt: skip
        self.assertTrue(halt.wait(120))
        deadline = time.monotonic() + 60
        while not list(self.out.glob("part-*")) and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 130, output)
        resumed.set()
        first = scores(self.results())
        self.assertTrue(0 < len(first) < len(expected), len(first))
        server.fault = lambda uid, port: None
        server.asked.clear()
        self.score(server.address)
        done = {item.split("/")[2] for item, _ in first}
        self.assertEqual(server.asked, {uid[2]: 1 for uid in server.uids if uid[2] not in done})
        self.assertEqual(scores(self.results()), expected)

    def test_a_server_that_stumbles(self) -> None:
        server = self.served(7)
        expected = self.expected(server)
        slow, absent = server.uids[1][2], server.uids[3]

        def fault(uid: str, port: int) -> int | None:
            if uid == absent[2]:
                return 404
            return 503 if uid == slow and server.asked[uid] <= 2 else None

        server.fault = fault
        output = self.score(server.address, expected=1)
        self.assertIn("1 items could not be got or scored", output)
        self.assertEqual((server.asked[slow], server.asked[absent[2]]), (3, 1))
        found = scores(self.results())
        reason, kind = found.pop(("/".join(absent), None))[-2:]
        self.assertEqual(kind, "unread")
        self.assertIn("status 404", reason)
        self.assertEqual(found, {key: row for key, row in expected.items() if key[0] != "/".join(absent)})
        server.fault = lambda uid, port: None
        self.score(server.address)
        self.assertEqual(scores(self.results()), expected)


class Refusals(ArchiveTest):
    def test_other_results_are_not_mixed_in(self) -> None:
        folder = self.directory / "one"
        folder.mkdir()
        lesionlens.write_png(folder / "a.png", sample(1))
        with lesionlens.Context(device="cpu") as context:
            known = provenance(context.load_model(model_path), Folder(folder))
        identity = {name: known[name] for name in ("source", "model_sha256", "threshold")}
        with Store(self.out, identity) as store:
            store.add(alone(Folder(folder)))
            with self.assertRaisesRegex(StoreError, "another process is writing"):
                Store(self.out, identity)
        self.assertEqual(self.results().schema.names, RESULTS.names)
        with Store(self.out, identity) as store:
            self.assertEqual(store.finished, {"a.png"})
        with self.assertRaisesRegex(StoreError, "threshold 0.5, now 0.25"):
            Store(self.out, identity | {"threshold": 0.25})

    def test_what_cannot_work_is_said(self) -> None:
        self.assertIn("is no directory", self.score(self.directory / "none", expected=1))
        folder = self.directory / "empty"
        folder.mkdir()
        (folder / "labels.csv").write_text("file,label\n")
        self.assertIn('no column "patch_filename"; the columns are file, label', self.score(folder, expected=1))
        lesionlens.write_png(self.directory / "a.png", sample(1))
        self.assertIn("there is room for 0 such workers", self.score(self.directory, "--threads", 2, expected=1))


if __name__ == "__main__":
    unittest.main()
