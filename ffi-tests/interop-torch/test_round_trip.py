"""torchvision's DenseNet-121 to lesionlens and back, and examples/ddp trained by two processes in between."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy
import safetensors.torch
import torch
import torchvision

ROOT = Path(__file__).resolve().parents[2]
DDP = ROOT / "examples" / "ddp"
sys.path[:0] = [str(ROOT / "bindings" / "python"), str(DDP)]

import data  # noqa: E402
import lesionlens  # noqa: E402
import weights  # noqa: E402


def drawing(index: int, width: int, height: int) -> numpy.ndarray:
    """A vessel, narrowed in every second drawing, on a noisy ground; 0..1."""
    y, x = numpy.mgrid[:height, :width]
    middle = width / 2 + width / 8 * numpy.sin(y / height * 4 + index)
    narrow = 0.6 * numpy.exp(-(((y - height / 2) / (height / 10)) ** 2)) if index % 2 else 0.0
    vessel = numpy.exp(-(((x - middle) / (width / 8 * (1 - narrow))) ** 2))
    noise = numpy.random.default_rng(index).normal(0, 0.03, (height, width))
    return numpy.clip(0.7 - 0.4 * vessel + noise, 0, 1)


def state_of(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """With running statistics that are not the initial ones, as after training."""
    generator = torch.Generator().manual_seed(5)
    state = model.state_dict()
    for name, tensor in state.items():
        if name.endswith(("running_mean", "running_var", "norm0.weight", "norm5.bias")):
            tensor.copy_(0.5 + torch.rand(tensor.shape, generator=generator))
    return state


class RoundTrip(unittest.TestCase):
    def setUp(self) -> None:
        temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        self.context = lesionlens.Context(device="cpu")
        torch.manual_seed(3)

    def write_pictures(self, name: str, count: int) -> Path:
        folder = self.directory / name
        (folder / "images").mkdir(parents=True)
        lines = ["patch_filename,stenoza_label"]
        for index in range(count):
            pixels = drawing(index, 40 + index % 5, 52 - index % 3)
            deep = (pixels * 65535).astype(numpy.uint16) if index % 3 else (pixels * 255).astype(numpy.uint8)
            lesionlens.write_png(folder / "images" / f"{index}.png", deep)
            lines.append(f"{index}.png,{index % 2}")
        (folder / "labels.csv").write_text("\n".join(lines) + "\n")
        return folder

    def same_tensors(self, found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
        self.assertEqual(found.keys(), expected.keys())
        for name, tensor in expected.items():
            self.assertEqual(found[name].dtype, tensor.dtype, name)
            # As bytes: also a sign of zero would count.
            self.assertEqual(found[name].numpy().tobytes(), tensor.numpy().tobytes(), name)

    def same_logits(self, path: Path, model: torch.nn.Module, preprocessing: weights.Preprocessing) -> None:
        """Gray of 8 and 16 bits, colour with alpha and without, larger and smaller than the model's size."""
        pictures = []
        for index, (width, height) in enumerate(((20, 24), (32, 32), (64, 64), (97, 61), (300, 200), (40, 513))):
            gray = drawing(index, width, height)
            tint = gray[..., None] * numpy.array([1.0, 0.8, 0.6])
            alpha = numpy.full((height, width, 1), 0.5)
            pictures.append((gray * 255).astype(numpy.uint8))
            pictures.append((gray * 65535).astype(numpy.uint16))
            pictures.append((tint * 255).astype(numpy.uint8))
            pictures.append((numpy.concatenate([tint, alpha], axis=2) * 255).astype(numpy.uint8))
        files = []
        for index, pixels in enumerate(pictures):
            files.append(self.directory / f"{index}.png")
            lesionlens.write_png(files[-1], pixels)
        ours = self.context.load_model(path).classify([lesionlens.ImageFile(file) for file in files])
        prepared = [data.normalised(data.resized(data.pixels(file), preprocessing), preprocessing) for file in files]
        with torch.inference_mode():
            theirs = model.eval()(torch.stack(prepared)).view(-1)
        numpy.testing.assert_allclose([one.logit for one in ours], theirs.numpy(), rtol=0, atol=1e-4)

    def test_torchvision_to_lesionlens_and_back(self) -> None:
        model = weights.network()
        expected = state_of(model)
        torch.save(expected, self.directory / "start.pth")
        with_bits = self.context.load_model(self.directory / "start.pth")
        with_bits.save(self.directory / "model.safetensors")
        back = safetensors.torch.load_file(self.directory / "model.safetensors")
        self.same_tensors(back, expected)
        fresh = weights.network()
        fresh.load_state_dict(back, strict=True)
        self.same_logits(self.directory / "model.safetensors", fresh, weights.Preprocessing())
        loaded, preprocessing = weights.load(self.directory / "model.safetensors")
        self.same_tensors(loaded.state_dict(), expected)
        self.assertEqual(preprocessing, weights.Preprocessing())

    def test_two_processes_train_what_lesionlens_loads(self) -> None:
        training, validation = self.write_pictures("train", 24), self.write_pictures("val", 9)
        samples = lesionlens.Dataset.open(training)
        start = self.context.train(
            samples, epochs=1, batch_size=8, image_size=48, mean=(0.3, 0.4, 0.5), standard_deviation=0.25, seed=2
        )
        begun, out = self.directory / "start.safetensors", self.directory / "trained.safetensors"
        start.save(begun)
        self.torchrun(begun, training, validation, out)
        described = self.context.load_model(out).describe()
        self.assertEqual(described["training"]["processes"], 2)
        for name in ("image_size", "mean", "standard_deviation"):
            self.assertEqual(described["preprocessing"][name], start.describe()["preprocessing"][name])
        model, preprocessing = weights.load(out)
        assert preprocessing is not None
        self.assertEqual(preprocessing.image_size, 48)
        self.same_logits(out, model, preprocessing)
        # Every tensor that a step changes was changed, and the counts of batches are there again.
        before = safetensors.torch.load_file(begun)
        after = safetensors.torch.load_file(out)
        self.assertEqual(before.keys(), after.keys())
        unchanged = [name for name in before if torch.equal(before[name], after[name])]
        self.assertEqual(unchanged, [])
        # And what was trained elsewhere goes on here.
        further = self.context.train(samples, epochs=1, batch_size=8, image_size=48, start_weights=out)
        self.assertNotEqual(further.describe()["model_sha256"], described["model_sha256"])

    def torchrun(self, start: Path, training: Path, validation: Path, out: Path) -> None:
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2",
                   DDP / "train.py", "--init", start, "--train", training, "--val", validation, "--out", out,
                   "--epochs", 2, "--batch", 8, "--learning-rate", 1e-3, "--loaders", 0]  # fmt: skip
        finished = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=300,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        self.assertEqual(finished.returncode, 0, finished.stdout + finished.stderr)
        self.assertIn("epoch 2: loss", finished.stdout)

    def test_weights_with_another_head_and_old_names(self) -> None:
        """As in densenet121-a639ec97.pth: a thousand outputs, denselayer1.norm.1."""
        model = torchvision.models.densenet121(weights=None)
        state = state_of(model)
        old = {
            name.replace(".norm1.", ".norm.1.").replace(".norm2.", ".norm.2.").replace(".conv1.", ".conv.1.").replace(
                ".conv2.", ".conv.2."
            )
            if "denselayer" in name
            else name: tensor
            for name, tensor in state.items()
        }
        self.assertIn("features.denseblock1.denselayer1.norm.1.weight", old)
        torch.save(old, self.directory / "old.pth", _use_new_zipfile_serialization=False)
        loaded, preprocessing = weights.load(self.directory / "old.pth")
        self.assertIsNone(preprocessing)
        found = loaded.state_dict()
        self.assertEqual(found["classifier.weight"].shape, (1, 1024))
        features = {name: tensor for name, tensor in state.items() if name.startswith("features.")}
        self.same_tensors({name: found[name] for name in features}, features)


if __name__ == "__main__":
    unittest.main()
