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
        for number, split in enumerate(("train", "val", "test")):
            host.write_labelled(self.directory / "stenosis-patches" / split, 40 * number, 12)
        tiles = self.directory / "arcade-tiles" / "train"
        (tiles / "images").mkdir(parents=True)
        for number in range(6):
            host.write_image(tiles / "images" / f"{number}.png", number, positive=number % 2 == 1, width=64, height=64)
        rows = [f"{number}.png,{number % 2}" for number in range(6)]
        (tiles / "labels.csv").write_text("\n".join(["patch_filename,stenoza_label", *rows]) + "\n")
        frames = self.directory / "arcade-frames"
        (frames / "images").mkdir(parents=True)
        host.write_image(frames / "images" / "1.png", 1, positive=True, width=140, height=160)
        (frames / "boxes.csv").write_text("filename,x,y,width,height\n1.png,60,70.5,20,16\n")
        arguments = [self.directory, "--seeds", 1, "--pretraining-epochs", 1, "--runs", self.directory / "runs"]
        arguments += ["--drawn-tiles", 8, "--drawn-frames", 3]
        first = self.figures("stenosis.py", *arguments)
        self.assertEqual(len(first["pretraining"]), 1)
        self.assertEqual(sum(first["seeds"][0]["test"]["confusion_matrix"].values()), 12)
        runs = sorted(path.name for path in (self.directory / "runs").iterdir())
        self.assertEqual(runs, ["pre-training", "seed-1"])
        # Everything is there already: the same figures, without training again.
        again = self.figures("stenosis.py", *arguments)
        self.assertEqual(again["seeds"][0]["test"], first["seeds"][0]["test"])
        record = json.loads((self.directory / "runs" / "seed-1" / "run.json").read_text())
        self.assertEqual((record["resumed"], len(record["epochs"])), (1, 1))
        refused = self.run_recipe("stenosis.py", *arguments, "--phantom", self.directory / "none")
        self.assertEqual(refused.returncode, 1)
        self.assertIn("make demo", refused.stderr)
        (frames / "boxes.csv").write_text("filename,x,y,width,height\n2.png,60,70.5,20,16\n")
        refused = self.run_recipe("stenosis.py", *arguments)
        self.assertEqual(refused.returncode, 1)
        self.assertIn("boxes.csv names 2.png", refused.stderr)

    def test_patches_are_what_lies_in_the_square_that_was_cut(self) -> None:
        sys.path.insert(0, str(RECIPES))
        self.addCleanup(sys.path.remove, str(RECIPES))
        import patches

        ramp = numpy.arange(200, dtype=numpy.float32) + numpy.zeros((150, 1), numpy.float32)
        for length in (52.3, 64.0, 105.0):
            patch = patches.cut(ramp, 100.0, 75.0, length)
            middles = 100 - length / 2 + (numpy.arange(32) + 0.5) * length / 32 - 0.5
            numpy.testing.assert_allclose(patch, middles + numpy.zeros((32, 1)), atol=0.1)
        views = patches.symmetries(numpy.arange(9).reshape(3, 3))
        self.assertEqual(len({view.tobytes() for view in views}), 8)


if __name__ == "__main__":
    unittest.main()
