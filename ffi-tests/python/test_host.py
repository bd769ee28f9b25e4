"""The command line under the name that scripts know, driven as a script would: exit codes, JSON documents, files, progress,
Ctrl-C.

LENS_HOST names the program; default: target/lens-host of this repository.
"""

import fcntl
import hashlib
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import unittest
import zlib
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HOST = Path(os.path.abspath(os.environ.get("LENS_HOST", REPOSITORY / "target" / "lens-host")))
TIMEOUT = 600
SIDE = 48
NEVER_ENDING = "100000"
# Images this small gain nothing from threads, and on a busy machine threads wait for each other.
ONE_CORE = ["--device", "cpu", "--threads", 1]

def flags(*structs):
    """The flags of options, as the description of the interface has them."""
    described = json.loads((Path(__file__).resolve().parents[2] / "bindings" / "interface.json").read_text())
    fields = {entry["name"]: entry["fields"] for entry in described["structs"]}
    found = [field.get("option", {}).get("flag") for name in structs for field in fields[f"lens_{name}_options"]]
    # The first of several names is shown; a value or a fixed word may follow.
    return {re.split(r"[| ]", flag)[0] for flag in found if flag}


COMMON_OPTIONS = {"--quiet", "--json", *flags("init")}
DATA_OPTIONS = flags("dataset")
HEATMAP_OPTIONS = {"--resize", *flags("heatmap")}
OPTIONS = {
    "info": {"--model", *COMMON_OPTIONS},
    "train": {"--train", "--val", "--out", *flags("train"), *DATA_OPTIONS, *COMMON_OPTIONS},
    "classify": {
        "--model", "--frame", "--all-frames", "--series", "--csv", *flags("read"), *flags("classify"), *COMMON_OPTIONS,
    },
    "heatmap": {
        "--model", "--out", "--frame", "--all-frames", "--series", "--csv", *flags("read"), *HEATMAP_OPTIONS,
        *flags("overlay"), *COMMON_OPTIONS,
    },
    "evaluate": {
        "--model", "--data", "--reference", "--csv", *flags("evaluate"), *DATA_OPTIONS, *COMMON_OPTIONS,
    },
    # Boxes are compared with a value for each pixel, and nothing is called positive.
    "localize": {
        "--model", "--data", *flags("localize"), *HEATMAP_OPTIONS - {"--threshold", "--resolution"}, *COMMON_OPTIONS,
    },
    "calibrate": {"--model", "--data", "--out", "--youden", *flags("calibrate"), *DATA_OPTIONS, *COMMON_OPTIONS},
    "optimize": {"--model", "--out", "--data", *flags("optimize"), *DATA_OPTIONS, *COMMON_OPTIONS},
    "export": {"--model", "--out", "--format", *flags("import"), *COMMON_OPTIONS},
    "describe": {"--model", *COMMON_OPTIONS},
    "split": {"--data", "--first", "--second", "--share", "--seed", "--json", "--quiet", *DATA_OPTIONS},
    "view": {"--model", "--marks", "--port", "--no-open", *COMMON_OPTIONS},
    "completions": set(),
    "man": {"--out"},
}


