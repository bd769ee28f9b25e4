"""Weights saved by MONAI, torchxrayvision, CheXNet's program and torchvision say here what they say there.
LENS_WEIGHTS_PYTHON names a Python that has these."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402
from samples import sample  # noqa: E402

SIDE = 64


def setUpModule() -> None:
    global context, messages, images, folder, temporary
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
    folder = Path(temporary.name)
    messages = []
    context = lesionlens.Context(device="cpu", log=lambda level, message: messages.append((level, message)))
    images = [sample(index, SIDE) for index in range(8)]
    numpy.save(folder / "images.npy", numpy.stack(images))
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    side = Path(__file__).with_name("weights_side.py")
    subprocess.run([os.environ["LENS_WEIGHTS_PYTHON"], side, folder], env=environment, check=True, timeout=1500)


def tearDownModule() -> None:
    temporary.cleanup()


class Weights(unittest.TestCase):
    def compare(self, name: str, kind: str, expected: numpy.ndarray, **options: object) -> lesionlens.Model:
        """What is said of the images, and once more after saving."""
        model = context.load_model(folder / name, image_size=SIDE, **options)
        model.save(folder / "saved.safetensors")
        for loaded in (model, context.load_model(folder / "saved.safetensors")):
            found = [getattr(prediction, kind) for prediction in loaded.classify(images)]
            print(f"{name} {options}: off by {numpy.abs(found - expected).max():.1e}", file=sys.stderr)
            numpy.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
            self.assertEqual(loaded.describe()["import"], model.describe()["import"])
        # The images do not all say the same.
        self.assertGreater(numpy.ptp(expected), 1e-3)
        return model

    def outputs(self, name: str) -> numpy.ndarray:
        return numpy.load(folder / f"{name}.npy").astype(numpy.float64)

    def test_two_classes_of_monai(self) -> None:
        probabilities = self.outputs("monai.pth")
        messages.clear()
        model = self.compare("monai.pth", "probability", probabilities[:, 1])
        self.assertTrue(any(level == "warning" and "head_positive" in message for level, message in messages), messages)
        self.assertEqual(model.describe()["import"]["program"], "MONAI")
        messages.clear()
        self.compare("monai.pth", "probability", probabilities[:, 0], head_positive="0")
        self.assertEqual(messages, [])

    def test_five_classes_of_monai(self) -> None:
        logits = self.outputs("monai5.pth")
        self.compare("monai5.pth", "logit", logits[:, 4], head_positive="4", head_kind="sigmoid")
        model = self.compare(
            "monai5.pth",
            "logit",
            logits[:, 4] - logits[:, 2],
            head_positive="4",
            head_negative="2",
            head_kind="softmax",
        )
        self.assertEqual(model.describe()["import"]["prefix"], "module.")
        with self.assertRaisesRegex(lesionlens.ArgumentError, "5 outputs.*head_positive"):
            context.load_model(folder / "monai5.pth")

    def test_findings_of_torchxrayvision(self) -> None:
        logits = self.outputs("xrayvision.pth")
        calls = self.outputs("xrayvision.calls")
        model = self.compare("xrayvision.pth", "logit", logits[:, 8], head_positive="Pneumonia")
        # Its outputs are scaled so that the operating point, which is our threshold, is at 0.5.
        self.assertEqual(len(set(calls[:, 8] > 0.5)), 2)
        self.assertEqual([prediction.label for prediction in model.classify(images)], list(calls[:, 8] > 0.5))
        self.assertEqual(
            context.load_model(folder / "xrayvision.pth", head_positive="8").describe()["preprocessing"],
            {**model.describe()["preprocessing"], "image_size": 224},
        )
        with self.assertRaisesRegex(lesionlens.ArgumentError, "Fracture.*not trained"):
            context.load_model(folder / "xrayvision.pth", head_positive="Fracture")

    def test_findings_of_chexnet(self) -> None:
        probabilities = self.outputs("model.pth.tar")
        model = self.compare("model.pth.tar", "probability", probabilities[:, 6], head_positive="pneumonia")
        self.assertEqual(model.describe()["import"]["prefix"], "module.densenet121.")
        self.compare("model.pth.tar", "probability", probabilities[:, 13], head_positive="13")
        with self.assertRaisesRegex(lesionlens.ArgumentError, "14 outputs.*Atelectasis"):
            context.load_model(folder / "model.pth.tar")

    def test_a_network_of_ones_own(self) -> None:
        probabilities = self.outputs("own.pth")
        model = self.compare("own.pth", "probability", probabilities[:, 1], head_positive="1", normalisation="imagenet")
        self.assertEqual(model.describe()["import"]["prefix"], "net.")


if __name__ == "__main__":
    unittest.main()
