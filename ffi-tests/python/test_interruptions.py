"""Training that is interrupted: killed at any moment, out of disk, out of memory. Through the command line, which a
signal can end, and a process of its own where memory is measured."""

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

import test_host as host

KILLS = 10
# More than the best model's file, less than a checkpoint.
FULL_AT = 60 << 20


def limit_files() -> None:
    """Writing more than so many bytes to a file fails, as it does on a full disk, and does not end the process."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (FULL_AT, FULL_AT))


class InterruptionTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lens-interruption-test-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)
        host.write_labelled(self.directory / "train", 0, 24)
        host.write_labelled(self.directory / "val", 24, 8)

    def arguments(self, epochs: int, schedule: str = "cosine") -> list[object]:
        return [
            "train", "--train", self.directory / "train", "--val", self.directory / "val", "--epochs", epochs,
            "--out", self.directory / "model.safetensors", "--size", 32, "--batch", 4, "--lr", "1e-3", "--seed", 7,
            "--optimizer", "adamw", "--schedule", schedule, "--average-decay", 0.9, *host.ONE_CORE, "--quiet", "--json",
        ]  # fmt: skip

    def model_sha256(self, *arguments: object) -> str:
        finished = host.run(*arguments)
        self.assertEqual(finished.returncode, 0, finished.stderr)
        return json.loads(finished.stdout)["model"]["model_sha256"]

    def test_a_killed_run_goes_on_to_the_weights_of_an_unbroken_one(self) -> None:
        epochs = 5
        started = time.monotonic()
        expected = self.model_sha256(*self.arguments(epochs))
        unbroken = time.monotonic() - started
        moments = random.Random(20)
        kills, runs, seen = 0, 1, set()
        resumed = [*self.arguments(epochs), "--resume", "--checkpoint-minutes", 0.002]
        while True:
            run = self.directory / f"run{runs}"
            if kills == KILLS:
                self.assertEqual(self.model_sha256(*resumed, "--run-dir", run), expected)
                break
            process = subprocess.Popen(
                [str(host.HOST), *map(str, resumed), "--run-dir", str(run)], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            )  # fmt: skip
            try:
                output, errors = process.communicate(timeout=moments.uniform(0.05, 0.6) * unbroken)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()
                kills += 1
                seen.add((run / "last.checkpoint").exists())
            else:
                self.assertEqual(process.returncode, 0, errors)
                self.assertEqual(json.loads(output)["model"]["model_sha256"], expected)
                runs += 1
        self.assertIn(True, seen, "no kill came after a checkpoint: nothing was tested")
        self.assertEqual([path.name for path in run.iterdir() if path.suffix == ".tmp"], [])
        self.assertGreater(json.loads((run / "run.json").read_text())["resumed"], 0)

    def test_a_full_disk_is_an_error_that_leaves_the_checkpoint_before_it_whole(self) -> None:
        run = self.directory / "run"
        place = ["--run-dir", run, "--resume"]
        arguments = [*self.arguments(3, "constant"), *place]
        self.model_sha256(*self.arguments(1, "constant"), *place)
        checkpoint = run / "last.checkpoint"
        before = checkpoint.read_bytes()
        self.assertGreater(len(before), FULL_AT)
        failed = host.run(*arguments, preexec_fn=limit_files)
        self.assertEqual(failed.returncode, 1, failed.stdout)
        self.assertIn("last.checkpoint", failed.stderr)
        self.assertIn("File too large", failed.stderr)
        self.assertEqual(checkpoint.read_bytes(), before)
        self.assertEqual([path.name for path in run.iterdir() if path.suffix == ".tmp"], [])
        resumed = self.model_sha256(*arguments)
        unbroken = self.model_sha256(*self.arguments(3, "constant"))
        self.assertEqual(resumed, unbroken)

    def test_two_runs_do_not_share_a_directory(self) -> None:
        run = self.directory / "run"
        endless = [*self.arguments(100000), "--run-dir", run]
        process = subprocess.Popen(
            [str(host.HOST), *map(str, endless)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        while not (run / "last.checkpoint").exists():
            self.assertIsNone(process.poll())
            time.sleep(0.05)
        refused = host.run(*self.arguments(1), "--run-dir", run)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("in use by another training run", refused.stderr)
        process.kill()
        process.wait()
        # The unfinished run is not overwritten either.
        refused = host.run(*self.arguments(1), "--run-dir", run)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("set --resume", refused.stderr)


MEMORY_CAP = 500 << 20
MEASURED = f"""
import sys
import lesionlens, numpy

def peak():
    lines = open("/proc/self/status").read().splitlines()
    return 1024 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM")))

noise = numpy.random.default_rng(1).integers(0, 256, (48, 64, 64), dtype=numpy.uint8)
samples = lesionlens.Dataset()
for index, image in enumerate(noise):
    samples.add(image, index % 2)
context = lesionlens.Context(threads=1, memory_cap={MEMORY_CAP})
before = peak()
model = context.train(samples, epochs=1, batch_size=48, image_size=128)
print(peak() - before, model.describe()["training"]["micro_batch"])
"""


class MemoryTest(unittest.TestCase):
    def test_training_stays_within_its_memory_cap(self) -> None:
        packages = os.pathsep.join([str(host.REPOSITORY / "bindings" / "python"), os.environ.get("PYTHONPATH", "")])
        finished = subprocess.run(
            [sys.executable, "-c", MEASURED], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600,
            env={**os.environ, "PYTHONPATH": packages},
        )  # fmt: skip
        self.assertEqual(finished.returncode, 0, finished.stderr)
        peak, micro_batch = map(int, finished.stdout.split())
        self.assertLess(peak, MEMORY_CAP)
        # The whole batch at once would not have stayed below it.
        self.assertLess(micro_batch, 48)


if __name__ == "__main__":
    unittest.main()
