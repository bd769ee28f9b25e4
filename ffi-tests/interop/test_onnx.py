"""Models saved as ONNX, run by ONNX Runtime and OpenVINO: the same logits as the library's own."""

from __future__ import annotations

import json
import sys
import tempfile
import unittest
from pathlib import Path

import numpy
import onnx
import onnxruntime
import openvino

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402
from samples import sample  # noqa: E402


def setUpModule() -> None:
    global model, path, described, temporary
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
    context = lesionlens.Context(device="cpu")
    data = lesionlens.Dataset()
    for index in range(24):
        data.add(sample(index, 64), index % 2)
    trained = context.train(data, epochs=1, batch_size=8, image_size=64, seed=3, mean=0.4, standard_deviation=0.2)
    noisy = lesionlens.Dataset()
    for index in range(40):
        noisy.add(sample(index, 64), int(index * 7 % 5 < 2))
    try:
        # With a temperature, which the graph must apply.
        model, _ = trained.calibrate(noisy)
    except lesionlens.DataError:
        model = trained
    path = Path(temporary.name) / "model.onnx"
    model.save(path, "onnx")
    described = model.describe()


def tearDownModule() -> None:
    temporary.cleanup()


class Onnx(unittest.TestCase):
    def test_the_file_is_valid_and_describes_itself(self) -> None:
        loaded = onnx.load(path)
        onnx.checker.check_model(loaded, full_check=True)
        self.assertEqual([entry.version for entry in loaded.opset_import], [17])
        entries = {entry.key: entry.value for entry in loaded.metadata_props}
        self.assertEqual(entries["model_sha256"], described["model_sha256"])
        record = json.loads(entries["lesionlens"])
        self.assertEqual(record["preprocessing"]["image_size"], 64)
        self.assertAlmostEqual(record["preprocessing"]["mean"][0], 0.4, places=6)
        self.assertEqual(record["threshold"], described["threshold"])

    def test_logits_are_the_librarys(self) -> None:
        """Images go through lens_classify() at the model's size, and prepared by NumPy through the others."""
        images = [sample(100 + index, 64) for index in range(7)]
        expected = numpy.array([prediction.logit for prediction in model.classify(images)])
        probabilities = numpy.array([prediction.probability for prediction in model.classify(images)])
        prepared = numpy.stack([numpy.stack([(image / 255 - 0.4) / 0.2] * 3) for image in images]).astype(numpy.float32)
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.compare(session.run(["logit", "probability"], {"image": prepared}), expected, probabilities)
        compiled = openvino.Core().compile_model(str(path), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        results = compiled({"image": prepared})
        self.compare([results["logit"], results["probability"]], expected, probabilities)

    def compare(self, found: list[numpy.ndarray], logits: numpy.ndarray, probabilities: numpy.ndarray) -> None:
        self.assertEqual([part.shape for part in found], [logits.shape] * 2)
        numpy.testing.assert_allclose(found[0], logits, rtol=0, atol=1e-4)
        numpy.testing.assert_allclose(found[1], probabilities, rtol=0, atol=1e-4)

    def test_any_size_and_batch(self) -> None:
        """Whole images of other sizes: a heatmap of one tile is the network's logit at the image's own size."""
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        for side, count in ((32, 1), (33, 3), (72, 2), (129, 1), (224, 2)):
            with self.subTest(f"{count} of {side}"):
                images = [sample(side + index, side) for index in range(count)]
                heatmaps = model.heatmaps(images, tile_size=side)
                expected = [found.tiles["logit"][0, 0] for found in heatmaps]
                prepared = [numpy.stack([(image / 255 - 0.4) / 0.2] * 3) for image in images]
                (found,) = session.run(["logit"], {"image": numpy.stack(prepared).astype(numpy.float32)})
                numpy.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


if __name__ == "__main__":
    unittest.main()
