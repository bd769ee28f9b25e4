"""What evaluations write, against an independent implementation of the reference pipeline's rules by naive loops."""

from __future__ import annotations

import csv
import json
import re
import struct
import sys
import tempfile
import unittest
import zlib
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402

TILE, STRIDE, SIDE = 64, 48, 128
FRAMES = ROOT / ".." / "shared" / "data" / "arcade-frames"


def sample(index: int, height: int = SIDE, width: int = SIDE) -> numpy.ndarray:
    """Gray noise of uneven brightness."""
    random = numpy.random.default_rng(index)
    y, x = numpy.mgrid[:height, :width]
    pixels = 90 + 60 * numpy.sin(x / 23 + index) * numpy.cos(y / 31) + random.integers(0, 60, (height, width))
    return numpy.clip(pixels, 0, 255).astype(numpy.uint8)


def setUpModule() -> None:
    global context, model, folder, temporary
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
    folder = Path(temporary.name)
    context = lesionlens.Context(device="cpu", threads=1)
    data = lesionlens.Dataset()
    for index in range(16):
        data.add(sample(index, TILE, TILE), index % 2, f"sample {index}")
    # Whole images are classified at the size of a tile, so lens_classify() gives tiles' probabilities.
    model = context.train(data, epochs=1, batch_size=8, image_size=TILE, seed=3)


def tearDownModule() -> None:
    temporary.cleanup()


def reference(image: numpy.ndarray) -> tuple[numpy.ndarray, float, float]:
    """Heatmap, mean tile probability and mean of the heatmap."""
    heat, covering, probabilities = numpy.zeros(image.shape), numpy.zeros(image.shape), []
    for y in range(0, len(image) - TILE + 1, STRIDE):
        for x in range(0, len(image[0]) - TILE + 1, STRIDE):
            tile = numpy.ascontiguousarray(image[y : y + TILE, x : x + TILE])
            probabilities.append(model.classify(tile).probability)
            heat[y : y + TILE, x : x + TILE] += probabilities[-1]
            covering[y : y + TILE, x : x + TILE] += 1
    heat = numpy.divide(heat, covering, out=heat, where=covering > 0)
    return heat, sum(probabilities) / len(probabilities), float(heat.mean())


