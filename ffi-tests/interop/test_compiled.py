"""Models compiled by PyTorch and run by the library, and the other way round. LENS_TORCH_PYTHON names a Python that has
PyTorch; compiling a package also needs a C++ compiler."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402
from samples import sample  # noqa: E402

TORCH_PYTHON = os.environ["LENS_TORCH_PYTHON"]
SIDE = 64


def run(*arguments: object, expected: int = 0) -> str:
    """A command's output, standard error included."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(argument) for argument in arguments], capture_output=True, text=True, env=environment, timeout=1500
    )
    output = done.stdout + done.stderr
    if done.returncode != expected:
        raise AssertionError(f"{arguments}: exit status {done.returncode}, not {expected}\n{output[-4000:]}")
    return output


def export(*arguments: object, expected: int = 0) -> str:
    return run(TORCH_PYTHON, ROOT / "bindings/python/lesionlens/export.py", *arguments, expected=expected)


def setUpModule() -> None:
    global context, context_without, messages, model, images, expected, folder, temporary
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
    folder = Path(temporary.name)
    messages = []
    context = lesionlens.Context(device="cpu", log=lambda level, message: messages.append(message), log_level="info")
    context_without = lesionlens.Context(device="cpu", compiled_graph=False)
    data = lesionlens.Dataset()
    for index in range(24):
        data.add(sample(index, SIDE), index % 2)
    model = context.train(data, epochs=1, batch_size=8, image_size=SIDE, seed=3, mean=0.4, standard_deviation=0.2)
    images = [sample(100 + index, SIDE) for index in range(7)]
    expected = logits(model)
    prepared = numpy.stack([numpy.stack([(image / 255 - 0.4) / 0.2] * 3) for image in images]).astype(numpy.float32)
    numpy.save(folder / "images.npy", prepared)
    model.save(folder / "model.safetensors")
    model.save(folder / "torchscript.pt", "torchscript")
    model.optimize(folder / "int8.pt")
    model.optimize(folder / "state.pt", variant="state_dict")
    run(TORCH_PYTHON, Path(__file__).with_name("torch_side.py"), folder)


def tearDownModule() -> None:
    temporary.cleanup()


def logits(of: lesionlens.Model) -> numpy.ndarray:
    return numpy.array([prediction.logit for prediction in of.classify(images)])


class WrittenHere(unittest.TestCase):
    def test_pytorch_computes_the_same_from_each_format(self) -> None:
        for name in ("eager", "torchscript", "torchvision"):
            with self.subTest(name):
                numpy.testing.assert_allclose(numpy.load(folder / f"{name}.npy"), expected, rtol=0, atol=1e-4)

    def test_the_int8_head_is_what_quantize_dynamic_makes(self) -> None:
        found, theirs = numpy.load(folder / "int8.npy"), numpy.load(folder / "quantised.npy")
        numpy.testing.assert_allclose(found, theirs, rtol=0, atol=1e-4)
        # It is quantised: not the logits of the network itself.
        self.assertGreater(numpy.abs(found - numpy.load(folder / "eager.npy")).max(), 1e-6)