def write_png(path, width, height, rows):
    """An 8-bit gray PNG."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows))
    Path(path).write_bytes(
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
    )


def image_rows(number, positive, width=SIDE, height=SIDE):
    """Uneven gray; a positive image has a bright blob, whose place depends on the number."""
    centre_x = 12 + number * 7 % (width - 24)
    centre_y = 12 + number * 11 % (height - 24)
    rows = [[40 + (x * 3 + y * 5 + number * 17) % 50 for x in range(width)] for y in range(height)]
    if positive:
        for y in range(height):
            for x in range(width):
                if (x - centre_x) ** 2 + (y - centre_y) ** 2 <= 49:
                    rows[y][x] = 240
    return rows


def write_image(path, number, positive, width=SIDE, height=SIDE):
    write_png(path, width, height, image_rows(number, positive, width, height))


def write_tiff(path, numbers):
    """Uncompressed 8-bit gray pages."""
    pages = len(numbers)
    entries, size = 9, SIDE * SIDE
    data = bytearray(b"II*\0" + struct.pack("<I", 8 + pages * size))
    for number in range(pages):
        data += b"".join(bytes(row) for row in image_rows(number, number % 3 == 1))
    for page in range(pages):
        start = len(data)
        following = start + 2 + entries * 12 + 4 if page + 1 < pages else 0
        fields = ((256, SIDE), (257, SIDE), (258, 8), (259, 1), (262, 1), (273, 8 + page * size), (277, 1), (278, SIDE),
                  (279, size))
        data += struct.pack("<H", entries)
        for tag, value in fields:
            data += struct.pack("<HHII", tag, 4 if tag in (273, 279) else 3, 1, value)
        data += struct.pack("<I", following)
    Path(path).write_bytes(data)


def write_labelled(root, first, count):
    """images/ and labels.csv; every second image is positive."""
    images = root / "images"
    images.mkdir(parents=True)
    lines = ["patch_filename,stenoza_label"]
    for number in range(first, first + count):
        write_image(images / f"{number:03}.png", number, positive=number % 2 == 1)
        lines.append(f"{number:03}.png,{number % 2}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")


def png_header(path):
    """Width, height, bit depth and colour type."""
    data = Path(path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and data[12:16] == b"IHDR", path
    return struct.unpack(">IIBB", data[16:26])


def run(*arguments, **options):
    options.setdefault("stdout", subprocess.PIPE)
    options.setdefault("stderr", subprocess.PIPE)
    return subprocess.run(
        [str(HOST), *map(str, arguments)], stdin=subprocess.DEVNULL, text=True, timeout=TIMEOUT, **options
    )


class HostTest(unittest.TestCase):
    """Base of all tests here: one small data set and one model for the whole module."""

    @staticmethod
    def prepare():
        if not os.access(HOST, os.X_OK):
            raise FileNotFoundError(f"{HOST} is missing: build it with make, or name it in LENS_HOST")
        root = Path(tempfile.mkdtemp(prefix="lens-host-test-"))
        HostTest.root = root
        unittest.addModuleCleanup(shutil.rmtree, root, ignore_errors=True)
        write_labelled(root / "train1", 0, 16)
        write_labelled(root / "train2", 16, 8)
        write_labelled(root / "val", 24, 8)
        HostTest.model = root / "model.safetensors"
        HostTest.trained = run(*HostTest.train_arguments(HostTest.model), "--run-dir", root / "run", "--json")
        if HostTest.trained.returncode != 0:
            raise AssertionError(f"training failed:\n{HostTest.trained.stderr}")
        HostTest.images = sorted((root / "val" / "images").iterdir())

    @staticmethod
    def train_arguments(model, epochs=1):
        root = HostTest.root
        return [
            "train", "--train", root / "train1", "--train", root / "train2", "--val", root / "val", "--out", model,
            "--epochs", epochs, "--size", 32, "--batch", 8, "--lr", "1e-3", "--seed", 7, *ONE_CORE,
        ]

    @staticmethod
    def with_model(command):
        return [command, "--model", HostTest.model, *ONE_CORE]

    def setUp(self):
        self.directory = Path(tempfile.mkdtemp(dir=HostTest.root))

    def succeed(self, *arguments, **options):
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result

    def document(self, *arguments, **options):
        """The one JSON document on standard output."""
        return json.loads(self.succeed(*arguments, "--json", **options).stdout)

    def refuse(self, code, *arguments, says=(), **options):
        """Fails with this exit code, nothing on standard output, and a message with these words."""
        result = run(*arguments, **options)
        self.assertEqual(result.returncode, code, f"{arguments}: {result.stderr}")
        self.assertEqual(result.stdout, "")
        self.assertTrue(result.stderr.startswith("lens-host: "), result.stderr)
        for word in says:
            self.assertIn(str(word), result.stderr)
        return result


def setUpModule():
    HostTest.prepare()


class Help(HostTest):
    def test_the_program_lists_its_commands(self):
        text = self.succeed("--help").stdout
        for command in OPTIONS:
            self.assertIn(command, text)

    def test_each_command_lists_exactly_its_options(self):
        for command, options in OPTIONS.items():
            with self.subTest(command):
                listed = re.findall(r"^ {2,6}(?:-h, )?(--[a-z0-9-]+)", self.succeed(command, "--help").stdout, re.MULTILINE)
                self.assertEqual(sorted(listed), sorted(options | {"--help"}))

    def test_help_is_given_whatever_else_is_missing(self):
        self.assertIn("usage: lens-host train", self.succeed("train", "--epochs", "3", "--help").stdout)

    def test_the_help_shows_the_library_s_defaults(self):
        text = self.succeed("heatmap", "--help").stdout
        self.assertRegex(text, r"(?s)--stride <PX>\s.{,300}default: three\s+quarters\s+of\s+--tile")
        self.assertRegex(text, r"default: inferno")


class Usage(HostTest):
    def test_wrong_command_lines(self):
        train = ["train", "--train", "t", "--val", "v", "--out", "m.safetensors"]
        classify = ["classify", "--model", "m"]
        heatmap = ["heatmap", "--model", "m", "--out", "o", "a.png"]
        cases = [
            ([], ["no command", "usage"]),
            (["tran"], ["tran", "train"]),
            (["info", "--verbose"], ["--verbose"]),
            (["info", "extra"], ["extra"]),
            (["info", "--device", "gpu"], ["--device", "gpu", "auto, cpu, cuda or rocm"]),
            (["info", "--threads", "1025"], ["--threads", "'1025'", "at most 1024"]),
            (["info", "--json=yes"], ["--json", "yes"]),
            (["train"], ["--train", "missing"]),
            (["train", "--train", "t", "--out", "m"], ["--val", "missing"]),
            (["train", "--train", "t", "--val", "v"], ["--out", "missing"]),
            ([*train, "--epochs", "3x"], ["--epochs", "3x", "whole number, 1 to 100000"]),
            ([*train, "--epochs", "0"], ["--epochs", "'0'", "1 to 100000"]),
            ([*train, "--epochs", "-1"], ["--epochs", "-1"]),
            ([*train, "--epochs", "99999999999999999999999"], ["--epochs", "99999999999999999999999"]),
            ([*train, "--epochs"], ["--epochs", "needs a value"]),
            ([*train, "--epochs", "--batch", "8"], ["--epochs", "needs a value", "--batch"]),
            ([*train, "--epochs="], ["--epochs", "empty"]),
            ([*train, "--batch", "1"], ["--batch", "'1'", "2 to 65536"]),
            ([*train, "--size=31"], ["--size", "31", "32 to 4096"]),
            ([*train, "--lr", "0"], ["--lr", "'0'", "above 0"]),
            ([*train, "--lr", "nan"], ["--lr", "nan"]),
            ([*train, "--lr", "1e-3 "], ["--lr", "1e-3 "]),
            ([*train, "--seed", "-1"], ["--seed", "-1"]),
            ([*train, "--seed", "18446744073709551616"], ["--seed", "18446744073709551615"]),
            ([*train, "--select", "f1"], ["--select", "f1", "accuracy, auc or loss"]),
            ([*train, "--threshold", "1.01"], ["--threshold", "1.01", "0 to 1"]),
            ([*train, "--val", "w"], ["--val", "twice", "w"]),
            ([*train, "stray"], ["stray"]),
            (["train", "--train", "t", "--val", "v", "--out", "m.onnx"], ["--out", "m.onnx", "safetensors"]),
            (["classify", "a.png"], ["--model", "missing"]),
            (classify, ["FILE"]),
            ([*classify, "--treshold", "0.5", "a.png"], ["--treshold"]),
            ([*classify, "--threshold", "half", "a.png"], ["--threshold", "half", "number, 0 to 1"]),
            (["heatmap", "--model", "m", "a.png"], ["--out", "missing"]),
            (["heatmap", "--model", "m", "--out", "o"], ["FILE"]),
            ([*heatmap, "--method", "grad"], ["--method", "grad", "tiles, cam, grad-cam++ or occlusion"]),
            ([*heatmap, "--tile", "16"], ["--tile", "16", "32 to 4096"]),
            ([*heatmap, "--stride", "65"], ["--stride", "65", "64"]),
            ([*heatmap, "--resize", "128"], ["--resize", "128", "128x128"]),
            ([*heatmap, "--resize", "0x128"], ["--resize", "0x128"]),
            ([*heatmap, "--resize", "64x64", "--scale", "2"], ["--resize", "--scale"]),
            ([*heatmap, "--scale", "0"], ["--scale", "'0'", "above 0"]),
            ([*heatmap, "--colormap", "viridis"], ["--colormap", "viridis", "inferno"]),
            ([*heatmap, "--resolution", "pixels"], ["--resolution", "pixels", "image or tiles"]),
            ([*heatmap, "--outline", "-1"], ["--outline", "-1"]),
            ([*heatmap, "--all-frames", "--frame", "3"], ["--frame 3", "--all-frames"]),
            ([*heatmap, "--alpha", "2"], ["--alpha", "'2'", "0 to 1"]),
            (["evaluate", "--model", "m"], ["--data", "missing"]),
            (["evaluate", "--data", "d"], ["--model", "missing"]),
        ]
        for arguments, says in cases:
            with self.subTest(arguments):
                self.refuse(2, *arguments, says=says, cwd=self.directory)
        self.assertEqual(os.listdir(self.directory), [])

    def test_values_behind_equals_and_operands_behind_two_dashes(self):
        shutil.copy(self.images[0], self.directory / "-odd.png")
        arguments = ["classify", f"--model={self.model}", *ONE_CORE, "--threshold=0.25", "--json", "--", "-odd.png"]
        document = json.loads(self.succeed(*arguments, cwd=self.directory).stdout)
        self.assertEqual([prediction["file"] for prediction in document["predictions"]], ["-odd.png"])
        self.assertEqual(document["predictions"][0]["threshold"], 0.25)

    def test_options_may_follow_the_files(self):
        document = self.document("classify", self.images[0], "--model", self.model, self.images[1], *ONE_CORE)
        self.assertEqual(len(document["predictions"]), 2)


class Info(HostTest):
    def test_json(self):
        document = self.document("info", "--device", "cpu", "--threads", "1")
        for key in ("schema", "library", "abi", "libtorch", "hardware", "policy", "environment"):
            self.assertIn(key, document)
        self.assertEqual(str(document["policy"]["threads"]["value"]), "1")

    def test_text_names_the_device_and_the_reason(self):
        document = self.document("info", "--device", "cpu")
        text = self.succeed("info", "--device", "cpu").stdout
        self.assertIn(document["policy"]["device"]["reason"], text)
        self.assertIsNone(document["libtorch"])

    def test_a_device_that_is_not_there_is_a_failure(self):
        if self.document("info", "--device", "cpu")["hardware"]["gpus"]:
            self.skipTest("this machine has a GPU")
        self.refuse(1, "info", "--device", "cuda")


class Training(HostTest):
    def test_json_describes_the_saved_file(self):
        document = json.loads(self.trained.stdout)
        self.assertEqual(document["path"], str(self.model))
        model = document["model"]
        self.assertEqual(model["architecture"], "densenet121")
        self.assertEqual(model["file_sha256"], hashlib.sha256(self.model.read_bytes()).hexdigest())
        self.assertEqual(model["preprocessing"]["image_size"], 32)
        self.assertEqual(len(model["training"]["epochs"]), 1)

    def test_several_roots_are_one_training_set(self):
        samples = json.loads(self.trained.stdout)["model"]["training"]["train"]
        self.assertEqual((samples["samples"], samples["positives"], samples["negatives"]), (24, 12, 12))

    def test_the_run_directory_has_the_record(self):
        record = json.loads((self.root / "run" / "run.json").read_text())
        self.assertEqual(record["model_sha256"], json.loads(self.trained.stdout)["model"]["model_sha256"])

    def test_progress_lines_tell_the_time_left(self):
        lines = self.trained.stderr.splitlines()
        self.assertTrue(all(line.startswith("lens-host: ") for line in lines), lines)
        self.assertNotIn("\r", self.trained.stderr)
        ends = [line for line in lines if "epoch 1/1 training: 24/24 (100 %)" in line]
        self.assertEqual(len(ends), 1, lines)
        self.assertRegex(ends[0], r"loss \d")
        self.assertTrue(any(re.search(r"\d (s|min|h) ?.*left", line) for line in lines), lines)

    def test_a_frame_that_a_file_does_not_have_is_named(self):
        for arguments in (["classify"], ["heatmap", "--out", self.directory / "heatmaps"]):
            result = run(*arguments, "--model", self.model, self.images[0], "--frame", 7, *ONE_CORE)
            self.assertEqual(result.returncode, 1)
            self.assertIn("frame is 7", result.stderr)

    def test_start_weights_come_from_the_file(self):
        out = self.directory / "next.safetensors"
        document = self.document(*self.train_arguments(out), "--init", self.model, "--quiet")
        # With the same seed and data, only another start can give other weights.
        first = json.loads(self.trained.stdout)["model"]
        self.assertNotEqual(document["model"]["model_sha256"], first["model_sha256"])
        broken = self.directory / "broken.safetensors"
        broken.write_bytes(b"no model")
        self.refuse(1, *self.train_arguments(out), "--init", broken, says=[broken])

    def test_a_folder_per_class_with_a_named_positive_class(self):
        for name, count in (("blob", 10), ("none", 6)):
            (self.directory / "data" / name).mkdir(parents=True)
            for number in range(count):
                write_image(self.directory / "data" / name / f"{number}.png", number, positive=name == "blob")
        out = self.directory / "folders.safetensors"
        data = self.directory / "data"
        document = self.document(
            "train", "--train", data, "--val", data, "--out", out, "--positive", "blob", "--epochs", 1, "--size", 32,
            "--batch", 8, *ONE_CORE, "--select", "loss", "--threshold", "0.75",
        )
        samples = document["model"]["training"]["train"]
        self.assertEqual((samples["positives"], samples["negatives"]), (10, 6))
        self.assertAlmostEqual(document["model"]["threshold"], 0.75)
        self.assertTrue(out.exists())

    def test_text_and_quiet(self):
        out = self.directory / "text.safetensors"
        result = self.succeed(*self.train_arguments(out), "--quiet")
        self.assertIn(str(out), result.stdout)
        # The same seed and data give the same weights.
        self.assertIn(json.loads(self.trained.stdout)["model"]["model_sha256"], result.stdout)
        self.assertRegex(result.stdout, r"(?m)^best epoch +1 of 1$")
        self.assertRegex(result.stdout, r"(?m)^training +24 images: 12 positive, 12 negative$")
        self.assertNotIn("epoch", result.stderr)

    def test_an_output_that_cannot_be_written_is_refused_before_training(self):
        missing = self.directory / "not" / "there"
        cases = [
            (missing / "model.safetensors", [missing, "--out"]),
            (self.directory, [self.directory, "directory"]),
            (self.model / "model.safetensors", [self.model]),
        ]
        for out, says in cases:
            with self.subTest(out):
                # The epochs would outlast the time limit.
                result = self.refuse(1, *self.train_arguments(out, epochs=NEVER_ENDING), says=says)
                self.assertNotIn("epoch", result.stderr)
        self.assertFalse(missing.exists())

    def test_a_directory_without_images_is_named(self):
        empty = self.directory / "empty"
        empty.mkdir()
        arguments = self.train_arguments(self.directory / "m.safetensors")
        self.refuse(1, *arguments, "--train", empty, says=[empty])
        self.assertEqual(os.listdir(self.directory), ["empty"])


class Classifying(HostTest):
    def test_json(self):
        document = self.document(*self.with_model("classify"), *self.images)
        self.assertEqual(document["model"], str(self.model))
        self.assertEqual([entry["file"] for entry in document["predictions"]], [str(image) for image in self.images])
        for entry in document["predictions"]:
            self.assertTrue(0 <= entry["probability"] <= 1)
            self.assertEqual(entry["threshold"], 0.5)
            self.assertEqual(entry["label"], int(entry["probability"] > entry["threshold"]))
            self.assertEqual(entry["label"], int(entry["logit"] > 0))

    def test_the_threshold_decides_the_label(self):
        for threshold, label in (("0", 1), ("1", 0)):
            document = self.document(*self.with_model("classify"), self.images[0], "--threshold", threshold)
            self.assertEqual(document["predictions"][0]["label"], label)

    def test_more_files_than_are_held_at_once_keep_their_order(self):
        files = [self.images[number % 8] for number in range(130)]
        document = self.document(*self.with_model("classify"), *files)
        predictions = document["predictions"]
        self.assertEqual([entry["file"] for entry in predictions], [str(file) for file in files])
        for number, entry in enumerate(predictions):
            self.assertAlmostEqual(entry["probability"], predictions[number % 8]["probability"], places=4)

    def test_a_table_with_aligned_columns(self):
        long_name = self.directory / "längerer Name.png"
        shutil.copy(self.images[0], long_name)
        lines = self.succeed(*self.with_model("classify"), self.images[0], long_name).stdout.splitlines()
        self.assertEqual(lines[0].split(), ["file", "probability", "logit", "label"])
        label_columns = set()
        for line, file in zip(lines[1:3], (self.images[0], long_name)):
            self.assertTrue(line.startswith(f"{file} "), line)
            match = re.search(r" [01]\.\d{4} +-?\d+\.\d{3}  (positive|negative)$", line)
            self.assertIsNotNone(match, line)
            label_columns.add(match.start(1))
        self.assertEqual(label_columns, {lines[0].index("label")})

    def test_odd_names_are_escaped(self):
        odd = self.directory / 'quo"te\\ tab\t ünï.png'
        shutil.copy(self.images[0], odd)
        document = self.document(*self.with_model("classify"), odd)
        self.assertEqual(document["predictions"][0]["file"], str(odd))

    def test_files_that_cannot_be_read_are_named(self):
        missing = self.directory / "missing.png"
        broken = self.directory / "broken.png"
        broken.write_bytes(self.images[0].read_bytes()[:60])
        for bad in (missing, broken, self.directory):
            with self.subTest(bad):
                self.refuse(1, *self.with_model("classify"), self.images[0], bad, "--json", says=[bad])

    def test_a_broken_model_is_named(self):
        for content in (b"", b"no model", self.model.read_bytes()[:5000]):
            broken = self.directory / "broken.safetensors"
            broken.write_bytes(content)
            self.refuse(1, "classify", "--model", broken, self.images[0], says=[broken])
        self.refuse(1, "classify", "--model", self.directory / "none.safetensors", self.images[0], says=["none"])


class Heatmaps(HostTest):
    def test_json_and_pictures(self):
        wide = self.directory / "wide.png"
        write_image(wide, 3, positive=True, width=80, height=56)
        out = self.directory / "made" / "with parents"
        document = self.document(
            *self.with_model("heatmap"), wide, self.images[0], "--out", out, "--tile", 32, "--stride", 16
        )
        self.assertEqual(document["model"], str(self.model))
        heatmaps = document["maps"]
        self.assertEqual([entry["file"] for entry in heatmaps], [str(wide), str(self.images[0])])
        # With the covering edge: 0, 16, 32, 48 across 80 pixels, 0, 16, 24 down 56.
        self.assertEqual((heatmaps[0]["columns"], heatmaps[0]["rows"]), (4, 3))
        for entry, size in zip(heatmaps, ((80, 56), (SIDE, SIDE))):
            self.assertEqual((entry["width"], entry["height"]), size)
            self.assertEqual(png_header(entry["overlay"]), (*size, 8, 6))
            self.assertEqual(png_header(entry["heatmap"]), (*size, 16, 0))
            self.assertTrue(0 <= entry["mean"] <= entry["maximum"] <= 1)
            tile = entry["hottest_tile"]
            self.assertEqual((tile["width"], tile["height"]), (32, 32))
            self.assertTrue(0 <= tile["x"] <= size[0] - 32 and 0 <= tile["y"] <= size[1] - 32, tile)
            self.assertGreaterEqual(tile["probability"] + 1e-6, entry["prediction"]["probability"])
            prediction = entry["prediction"]
            self.assertEqual(prediction["label"], int(prediction["probability"] > prediction["threshold"]))
        stems = (wide.stem, self.images[0].stem)
        expected = sorted(f"{stem}_{kind}.png" for stem in stems for kind in ("overlay", "heatmap"))
        self.assertEqual(sorted(os.listdir(out)), expected)

    def test_colours_are_as_asked_for(self):
        written = set()
        for number, options in enumerate((["--alpha", 0], ["--alpha", 1], ["--colormap", "jet", "--absolute"])):
            out = self.directory / str(number)
            arguments = [*self.with_model("heatmap"), self.images[0], "--out", out, "--tile", 32, "--stride", 16]
            self.succeed(*arguments, *options)
            written.add((out / f"{self.images[0].stem}_overlay.png").read_bytes())
        self.assertEqual(len(written), 3)

    def test_text_and_methods(self):
        out = self.directory / "cam"
        options = ["--method", "cam", "--threshold", "0"]
        text = self.succeed(*self.with_model("heatmap"), self.images[0], "--out", out, *options).stdout
        self.assertIn(f"{self.images[0]}: positive", text)
        self.assertIn(str(out / f"{self.images[0].stem}_overlay.png"), text)

    def test_methods_ask_different_questions(self):
        written = set()
        for method in ("tiles", "cam", "grad-cam++", "occlusion"):
            out = self.directory / method
            options = ["--method", method, "--tile", 32, "--stride", 16, "--absolute", "--color-bar", "--outline", 2]
            entry = self.document(*self.with_model("heatmap"), self.images[0], "--out", out, *options)["maps"][0]
            self.assertEqual(png_header(entry["overlay"]), (SIDE, SIDE, 8, 6))
            written.add(Path(entry["heatmap"]).read_bytes())
        self.assertEqual(len(written), 4)

    def test_bar_and_outline_show_in_the_overlay(self):
        written = set()
        for number, options in enumerate(([], ["--color-bar"], ["--outline", 1], ["--outline", 9])):
            out = self.directory / str(number)
            arguments = [*self.with_model("heatmap"), self.images[0], "--out", out, "--tile", 32, "--stride", 16]
            self.succeed(*arguments, *options)
            written.add((out / f"{self.images[0].stem}_overlay.png").read_bytes())
        self.assertEqual(len(written), 4)

    def test_a_value_for_each_tile(self):
        out = self.directory / "tiles"
        options = ["--tile", 32, "--stride", 8, "--resolution", "tiles"]
        arguments = [*self.with_model("heatmap"), self.images[0], "--out", out, *options]
        entry = self.document(*arguments)["maps"][0]
        self.assertIsNone(entry["overlay"])
        size = (entry["columns"], entry["rows"])
        self.assertEqual((entry["width"], entry["height"]), size)
        self.assertEqual(png_header(entry["heatmap"]), (*size, 16, 0))
        self.assertEqual(os.listdir(out), [f"{self.images[0].stem}_heatmap.png"])
        self.assertNotIn("_overlay", self.succeed(*arguments).stdout)

    def test_all_frames_of_files(self):
        out = self.directory / "cine"
        cine = self.directory / "cine.tiff"
        write_tiff(cine, range(70))
        options = ["--tile", 32, "--stride", 16, "--all-frames"]
        arguments = [*self.with_model("heatmap"), cine, self.images[0], "--out", out, *options]
        document = self.document(*arguments)
        several, single = document["cines"]
        probabilities = [entry["prediction"]["probability"] for entry in several["frames"]]
        self.assertEqual([entry["frame"] for entry in several["frames"]], list(range(70)))
        self.assertEqual(several["best_frame"], probabilities.index(max(probabilities)))
        self.assertEqual(several["best"]["prediction"], several["max"]["prediction"])
        self.assertEqual(several["best"]["prediction"], several["frames"][several["best_frame"]]["prediction"])
        self.assertAlmostEqual(several["mean"]["prediction"]["probability"], sum(probabilities) / 70, places=5)
        self.assertGreaterEqual(several["max"]["mean"], max(entry["mean"] for entry in several["frames"]))
        self.assertEqual((single["best_frame"], len(single["frames"])), (0, 1))
        alone = self.document(*self.with_model("heatmap"), cine, "--frame", several["best_frame"], "--out",
                              self.directory / "alone", "--tile", 32, "--stride", 16)["maps"][0]
        self.assertAlmostEqual(alone["prediction"]["logit"], several["best"]["prediction"]["logit"], places=4)
        kinds = ("", "_max", "_mean")
        expected = {f"{stem}{kind}_{what}.png" for stem in ("cine", self.images[0].stem) for kind in kinds
                    for what in ("overlay", "heatmap")}
        self.assertEqual(set(os.listdir(out)), expected)
        text = self.succeed(*arguments).stdout
        self.assertIn(f"{cine}: 70 frames, best {several['best_frame']}", text)

    def test_cines_whose_pictures_would_meet_are_refused(self):
        one, other = self.directory / "run.png", self.directory / "run_max.png"
        shutil.copy(self.images[0], one)
        shutil.copy(self.images[1], other)
        out = self.directory / "out"
        arguments = [*self.with_model("heatmap"), one, other, "--out", out]
        self.refuse(2, *arguments, "--all-frames", says=[one, other, "run_max_"])
        self.assertFalse(out.exists())

    def test_resampling_before_tiling(self):
        options = ["--resize", "96x64", "--tile", 32, "--stride", 32, "--edge", "reference", "--blend", "gaussian"]
        document = self.document(*self.with_model("heatmap"), self.images[0], "--out", self.directory, *options)
        self.assertEqual((document["maps"][0]["columns"], document["maps"][0]["rows"]), (3, 2))

    def test_inputs_of_the_same_name_are_refused(self):
        out = self.directory / "out"
        same = self.directory / self.images[0].name
        shutil.copy(self.images[1], same)
        says = [self.images[0], same]
        self.refuse(2, *self.with_model("heatmap"), self.images[0], same, "--out", out, says=says)
        self.assertFalse(out.exists())

    def test_an_input_is_not_written_over(self):
        shutil.copy(self.images[0], self.directory / "a.png")
        target = self.directory / "a_overlay.png"
        shutil.copy(self.images[1], target)
        files = [self.directory / "a.png", target]
        self.refuse(2, *self.with_model("heatmap"), *files, "--out", self.directory, says=[target])
        self.assertEqual(target.read_bytes(), self.images[1].read_bytes())

    def test_nothing_is_written_when_the_last_of_many_is_broken(self):
        files = []
        for number in range(20):
            files.append(self.directory / f"{number}.png")
            shutil.copy(self.images[number % 8], files[-1])
        files[-1].write_bytes(b"\x89PNG broken")
        out = self.directory / "out"
        self.refuse(1, *self.with_model("heatmap"), *files, "--out", out, says=[files[-1]])
        self.assertFalse(out.exists())

    def test_more_files_than_are_held_at_once(self):
        files = []
        for number in range(18):
            files.append(self.directory / f"{number}.png")
            shutil.copy(self.images[number % 8], files[-1])
        out = self.directory / "out"
        heatmaps = self.document(*self.with_model("heatmap"), *files, "--out", out)["maps"]
        self.assertEqual([entry["file"] for entry in heatmaps], [str(file) for file in files])
        self.assertEqual(len(os.listdir(out)), 36)


class Evaluating(HostTest):
    def test_json_and_files(self):
        out = self.directory / "report"
        report = self.document(*self.with_model("evaluate"), "--data", self.root / "val", "--out", out)
        self.assertEqual(report["samples"], 8)
        self.assertEqual(len(report["results"]), 8)
        matrix = report["confusion_matrix"]
        right = matrix["true_negative"] + matrix["true_positive"]
        self.assertEqual(sum(matrix.values()), 8)
        self.assertAlmostEqual(report["metrics"]["accuracy"], right / 8)
        self.assertEqual(json.loads((out / "report.json").read_text())["metrics"], report["metrics"])
        self.assertEqual(len((out / "predictions.csv").read_text().splitlines()), 9)

    def test_the_threshold_decides(self):
        report = self.document(*self.with_model("evaluate"), "--data", self.root / "val", "--threshold", 1)
        self.assertEqual(report["confusion_matrix"]["true_negative"], 4)
        self.assertEqual(report["confusion_matrix"]["false_negative"], 4)

    def test_text_has_the_key_figures(self):
        arguments = [*self.with_model("evaluate"), "--data", self.root / "val", "--threshold", 0]
        text = self.succeed(*arguments).stdout
        # Four of eight by Wilson: 0.2152 to 0.7848.
        figures = [r"accuracy +0\.5 +\(0\.2152 to 0\.7848\)$", "ROC AUC", "sensitivity +1", "specificity +0"]
        figures += ["PPV +0.5", "NPV +undefined: no sample is called negative", "MCC +undefined", "Brier score +0"]
        for figure in figures:
            self.assertRegex(text, f"(?m)^{figure}")
        self.assertRegex(text, r"(?m)^labelled negative +0 +4$")
        self.assertRegex(text, r"(?m)^labelled positive +0 +4$")

    def test_unreadable_files_are_named_or_left_out(self):
        data = self.directory / "data"
        write_labelled(data, 0, 4)
        broken = data / "images" / "001.png"
        broken.write_bytes(b"no image")
        arguments = [*self.with_model("evaluate"), "--data", data]
        self.refuse(1, *arguments, says=["001.png"])
        report = self.document(*arguments, "--skip-unreadable")
        self.assertEqual((report["samples"], report["skipped"]["count"]), (3, 1))
        self.assertIn("3 images; 1 unreadable, left out", self.succeed(*arguments, "--skip-unreadable").stdout)


class Calibrating(HostTest):
    def test_a_threshold_for_a_sensitivity(self):
        out = self.directory / "calibrated.safetensors"
        data = ["--data", self.root / "val"]
        arguments = [*self.with_model("calibrate"), *data, "--out", out, "--no-temperature", "--sensitivity", "0.75"]
        document = self.document(*arguments)
        self.assertEqual(document["path"], str(out))
        point = document["calibration"]["operating_point"]
        self.assertEqual((point["rule"], point["target"]), ("sensitivity", 0.75))
        self.assertGreaterEqual(point["sensitivity"]["value"], 0.75)
        report = self.document("evaluate", "--model", out, *ONE_CORE, *data)
        self.assertEqual(report["threshold"], document["calibration"]["after"]["threshold"])
        self.assertEqual(report["confusion_matrix"], {name: point[name] for name in report["confusion_matrix"]})

    def test_a_temperature(self):
        data = self.directory / "data"
        write_labelled(data, 24, 8)
        # Two images in both classes, so that the classes cannot be told apart without error.
        lines = (data / "labels.csv").read_text()
        for number in (25, 28):
            write_image(data / "images" / f"twin{number}.png", number, positive=number % 2 == 1)
            lines += f"twin{number}.png,{1 - number % 2}\n"
        (data / "labels.csv").write_text(lines)
        out = self.directory / "calibrated.safetensors"
        arguments = [*self.with_model("calibrate"), "--data", data, "--out", out]
        text = self.succeed(*arguments).stdout
        self.assertRegex(text, r"(?m)^temperature +1 -> \d")
        self.assertRegex(text, r"(?m)^calibrated on +10 images: 5 positive, 5 negative$")
        self.assertRegex(text, r"(?m)^threshold +0\.5 -> 0\.5$")
        self.assertTrue(out.exists())

    def test_what_cannot_be_done_is_refused(self):
        arguments = [*self.with_model("calibrate"), "--data", self.root / "val", "--out"]
        out = self.directory / "calibrated.safetensors"
        self.refuse(2, *arguments, out, "--youden", "--sensitivity", "0.9", says=["--youden", "--sensitivity"])
        self.refuse(2, *arguments, out, "--no-temperature", says=["--no-temperature"])
        self.refuse(2, *arguments, out, "--sensitivity", "0", says=["--sensitivity", "above 0"])
        self.refuse(2, *arguments, self.directory / "model.onnx", says=["safetensors"])
        self.refuse(1, *arguments, self.directory / "no" / "model.safetensors", says=["--out"])
        self.assertFalse(out.exists())


class Interrupting(HostTest):
    def test_ctrl_c_cancels_training_and_leaves_nothing(self):
        arguments = self.train_arguments(self.directory / "model.safetensors", epochs=NEVER_ENDING)
        with subprocess.Popen(
            [str(HOST), *map(str, arguments)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        ) as process:
            try:
                seen = []
                while not any(f"epoch 1/{NEVER_ENDING} training" in line for line in seen):
                    line = process.stderr.readline()
                    self.assertNotEqual(line, "", f"ended before the first epoch: {seen}")
                    seen.append(line)
                process.send_signal(signal.SIGINT)
                output, errors = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
        self.assertEqual(process.returncode, 130, errors)
        self.assertEqual(output, "")
        self.assertIn("lens-host: cancelled", errors)
        self.assertEqual(os.listdir(self.directory), [])


class Output(HostTest):
    def test_a_full_disk_is_a_failure(self):
        if not os.path.exists("/dev/full"):
            self.skipTest("this system has no /dev/full")
        for arguments in (["--help"], ["info", "--help"], ["info", "--json"]):
            with self.subTest(arguments), open("/dev/full", "w") as full:
                result = run(*arguments, stdout=full)
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertIn("standard output", result.stderr)

    def test_a_closed_pipe_is_a_failure(self):
        reader, writer = os.pipe()
        os.close(reader)
        try:
            result = run(*self.with_model("classify"), self.images[0], "--json", stdout=writer)
        finally:
            os.close(writer)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("standard output", result.stderr)


class Terminal(HostTest):
    def drawn(self, columns, *arguments):
        """What is drawn on a terminal of so many columns."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [str(HOST), *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave
        )
        os.close(slave)
        received = b""
        try:
            while True:
                try:
                    data = os.read(master, 4096)
                except OSError:
                    # Linux's way to say that the other side is closed.
                    break
                if not data:
                    break
                received += data
            self.assertEqual(process.wait(timeout=TIMEOUT), 0, received)
        finally:
            process.kill()
            process.wait()
            os.close(master)
        # Without what moves the cursor and clears lines.
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", received.decode())

    def test_a_bar_that_fits_the_terminal(self):
        for columns in (40, 120):
            with self.subTest(columns):
                text = self.drawn(columns, *self.train_arguments(self.directory / f"{columns}.safetensors"))
                pieces = [piece.rstrip() for piece in re.split(r"[\r\n]+", text)]
                self.assertLess(max(len(piece) for piece in pieces), columns)
                self.assertTrue(any(re.match(r"epoch 1/1 training .*100 %", piece) for piece in pieces), pieces)
                if columns == 120:
                    self.assertTrue(any(re.search(r"training  \[#{10,}\]  100 %", piece) for piece in pieces), pieces)
                # Each phase leaves its last state on a line of its own.
                self.assertRegex(text, r"\repoch 1/1 training [^\r\n]*100 %[^\r\n]*\r?\n")

    def test_quiet_draws_nothing(self):
        text = self.drawn(80, *self.train_arguments(self.directory / "quiet.safetensors"), "--quiet")
        self.assertNotIn("training", text)


if __name__ == "__main__":
    unittest.main()