def png_gray16(path: Path) -> numpy.ndarray:
    """Of a 16-bit gray PNG, the filters of its rows undone."""
    data = path.read_bytes()
    width, height, depth, colour = struct.unpack(">IIBB", data[16:26])
    assert (depth, colour) == (16, 0)
    at, packed = 8, b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        packed += data[at + 8 : at + 8 + length] if data[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    rows, above = [], [0] * (2 * width)
    raw = zlib.decompress(packed)
    for number in range(height):
        line = raw[number * (2 * width + 1) : (number + 1) * (2 * width + 1)]
        row: list[int] = []
        for index, value in enumerate(line[1:]):
            left, up = row[index - 2] if index > 1 else 0, above[index]
            corner = above[index - 2] if index > 1 else 0
            estimate = left + up - corner
            nearest = min((left, up, corner), key=lambda candidate: abs(estimate - candidate))
            row.append((value + (0, left, up, (left + up) // 2, nearest)[line[0]]) % 256)
        above = row
        rows.append(row)
    return numpy.array(rows, numpy.uint8).reshape(height, width, 2).astype(numpy.uint16) @ (256, 1)


class Report(unittest.TestCase):
    def evaluate(self, dataset: lesionlens.Dataset, name: str, **options: object) -> tuple[dict, Path]:
        out = folder / name
        return model.evaluate(dataset, output_dir=out, bootstrap_samples=100, **options), out

    def test_the_reference_pipelines_calls_and_files(self) -> None:
        data, images = lesionlens.Dataset(), []
        for index in range(8):
            images.append((f"patient {index}.png", sample(40 + index), index % 3 == 0))
            data.add(images[-1][1], images[-1][2], images[-1][0])
        expected = [reference(image) for _, image, _ in images]
        # Between the confidences, so that each rule takes some images and leaves others.
        limit = float(numpy.median([confidence for *_, confidence in expected]))
        threshold = float(numpy.median([prediction for _, prediction, _ in expected])) + 1e-4
        for criterion in ("either", "prediction", "confidence"):
            with self.subTest(criterion):
                report, out = self.evaluate(
                    data, criterion, by_heatmap=True, heatmap={"edge": "reference"}, threshold=threshold,
                    flag_criterion=criterion, flag_confidence=limit,
                )
                names = []
                for index, ((name, _, label), (heat, prediction, confidence)) in enumerate(zip(images, expected)):
                    called, confident = prediction > threshold, confidence >= limit
                    bad = {"either": called or confident, "prediction": called, "confidence": confident}[criterion]
                    result = report["results"][index]
                    self.assertAlmostEqual(result["probability"], prediction, places=5)
                    self.assertAlmostEqual(result["confidence"], confidence, places=5)
                    self.assertEqual(result["predicted"], int(called))
                    stem = f"heatmap_{index:06}_pred{'pos' if called else 'neg'}_true{int(label)}_conf{confidence:.3f}_"
                    if bad:
                        names.append(stem + name[: -len(".png")])
                        raw = numpy.load(out / "flagged_raw" / f"{names[-1]}.npy")
                        self.assertEqual((raw.dtype, raw.shape), (numpy.float32, heat.shape))
                        numpy.testing.assert_allclose(raw, heat, rtol=0, atol=1e-5)
                        deep = png_gray16(out / "flagged_raw" / f"{names[-1]}.png")
                        numpy.testing.assert_allclose(deep / 65535, heat, rtol=0, atol=2e-5)
                self.assertTrue(0 < len(names) < 8, names)
                self.assertEqual(report["flagged"], len(names))
                self.assertEqual({file.name for file in (out / "flagged_overlays").iterdir()}, {f"{n}.png" for n in names})
                with open(out / "predictions.csv", newline="", encoding="utf-8") as table:
                    rows = list(csv.DictReader(table))
                for row, result, (name, _, label) in zip(rows, report["results"], images, strict=True):
                    self.assertEqual((row["filename"], row["true_label"]), (name, str(int(label))))
                    self.assertEqual(row["predicted_label"], str(result["predicted"]))
                    self.assertEqual(numpy.float32(row["prediction_confidence"]), numpy.float32(result["confidence"]))

    def test_everything_is_there_and_replaced_together(self) -> None:
        data = lesionlens.Dataset()
        for index in range(14):
            data.add(sample(index, 70, 90), index % 2, f"<b>{index}</b> & \"x\"")
        report, out = self.evaluate(data, "whole", flag_confidence=0)
        charts = {"confusion.png", "roc.png", "reliability.png", "sample_results.png"}
        files = charts | {"predictions.csv", "report.json", "report.html", "flagged_raw", "flagged_overlays"}
        self.assertEqual({file.name for file in out.iterdir()}, files)
        self.assertEqual(len(list((out / "flagged_overlays").iterdir())), 14)
        self.assertEqual(json.loads((out / "report.json").read_text()), report)
        page = (out / "report.html").read_text(encoding="utf-8")
        self.assertNotIn("<b>3</b>", page)
        self.assertIn("&lt;b&gt;3&lt;/b&gt; &amp; ", page)
        # It loads nothing: every source is in the page itself.
        sources = re.findall(r"""(?:src|href)="([^"]*)""", page)
        self.assertTrue(sources and all(source.startswith("data:image/png;base64,") for source in sources))
        self.assertNotIn("url(", page)
        for name in ("Sensitivity", "ROC AUC", "Not a medical device", report["model_sha256"]):
            self.assertIn(name, page)
        # An image's confidence is its probability, and the heatmap's mean logit makes it.
        found = model.classify(sample(5, 70, 90))
        self.assertAlmostEqual(report["results"][5]["confidence"], found.probability, places=5)
        self.evaluate(data, "whole", flag_criterion="confidence", flag_confidence=1, save_heatmap_raw=False)
        self.assertEqual({file.name for file in out.iterdir()}, files - {"flagged_raw", "flagged_overlays"})

    def test_a_cancelled_or_refused_evaluation_leaves_the_old_report(self) -> None:
        data = lesionlens.Dataset()
        for index in range(6):
            data.add(sample(index, 70, 90), index % 2)
        _, out = self.evaluate(data, "kept")
        before = {file: file.stat().st_mtime_ns for file in out.rglob("*")}
        phases = []

        def stop(progress: lesionlens.Progress) -> bool:
            phases.append(progress.phase)
            return progress.phase != "heatmap"

        with self.assertRaises(lesionlens.Cancelled):
            self.evaluate(data, "kept", progress=stop)
        self.assertEqual(phases[-1], "heatmap")
        self.assertEqual({file: file.stat().st_mtime_ns for file in out.rglob("*")}, before)
        (out / "flagged_raw").mkdir(exist_ok=True)
        (out / "flagged_raw" / "mine.txt").write_text("")
        with self.assertRaisesRegex(lesionlens.ArgumentError, "mine.txt"):
            self.evaluate(data, "kept")
        for options, message in (
            ({"flag_confidence": 1.5}, "flag_confidence is 1.5"),
            ({"sample_flagged_ratio": -1.0}, "sample_flagged_ratio is -1"),
            ({"heatmap": {"tile_size": 20}}, "tile_size is 20"),
        ):
            with self.assertRaisesRegex(lesionlens.ArgumentError, message):
                self.evaluate(data, "never", **options)
        self.assertFalse((folder / "never").exists())


def write_png(path: Path, pixels: numpy.ndarray) -> None:
    lesionlens.write_png(path, pixels)


class Localisation(unittest.TestCase):
    def test_against_numpy(self) -> None:
        root = folder / "boxed"
        (root / "images").mkdir(parents=True)
        random = numpy.random.default_rng(2)
        boxes: dict[str, list[tuple[int, int, int, int]]] = {}
        for index in range(6):
            write_png(root / "images" / f"{index}.png", sample(60 + index, 150, 200))
            corners = [random.integers(0, (140, 100)) for _ in range(1 + index % 2)]
            boxes[f"{index}.png"] = [(int(x), int(y), 30 + 5 * index, 25) for x, y in corners]
        lines = [f"{name},{x},{y},{w},{h}" for name, areas in boxes.items() for x, y, w, h in areas]
        (root / "boxes.csv").write_text("\n".join(["filename,x,y,width,height", *lines]) + "\n")
        report = model.localize(root, heatmap={"stride": 16})
        self.assertEqual((report["images"], len(report["results"])), (6, 6))
        hits, chances, shares, areas_share = [], [], [], []
        for result in report["results"]:
            values = model.heatmap(lesionlens.ImageFile(root / "images" / result["id"]), stride=16).values
            y, x = (grid + 0.5 for grid in numpy.mgrid[:150, :200])

            def inside(margin: float) -> numpy.ndarray:
                found = numpy.zeros(values.shape, bool)
                for left, top, width, height in boxes[result["id"]]:
                    across = abs(x - left - width / 2) <= width / 2 + margin
                    found |= across & (abs(y - top - height / 2) <= height / 2 + margin)
                return found

            near, exact = inside(TILE / 2), inside(0)
            place = int(result["hottest"]["y"]), int(result["hottest"]["x"])
            self.assertEqual(values[place], values.max())
            hits.append(bool(near[place]))
            chances.append(near.mean())
            areas_share.append(exact.mean())
            wanted = int(exact.sum())
            limit = numpy.sort(values.ravel())[::-1][wanted - 1]
            above, tied = values > limit, values == limit
            share = (exact & above).sum() + (wanted - above.sum()) / tied.sum() * (exact & tied).sum()
            shares.append(share / wanted)
            self.assertEqual(result["hit"], hits[-1])
            self.assertAlmostEqual(result["intersection"], shares[-1], places=9)
        self.assertEqual(report["hits"], sum(hits))
        self.assertAlmostEqual(report["hit_rate"], numpy.mean(hits), places=12)
        self.assertAlmostEqual(report["hit_rate_by_chance"], numpy.mean(chances), places=12)
        self.assertAlmostEqual(report["intersection"], numpy.mean(shares), places=9)
        self.assertAlmostEqual(report["intersection_by_chance"], numpy.mean(areas_share), places=12)

    def test_what_cannot_be_used_is_refused(self) -> None:
        root = folder / "outside"
        (root / "images").mkdir(parents=True)
        write_png(root / "images" / "a.png", sample(1, 70, 80))
        with self.assertRaisesRegex(lesionlens.LensError, "boxes.csv"):
            model.localize(root)
        (root / "boxes.csv").write_text("filename,x,y,width,height\na.png,60,10,30,10\n")
        with self.assertRaisesRegex(lesionlens.DataError, "a.png: the box x 60 y 10 width 30 height 10"):
            model.localize(root)
        (root / "boxes.csv").write_text("filename,x,y,width,height\na.png,6,10,30,10\n")
        for options, message in (({"tolerance": -3.0}, "tolerance is -3"), ({"heatmap": {"stride": 99}}, "stride 99")):
            with self.assertRaisesRegex(lesionlens.ArgumentError, message):
                model.localize(root, **options)

    @unittest.skipUnless(FRAMES.exists(), "arcade-frames are not in ../shared/data")
    def test_real_frames(self) -> None:
        report = model.localize(FRAMES, heatmap={"method": "cam"})
        self.assertEqual(report["images"], 60)
        # The boxes' share of the frames, dilated by half a tile: a property of the data.
        self.assertAlmostEqual(report["hit_rate_by_chance"], 0.0997, places=3)


if __name__ == "__main__":
    unittest.main()
