"""Heatmaps against an independent implementation by naive loops, and a cine whose frames share batches."""

from __future__ import annotations

import json
import math
import struct
import sys
import tempfile
import unittest
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402

TILE, STRIDE = 64, 48
CINE = ROOT / ".." / "shared" / "data" / "dicom" / "xa-coronary-cine-96x512x512-8bit-jpeg.dcm"


def sample(index: int, height: int = TILE, width: int = TILE) -> numpy.ndarray:
    """A gray noisy field with uneven brightness and a few blobs."""
    random = numpy.random.default_rng(index)
    y, x = numpy.mgrid[:height, :width]
    pixels = 60 + 40 * numpy.sin(x / 23 + index) * numpy.cos(y / 31) + random.integers(0, 32, (height, width))
    for _ in range(1 + height * width // 4000):
        distance = (x - random.integers(0, width)) ** 2 + (y - random.integers(0, height)) ** 2
        pixels += random.integers(0, 2) * 140 * numpy.exp(-distance / 60)
    return numpy.clip(pixels, 0, 255).astype(numpy.uint8)


def with_image_size(source: Path, target: Path, side: int) -> Path:
    """The same weights for images of another size: the record is JSON in the file's header."""
    content = source.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    record = json.loads(header["__metadata__"]["lesionlens"])
    record["preprocessing"]["image_size"] = side
    header["__metadata__"]["lesionlens"] = json.dumps(record)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    target.write_bytes(struct.pack("<Q", len(text)) + text + content[8 + length :])
    return target


def setUpModule() -> None:
    global context, model, folder, temporary
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-")
    folder = Path(temporary.name)
    context = lesionlens.Context(device="cpu", threads=1)
    data = lesionlens.Dataset()
    for index in range(16):
        data.add(sample(index), index % 2, f"sample {index}")
    # Whole images are classified at the size of a tile, so lens_classify() gives tiles' probabilities.
    model = context.train(data, epochs=1, batch_size=8, image_size=TILE, seed=3)
    model.save(folder / "model.safetensors")


def tearDownModule() -> None:
    temporary.cleanup()


def reference(image: numpy.ndarray) -> tuple[numpy.ndarray, list[tuple[int, int]], list[float], float, float]:
    """The reference pipeline, pixel by pixel: heatmap, places and probabilities of tiles, prediction, confidence."""
    height, width = len(image), len(image[0])
    places = []
    y = 0
    while y + TILE <= height:
        x = 0
        while x + TILE <= width:
            places.append((x, y))
            x += STRIDE
        y += STRIDE
    probabilities = []
    for x, y in places:
        tile = numpy.array([[image[y + row][x + column] for column in range(TILE)] for row in range(TILE)])
        probabilities.append(model.classify(tile).probability)
    heat = numpy.zeros((height, width))
    for row in range(height):
        for column in range(width):
            total, covering = 0.0, 0
            for (x, y), probability in zip(places, probabilities):
                if x <= column < x + TILE and y <= row < y + TILE:
                    total += probability
                    covering += 1
            if covering:
                heat[row, column] = total / covering
    confidence = sum(float(value) for value in heat.flat) / (height * width)
    return heat, places, probabilities, sum(probabilities) / len(probabilities), confidence


class Reference(unittest.TestCase):
    def test_many_sizes(self) -> None:
        sizes = [(128, 128), (64, 64), (65, 64), (64, 111), (112, 112), (111, 113), (127, 129), (159, 161), (97, 201)]
        for number, (height, width) in enumerate(sizes):
            with self.subTest(f"{width} x {height}"):
                image = sample(100 + number, height, width)
                heat, places, probabilities, prediction, confidence = reference(image)
                found = model.heatmap(image, edge="reference")
                tiles = found.tiles.ravel()
                self.assertEqual([(tile["x"], tile["y"]) for tile in tiles], places)
                self.assertEqual({(tile["width"], tile["height"]) for tile in tiles}, {(TILE, TILE)})
                numpy.testing.assert_allclose(tiles["probability"], probabilities, rtol=0, atol=1e-5)
                numpy.testing.assert_allclose(found.values, heat, rtol=0, atol=1e-5)
                numpy.testing.assert_array_equal(found.values == 0, heat == 0)
                summary = found.summary
                self.assertAlmostEqual(summary.prediction.probability, prediction, places=5)
                self.assertEqual(summary.prediction.label, int(summary.prediction.probability > 0.5))
                self.assertAlmostEqual(summary.mean, confidence, places=5)
                self.assertAlmostEqual(summary.maximum, heat.max(), places=5)

    def test_its_own_input_of_128_pixels(self) -> None:
        """Four tiles; the last 16 rows and columns are uncovered."""
        image = sample(7, 300, 222)
        found = model.heatmap(image, edge="reference", resize_width=128, resize_height=128)
        self.assertEqual(found.tiles.shape, (2, 2))
        self.assertEqual(found.values.shape, (300, 222))
        self.assertTrue((found.values[300 * 114 // 128 :] == 0).all())
        self.assertTrue((found.values[:, 222 * 114 // 128 :] == 0).all())
        covered = model.heatmap(image, resize_width=128, resize_height=128)
        self.assertEqual(covered.tiles.shape, (3, 3))
        self.assertTrue((covered.values > 0).all())

    def test_images_smaller_than_a_tile(self) -> None:
        for side in (33, 48, 63):
            sized = context.load_model(with_image_size(folder / "model.safetensors", folder / f"{side}.st", side))
            image = sample(side, side, side)
            expected = sized.classify(image)
            found = sized.heatmap(image, edge="reference")
            self.assertAlmostEqual(found.summary.prediction.logit, expected.logit, places=4)
            numpy.testing.assert_allclose(found.values, expected.probability, rtol=0, atol=1e-6)
            self.assertEqual((found.tiles.shape, found.values.shape), ((1, 1), (side, side)))
        for height, width in ((40, 200), (200, 63), (1, 70), (70, 1), (1, 1)):
            found = model.heatmap(sample(5, height, width), edge="reference")
            probability = found.summary.prediction.probability
            numpy.testing.assert_array_equal(found.values, numpy.full((height, width), probability, numpy.float32))
            self.assertAlmostEqual(found.summary.mean, probability, places=6)

    def test_gaussian_blending(self) -> None:
        """Every pixel is covered, and weighted as in sliding-window inference."""
        image = sample(3, 113, 150)
        found = model.heatmap(image, blend="gaussian")
        along = [math.exp(-0.5 * ((place - 31.5) / (TILE / 8)) ** 2) for place in range(TILE)]
        sums, weights = numpy.zeros(image.shape), numpy.zeros(image.shape)
        for tile in found.tiles.ravel():
            x, y = int(tile["x"]), int(tile["y"])
            for row in range(TILE):
                for column in range(TILE):
                    weight = max(along[row] * along[column], 1e-3)
                    sums[y + row, x + column] += weight * tile["probability"]
                    weights[y + row, x + column] += weight
        self.assertTrue((weights > 0).all())
        numpy.testing.assert_allclose(found.values, sums / weights, rtol=0, atol=1e-5)

    def test_a_map_of_tiles(self) -> None:
        image = sample(11, 190, 260)
        pixels, tiles = model.heatmap(image), model.heatmap(image, resolution="tiles")
        numpy.testing.assert_array_equal(tiles.values, tiles.tiles["probability"])
        numpy.testing.assert_array_equal(tiles.tiles, pixels.tiles)
        self.assertEqual((tiles.summary.mean, tiles.summary.maximum), (pixels.summary.mean, pixels.summary.maximum))
        with self.assertRaisesRegex(lesionlens.ArgumentError, "TILES"):
            tiles.overlay(image)


class Aggregates(unittest.TestCase):
    def test_they_are_numpys(self) -> None:
        heatmaps = model.heatmaps([sample(index, 100, 90) for index in range(5)])
        stack = numpy.stack([found.values for found in heatmaps])
        probabilities = [found.summary.prediction.probability for found in heatmaps]
        highest, best = lesionlens.Heatmap.aggregate(heatmaps)
        mean, again = lesionlens.Heatmap.aggregate(heatmaps, "mean")
        self.assertEqual((best, again), (int(numpy.argmax(probabilities)),) * 2)
        numpy.testing.assert_array_equal(highest.values, stack.max(0))
        numpy.testing.assert_allclose(mean.values, stack.mean(0, dtype=numpy.float64), rtol=0, atol=1e-6)
        self.assertEqual(highest.summary.prediction, heatmaps[best].summary.prediction)
        self.assertAlmostEqual(mean.summary.prediction.probability, float(numpy.mean(probabilities)), places=6)
        tiles = numpy.stack([found.tiles["probability"] for found in heatmaps])
        numpy.testing.assert_array_equal(highest.tiles["probability"], tiles.max(0))
        numpy.testing.assert_allclose(mean.tiles["probability"], tiles.mean(0), rtol=0, atol=1e-6)
        for found in (highest, mean):
            self.assertAlmostEqual(found.summary.mean, float(found.values.mean(dtype=numpy.float64)), places=6)
            self.assertEqual(found.summary.maximum, found.values.max())

    def test_what_cannot_be_aggregated_is_refused(self) -> None:
        one = model.heatmap(sample(1))
        for heatmaps, message in (([], "count"), ([one, model.heatmap(sample(1, 70, 64))], "heatmap 1 has 64 x 70")):
            with self.assertRaisesRegex(lesionlens.ArgumentError, message):
                lesionlens.Heatmap.aggregate(heatmaps)
        with self.assertRaisesRegex(TypeError, "heatmap 1 is a int"):
            lesionlens.Heatmap.aggregate([one, 1])
        with self.assertRaisesRegex(ValueError, "how is 'sum'; it must be one of 'max', 'mean'"):
            lesionlens.Heatmap.aggregate([one], "sum")


@unittest.skipUnless(CINE.exists(), f"{CINE.name} is not in ../shared/data/dicom")
class Cine(unittest.TestCase):
    def test_96_frames_fill_batches_and_are_as_one_by_one(self) -> None:
        first = lesionlens.ImageFile(CINE)
        self.assertEqual(first.frames, 96)
        frames = [first, *(lesionlens.ImageFile(CINE, frame) for frame in range(1, 96))]
        options = {"resize_width": 128, "resize_height": 128, "edge": "reference"}
        done = []
        heatmaps = model.heatmaps(frames, progress=lambda progress: done.append((progress.done, progress.total)), **options)
        # 96 x 4 tiles in batches of 64.
        self.assertEqual(done, [(64 * batch, 384) for batch in range(1, 7)])
        self.assertEqual(len(heatmaps), 96)
        for frame, found in zip(frames[::5], heatmaps[::5]):
            alone = model.heatmap(frame, **options)
            self.assertEqual(found.values.shape, (512, 512))
            numpy.testing.assert_allclose(found.values, alone.values, rtol=0, atol=1e-5)
        probabilities = [found.summary.prediction.probability for found in heatmaps]
        highest, best = lesionlens.Heatmap.aggregate(heatmaps)
        self.assertEqual(best, int(numpy.argmax(probabilities)))
        self.assertEqual(highest.summary.prediction, heatmaps[best].summary.prediction)
        numpy.testing.assert_array_equal(highest.values, numpy.max([found.values for found in heatmaps], axis=0))
        self.assertEqual(lesionlens.Heatmap.aggregate(heatmaps, "mean")[1], best)
        overlay = highest.overlay(frames[best], color_bar=True, outline_tiles=2)
        self.assertEqual(overlay.shape, (512, 512, 4))


if __name__ == "__main__":
    unittest.main()