class WrittenByPyTorch(unittest.TestCase):
    def test_scripts_are_run(self) -> None:
        for name, tolerance in (("scripted", 1e-4), ("reference", 0.05)):
            with self.subTest(name):
                loaded = context.load_model(folder / f"{name}.pt")
                self.assertEqual(loaded.describe()["engine"], "torchscript")
                # The default preprocessing: the file says nothing about it.
                self.assertEqual(loaded.describe()["preprocessing"]["image_size"], 128)
                batch = [sample(100 + index, 128) for index in range(3)]
                plain = context_without.load_model(folder / f"{name}.pt")
                self.assertNotEqual(plain.describe()["engine"], "torchscript")
                found = [prediction.logit for prediction in loaded.classify(batch)]
                theirs = [prediction.logit for prediction in plain.classify(batch)]
                numpy.testing.assert_allclose(found, theirs, rtol=0, atol=tolerance)

    def test_a_frozen_program_is_refused_with_why(self) -> None:
        with self.assertRaisesRegex(lesionlens.FormatError, "frozen"):
            context.load_model(folder / "frozen.pt")

    def test_an_exported_script_keeps_what_the_model_says(self) -> None:
        export(folder / "model.safetensors", folder / "exported.pt")
        loaded = context.load_model(folder / "exported.pt")
        self.assertEqual(loaded.describe()["model_sha256"], model.describe()["model_sha256"])
        self.assertEqual(loaded.describe()["engine"], "torchscript")
        numpy.testing.assert_allclose(logits(loaded), expected, rtol=0, atol=1e-4)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        cls.path = folder / "model.pt2"
        export(folder / "model.safetensors", cls.path, "--device", "cpu", "--no-max-autotune")

    def test_it_is_run_for_any_batch(self) -> None:
        loaded = context.load_model(self.path)
        self.assertEqual(loaded.describe()["engine"], "aoti")
        self.assertEqual(loaded.describe()["model_sha256"], model.describe()["model_sha256"])
        numpy.testing.assert_allclose(logits(loaded), expected, rtol=0, atol=1e-4)
        alone = [loaded.classify(image).logit for image in images]
        numpy.testing.assert_allclose(alone, expected, rtol=0, atol=1e-4)

    def test_tiles_of_its_size_go_through_it_and_others_through_the_weights(self) -> None:
        loaded = context.load_model(self.path)
        image = sample(7, 160)
        for tile in (SIDE, 96):
            with self.subTest(tile):
                found = loaded.heatmap(image, tile_size=tile, stride=32).tiles["logit"]
                theirs = model.heatmap(image, tile_size=tile, stride=32).tiles["logit"]
                numpy.testing.assert_allclose(found, theirs, rtol=0, atol=1e-4)
        numpy.testing.assert_array_equal(
            loaded.heatmap(image, tile_size=96, stride=32).tiles["logit"],
            model.heatmap(image, tile_size=96, stride=32).tiles["logit"],
        )

    def test_a_host_without_python_runs_it(self) -> None:
        """libtorch.so, which the package asks for, is not in such a process."""
        picture = folder / "image.png"
        lesionlens.write_png(picture, images[0])
        found = json.loads(run(ROOT / "target/lens-host", "classify", "--model", self.path, picture, "--json", "--quiet"))
        self.assertAlmostEqual(found["predictions"][0]["logit"], expected[0], delta=1e-4)

    def changed(self, name: str, entry: str, content: bytes | None) -> Path:
        """A copy with one entry replaced or left out."""
        path = folder / name
        with zipfile.ZipFile(self.path) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as copy:
            for info in source.infolist():
                if not info.filename.endswith(entry):
                    copy.writestr(info.filename, source.read(info))
                elif content is not None:
                    copy.writestr(info.filename, content)
        return path

    def test_one_that_cannot_be_used_leaves_the_weights(self) -> None:
        record = json.loads(self.entry("extra/lesionlens.graphs.json"))
        cases = {
            "another device": ("extra/lesionlens.graphs.json", json.dumps({**record, "device": "cuda"}), "made for cuda"),
            "no such graph": (
                "extra/lesionlens.graphs.json",
                json.dumps({**record, "graphs": [{"name": "other", "sides": None}]}),
                "is not used",
            ),
            "broken code": (".wrapper.so", b"no library", "is not used"),
        }
        for name, (entry, content, reason) in cases.items():
            with self.subTest(name):
                messages.clear()
                data = content if isinstance(content, bytes) else content.encode()
                loaded = context.load_model(self.changed(f"{name}.pt2", entry, data))
                self.assertEqual(loaded.describe()["engine"], model.describe()["engine"])
                numpy.testing.assert_array_equal(logits(loaded), expected)
                self.assertTrue(any(reason in message for message in messages), messages)

    def entry(self, name: str) -> bytes:
        with zipfile.ZipFile(self.path) as archive:
            return archive.read(next(info for info in archive.namelist() if info.endswith(name)))

    def test_other_weights_are_noticed(self) -> None:
        """The compiled code and the weights beside it must say the same."""
        data = lesionlens.Dataset()
        for index in range(24):
            data.add(sample(index, SIDE), index % 2)
        other = context.train(data, epochs=2, batch_size=8, image_size=SIDE, seed=9, mean=0.4, standard_deviation=0.2)
        other.save(folder / "other.safetensors")
        messages.clear()
        mixed = self.changed("mixed.pt2", "lesionlens.safetensors", (folder / "other.safetensors").read_bytes())
        loaded = context.load_model(mixed)
        self.assertNotEqual(loaded.describe()["engine"], "aoti")
        numpy.testing.assert_array_equal(logits(loaded), logits(other))
        self.assertTrue(any("on a test image" in message for message in messages), messages)

    def test_a_package_without_weights_is_refused(self) -> None:
        with self.assertRaisesRegex(lesionlens.FormatError, "lesionlens-export"):
            context.load_model(self.changed("bare.pt2", "lesionlens.safetensors", None))

    def test_it_is_not_run_when_that_was_not_wanted(self) -> None:
        self.assertEqual(context_without.load_model(self.path).describe()["engine"], model.describe()["engine"])

    def test_nothing_is_left_in_the_temporary_directory(self) -> None:
        directory = folder / "temporary"
        directory.mkdir()
        script = (
            "import lesionlens, sys\n"
            "model = lesionlens.Context(device='cpu').load_model(sys.argv[1])\n"
            "assert model.describe()['engine'] == 'aoti'\n"
            "model.close()\n"
        )
        environment = {**os.environ, "TMPDIR": str(directory), "PYTHONPATH": str(ROOT / "bindings/python")}
        subprocess.run([sys.executable, "-c", script, str(self.path)], env=environment, check=True, timeout=300)
        self.assertEqual(list(directory.iterdir()), [])


class Refused(unittest.TestCase):
    def test_wrong_input_says_why(self) -> None:
        weights = folder / "model.safetensors"
        (folder / "text.safetensors").write_text("not a model")
        for arguments, status, reason in (
            ([folder / "missing.safetensors", folder / "out.pt2"], 1, "No such file"),
            ([folder / "text.safetensors", folder / "out.pt2"], 1, "is not a safetensors file of lesionlens"),
            ([weights, folder / "out.onnx"], 2, "name it .pt2"),
            ([weights, folder / "out.pt2", "--size", "16"], 1, "less than 32"),
            ([weights, folder / "no" / "out.pt"], 1, "No such file"),
        ):
            with self.subTest(reason):
                output = export(*arguments, expected=status)
                self.assertIn(reason, output)
                self.assertNotIn("Traceback", output)
        self.assertFalse((folder / "out.pt2").exists())


if __name__ == "__main__":
    unittest.main()
