"""The recipes in examples/recipes, run on a few drawn images."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy
import test_host as host

RECIPES = host.REPOSITORY / "examples" / "recipes"
QUICK = ["--epochs", "1", "--batch-size", "8", "--image-size", "32", "--threads", "1"]


class RecipeTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix="lens-recipe-test-"))
        self.addCleanup(shutil.rmtree, self.directory, ignore_errors=True)

    def run_recipe(self, name: str, *arguments: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [sys.executable, "-B", str(RECIPES / name), *map(str, arguments)], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, timeout=600, env=os.environ,
        )  # fmt: skip

    def figures(self, name: str, *arguments: object) -> dict:
        output = self.directory / "figures.json"
        finished = self.run_recipe(name, *arguments, *QUICK, "--json", output)
        self.assertEqual(finished.returncode, 0, finished.stderr)
        return json.loads(output.read_text())

    def test_pneumoniamnist(self) -> None:
        numbers = numpy.random.default_rng(3)
        arrays = {}
        for split, count in (("train", 16), ("val", 8), ("test", 8)):
            arrays[f"{split}_images"] = numbers.integers(0, 256, (count, 28, 28), dtype=numpy.uint8)
            arrays[f"{split}_labels"] = (numpy.arange(count) % 2).astype(numpy.uint8).reshape(-1, 1)
        numpy.savez(self.directory / "pneumoniamnist.npz", **arrays)
        figures = self.figures("pneumoniamnist.py", self.directory / "pneumoniamnist.npz", "--seeds", 1, 2)
        self.assertEqual([result["seed"] for result in figures["seeds"]], [1, 2])
        matrix = figures["seeds"][0]["test"]["confusion_matrix"]
        self.assertEqual(sum(matrix.values()), 8)
        refused = self.run_recipe("pneumoniamnist.py", __file__)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("test_recipes.py is not an .npz file", refused.stderr)

    def test_stenosis_goes_on_where_it_was_interrupted(self) -> None:
        for name, splits in (("stenosis-patches", ("train", "val", "test")), ("arcade-tiles", ("train", "val"))):
            for number, split in enumerate(splits):
                host.write_labelled(self.directory / name / split, 40 * number, 12)
        arguments = [self.directory, "--seeds", 1, "--pretraining-epochs", 1, "--runs", self.directory / "runs"]
        first = self.figures("stenosis.py", *arguments)
        self.assertEqual(len(first["pretraining"]), 1)
        runs = sorted(path.name for path in (self.directory / "runs").iterdir())
        self.assertEqual(runs, ["pre-training", "seed-1"])
        # Everything is there already: the same figures, without training again.
        again = self.figures("stenosis.py", *arguments)
        self.assertEqual(again["seeds"][0]["test"], first["seeds"][0]["test"])
        record = json.loads((self.directory / "runs" / "seed-1" / "run.json").read_text())
        self.assertEqual((record["resumed"], len(record["epochs"])), (1, 1))


if __name__ == "__main__":
    unittest.main()
