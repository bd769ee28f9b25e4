"""The command `lesionlens` where it does what is not in test_host: what FILE stands for, tables, other formats, splitting,
completions; and started from Python."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import termios
import time
import unittest
from pathlib import Path
from typing import Any

import numpy
import test_host as host
from test_readme import left_out

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ROOT / "bindings" / "python"
sys.path.insert(0, str(PACKAGES))

import dicom_file  # noqa: E402
import lesionlens  # noqa: E402

#: The name that the program is installed under.
PROGRAM = host.HOST.resolve()
PYTHON = [sys.executable, "-m", "lesionlens"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PACKAGES), os.environ.get("PYTHONPATH", "")])}
SMALL = ["--epochs", 1, "--size", 32, "--batch", 8, "--lr", "1e-3", "--seed", 7, *host.ONE_CORE]


def setUpModule() -> None:
    global root, model, images
    directory = tempfile.TemporaryDirectory(prefix="lesionlens-command-")
    unittest.addModuleCleanup(directory.cleanup)
    root = Path(directory.name)
    host.write_labelled(root / "train", 0, 16)
    host.write_labelled(root / "val", 16, 8)
    host.write_tiff(root / "cine.tif", [0, 1, 2])
    images = sorted((root / "val" / "images").iterdir())
    model = root / "model.safetensors"
    made = run("train", "--train", root / "train", "--val", root / "val", "--out", model, *SMALL, "--quiet")
    assert made.returncode == 0, made.stderr


def run(*arguments: object, program: list[str] | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    options = {"capture_output": True, "env": ENVIRONMENT, "input": "", **options}
    return subprocess.run([*(program or [str(PROGRAM)]), *map(str, arguments)], text=True, timeout=600, **options)


class CommandTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(dir=root))

    def succeed(self, *arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
        finished = run(*arguments, **options)
        self.assertEqual(finished.returncode, 0, finished.stderr)
        return finished

    def document(self, *arguments: object, **options: Any) -> dict[str, Any]:
        """The one JSON document on standard output."""
        return json.loads(self.succeed(*arguments, "--json", **options).stdout)

    def refuse(self, expected: int, *arguments: object, says: tuple[object, ...] | list[object], **options: Any) -> None:
        finished = run(*arguments, **options)
        self.assertEqual(finished.returncode, expected, f"{arguments}: {finished.stderr}")
        self.assertEqual(finished.stdout, "")
        self.assertTrue(finished.stderr.startswith("lesionlens: "), finished.stderr)
        for word in says:
            self.assertIn(str(word), finished.stderr)

    def classified(self, *operands: object, **options: Any) -> tuple[list[str], str]:
        """The files that were classified, and what was told about it."""
        finished = self.succeed("classify", "--model", model, *operands, *host.ONE_CORE, "--quiet", "--json", **options)
        return [entry["file"] for entry in json.loads(finished.stdout)["predictions"]], finished.stderr


class Inputs(CommandTest):
    def test_a_directory_stands_for_the_images_below_it(self) -> None:
        below = self.directory / "a" / "b"
        below.mkdir(parents=True)
        shutil.copy(images[0], below / "2.PNG")
        shutil.copy(images[1], self.directory / "1.png")
        shutil.copy(root / "cine.tif", self.directory / "c.tif")
        (below / ".cache").mkdir()
        shutil.copy(images[0], below / ".cache" / "thumbnail.png")
        for name in ("notes.txt", "labels.csv"):
            (below / name).write_text("")
        found, told = self.classified(self.directory)
        self.assertEqual(found, [str(self.directory / name) for name in ("1.png", "a/b/2.PNG", "c.tif")])
        left_out = "2 files that are no images (a/b/labels.csv, a/b/notes.txt) left out"
        self.assertEqual(told, f"lesionlens: {self.directory}: {left_out}\n")
        self.refuse(1, "classify", "--model", model, below.parent.parent / "none", says=["none", "No such file"])
        (self.directory / "empty").mkdir()
        self.refuse(1, "classify", "--model", model, self.directory / "empty", says=["no images", "empty"])

    def test_dicom_files_need_no_extension(self) -> None:
        (self.directory / "1.2.840.10008").write_bytes(b"\0" * 128 + b"DICM")
        # It is taken for an image, and is a broken one.
        self.refuse(1, "classify", "--model", model, self.directory, says=["1.2.840.10008"])

    def test_a_pattern_stands_for_what_it_matches(self) -> None:
        found, _ = self.classified(root / "val" / "images" / "01[6-8].png", root / "val/**/023.png")
        self.assertEqual(found, [str(images[index]) for index in (0, 1, 2, 7)])
        self.refuse(1, "classify", "--model", model, self.directory / "*.png", says=["*.png", "no file has such a name"])
        # A file may be called like a pattern.
        odd = self.directory / "frame[1].png"
        shutil.copy(images[0], odd)
        self.assertEqual(self.classified(odd)[0], [str(odd)])

    def test_names_come_from_standard_input(self) -> None:
        names = f"{images[3]}\n{images[1]}\r\n\n"
        self.assertEqual(self.classified(images[0], "-", input=names)[0], [str(images[index]) for index in (0, 3, 1)])
        self.refuse(1, "classify", "--model", model, "-", says=["standard input"])
        self.refuse(1, "classify", "--model", model, "-", input="missing.png\n", says=["missing.png"])


    def test_one_ctrl_c_ends_waiting_for_names(self) -> None:
        arguments = [PROGRAM, "classify", "--model", model, "-", *host.ONE_CORE]
        process = subprocess.Popen(
            [*map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        # A name that was taken shows that the program reads: its pipe is empty again.
        process.stdin.write(f"{images[0]}\n")
        process.stdin.flush()
        waiting = bytearray(4)
        while fcntl.ioctl(process.stdin, termios.FIONREAD, waiting) or any(waiting):
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        # Standard input stays open.
        self.assertEqual(process.wait(timeout=30), 130)
        self.assertEqual((process.stdout.read(), process.stderr.read()), ("", "lesionlens: cancelled\n"))
        for stream in (process.stdin, process.stdout, process.stderr):
            stream.close()

    def test_endless_and_waiting_files_are_refused(self) -> None:
        pipe, huge = self.directory / "pipe", self.directory / "huge"
        os.mkfifo(pipe)
        with open(huge, "wb") as file:
            file.truncate((2 << 30) + 1)
        classify = ["classify", images[0], *host.ONE_CORE, "--quiet"]
        train = ["train", "--train", root / "train", "--val", root / "val", "--out", self.directory / "m", *SMALL]
        for endless in ("/dev/zero", pipe):
            with self.subTest(endless):
                self.refuse(1, *classify, "--model", endless, says=[endless, "no regular file"])
                self.refuse(1, *classify, "--model", model, endless, says=[endless, "no regular file"])
                self.refuse(1, *train, "--quiet", "--init", endless, says=[endless, "no regular file"])
        self.refuse(1, *classify, "--model", huge, says=[huge, "2147483649 bytes", "at most 2147483648"])
        with open("/dev/zero", "rb") as zeros:
            options = {"input": None, "stdin": zeros}
            self.refuse(1, *classify, "--model", model, "-", says=["standard input", "65536 bytes"], **options)
        data = self.directory / "data"
        host.write_labelled(data, 0, 4)
        (data / "labels.csv").unlink()
        huge.rename(data / "labels.csv")
        self.refuse(1, "evaluate", "--model", model, "--data", data, says=["labels.csv", "at most 2147483648"])


class Tables(CommandTest):
    def rows(self, *arguments: object) -> tuple[list[dict[str, str]], dict[str, Any]]:
        table = self.directory / "table.csv"
        document = self.document(*arguments, *host.ONE_CORE, "--quiet", "--csv", table)
        with open(table, newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file)), document

    def test_of_predictions(self) -> None:
        odd = self.directory / 'a, "b".png'
        shutil.copy(images[0], odd)
        rows, document = self.rows("classify", "--model", model, odd, images[1])
        self.assertEqual([list(row) for row in rows], [list(entry) for entry in document["predictions"]])
        for row, entry in zip(rows, document["predictions"], strict=True):
            self.assertEqual(row["file"], entry["file"])
            self.assertEqual(float(row["probability"]), entry["probability"])
            self.assertEqual(int(row["label"]), entry["label"])

    def test_of_heatmaps(self) -> None:
        drawing = ["heatmap", "--model", model, "--out", self.directory / "heatmaps", "--tile", 32, "--stride", 16]
        rows, document = self.rows(*drawing, images[0])
        (row,), (entry,) = rows, document["maps"]
        self.assertEqual((row["file"], row["overlay"]), (entry["file"], entry["overlay"]))
        self.assertEqual(float(row["hottest_x"]), entry["hottest_tile"]["x"])
        self.assertEqual(float(row["probability"]), entry["prediction"]["probability"])
        rows, document = self.rows(*drawing, root / "cine.tif", "--all-frames")
        self.assertEqual([row["kind"] for row in rows], ["best", "max", "mean"])
        self.assertEqual([row["frame"] for row in rows], [str(document["cines"][0]["best_frame"]), "", ""])

    def test_of_an_evaluation(self) -> None:
        rows, report = self.rows("evaluate", "--model", model, "--data", root / "val", "--bootstrap", 100)
        self.assertEqual([row["id"] for row in rows], [entry["id"] for entry in report["results"]])
        for row, entry in zip(rows, report["results"], strict=True):
            self.assertEqual(float(row["probability"]), entry["probability"])

    def test_a_place_that_cannot_be_written_is_refused_first(self) -> None:
        table = self.directory / "no" / "table.csv"
        self.refuse(1, "classify", "--model", "none", images[0], "--csv", table, says=["--csv", "does not exist"])


class Reading(CommandTest):
    """How files are read is the model's, unless it is said."""

    def setUp(self) -> None:
        super().setUp()
        columns, rows = numpy.meshgrid(numpy.arange(64), numpy.arange(48))
        self.pixels = (columns * 40 + rows * 20 + columns * rows % 300).astype(numpy.uint16)
        self.table = lesionlens.LookupTable((numpy.arange(2000) % 900).astype(numpy.uint16), first=200, bits=10)
        self.path = self.directory / "viewing.dcm"
        self.path.write_bytes(dicom_file.made(self.pixels, self.table, window_center=1200.0, window_width=900.0))

    def logit(self, *arguments: object, of: Path | None = None) -> float:
        document = self.document("classify", "--model", of or model, *host.ONE_CORE, "--quiet", self.path, *arguments)
        return document["predictions"][0]["logit"]

    def seen(self, **tone: Any) -> float:
        with lesionlens.Context(device="cpu", threads=1) as context:
            return context.load_model(model).classify(lesionlens.Image(self.pixels, bits_stored=12, **tone)).logit

    def test_windows_and_display_are_options(self) -> None:
        sigmoid = self.seen(window_function="sigmoid", window_center=1200.0, window_width=900.0)
        table, whole = self.seen(lut=self.table), self.seen()
        self.assertGreater(min(abs(sigmoid - table), abs(table - whole), abs(sigmoid - whole)), 1e-3)
        self.assertAlmostEqual(self.logit(), sigmoid, places=5)
        self.assertAlmostEqual(self.logit("--window", 1), table, places=5)
        self.assertAlmostEqual(self.logit("--display", "full-range"), whole, places=5)
        self.assertAlmostEqual(self.logit("--display", "full-range", "--window", 7), whole, places=5)
        classify = ["classify", "--model", model, self.path, *host.ONE_CORE]
        self.refuse(1, *classify, "--window", 2, says=[self.path, "--window is 2", "2 window(s)"])
        self.refuse(2, *classify, "--display", "wide", says=["--display", "wide", "full-range"])

    def test_a_model_keeps_how_it_was_trained(self) -> None:
        data = self.directory / "data"
        for name, shift in (("healthy", 0), ("ill", 60)):
            (data / name).mkdir(parents=True)
            for number in range(3):
                pixels = self.pixels // (number + 1) + shift
                written = dicom_file.made(pixels, self.table, window_center=1200.0, window_width=900.0)
                (data / name / str(number)).write_bytes(written)
        out = self.directory / "trained.safetensors"
        training = ["--train", data, "--val", data, "--out", out, *SMALL, "--quiet", "--display", "full-range"]
        self.succeed("train", *training, "--window", 1)
        reading = {"display": "full_range", "window": 1, "apply_orientation": True}
        self.assertEqual(self.document("describe", "--model", out)["preprocessing"]["reading"], reading)
        trained = self.logit(of=out)
        self.assertEqual(trained, self.logit("--display", "full-range", of=out))
        self.assertNotAlmostEqual(trained, self.logit("--display", "viewer", of=out), places=4)
        evaluated = self.document("evaluate", "--model", out, "--data", data, *host.ONE_CORE, "--quiet")
        found = {entry["id"]: entry["logit"] for entry in evaluated["results"]}
        self.path.write_bytes((data / "ill" / "2").read_bytes())
        self.assertAlmostEqual(found["ill/2"], self.logit(of=out), places=5)


class Safety(CommandTest):
    def test_outputs_are_not_written_over_inputs(self) -> None:
        data = self.directory / "data"
        host.write_labelled(data, 0, 4)
        image = sorted((data / "images").iterdir())[0]
        own_model = Path(shutil.copy(model, self.directory / "model.safetensors"))
        with_model = ["--model", own_model, *host.ONE_CORE, "--quiet"]
        training = ["--train", data, "--val", data, *SMALL, "--quiet"]
        for arguments, output in (
            (["classify", *with_model, image, "--csv", image], image),
            (["classify", *with_model, image, "--csv", own_model], own_model),
            (["heatmap", *with_model, image, "--out", self.directory, "--csv", image], image),
            (["evaluate", *with_model, "--data", data, "--csv", image], image),
            (["evaluate", *with_model, "--data", data, "--csv", data / "labels.csv"], data / "labels.csv"),
            (["train", *training, "--out", image], image),
            (["train", *training, "--init", own_model, "--out", own_model], own_model),
            (["calibrate", *with_model, "--data", data, "--out", image], image),
            (["calibrate", *with_model, "--data", data, "--out", own_model], own_model),
            (["optimize", *with_model, "--data", data, "--variant", "int8", "--out", image], image),
            (["optimize", *with_model, "--variant", "state-dict", "--out", own_model], own_model),
            (["export", *with_model, "--out", own_model], own_model),
        ):
            with self.subTest(f"{arguments[0]} {output.name}"):
                before = output.read_bytes()
                self.refuse(2, *arguments, says=[output, "is the input"])
                self.assertEqual(output.read_bytes(), before)

    def test_directories_of_results_replace_no_inputs(self) -> None:
        run_directory, report = self.directory / "run", self.directory / "report"
        host.write_labelled(run_directory, 0, 4)
        best = Path(shutil.copy(model, run_directory / "best.safetensors"))
        host.write_labelled(report, 0, 4)
        image = (report / "images").rename(report / "flagged_raw") / "000.png"
        training = ["--train", run_directory, "--val", run_directory, "--out", self.directory / "m", *SMALL, "--quiet"]
        evaluation = ["--model", model, "--data", report, "--image-directory", "flagged_raw", *host.ONE_CORE, "--quiet"]
        for arguments, kept in (
            (["train", *training, "--init", best, "--run-dir", run_directory], best),
            (["evaluate", *evaluation, "--out", report], image),
        ):
            with self.subTest(arguments[0]):
                before = kept.read_bytes()
                self.refuse(2, *arguments, says=[kept.parent, "would be replaced"])
                self.assertEqual(kept.read_bytes(), before)

    def test_messages_name_flags(self) -> None:
        structs = json.loads((ROOT / "bindings" / "interface.json").read_text(encoding="utf-8"))["structs"]
        options = {field["name"] for struct in structs for field in struct["fields"] if "option" in field}
        names = ["LENS_", *(name for name in options if "_" in name)]
        data = ["--train", root / "train", "--val", root / "val", "--out", self.directory / "m"]
        for arguments, says in (
            ([*data, *SMALL, "--memory-cap", 1], ["--size", "--memory-cap"]),
            ([*data, *SMALL, "--label-column", "none"], ["--label-column"]),
            ([*data, *SMALL, "--positive", "none"], ["--positive"]),
            ([*data, *SMALL, "--init", images[0]], ["--init"]),
            ([*data, *SMALL, "--libtorch-dir", self.directory, "--engine", "torch"], ["--libtorch-dir"]),
            ([*data, *SMALL[:-4], "--device", "cpu", "--device-index", 1], ["--device-index is 1"]),
            ([*data, *SMALL, "--precision", "int8", "--engine", "torch"], ["--precision auto"]),
        ):
            with self.subTest(says):
                told = run("train", *arguments, "--quiet")
                self.assertEqual(told.returncode, 1)
                for word in says:
                    self.assertIn(word, told.stderr)
                for name in names:
                    self.assertNotIn(name, told.stderr)

    def test_only_regular_files_are_replaced(self) -> None:
        link, pipe = self.directory / "link.csv", self.directory / "pipe"
        link.symlink_to(self.directory / "elsewhere.csv")
        os.mkfifo(pipe)
        for output in (link, pipe):
            with self.subTest(output.name):
                classify = ["classify", "--model", model, images[0], *host.ONE_CORE, "--quiet"]
                self.refuse(1, *classify, "--csv", output, says=[output, "no regular file"])
        self.assertTrue(link.is_symlink() and pipe.is_fifo())

    def test_standard_error_that_cannot_be_written_stops_nothing(self) -> None:
        with open("/dev/full", "w") as full:
            options = {"capture_output": False, "stdout": subprocess.PIPE, "stderr": full}
            finished = run("classify", "--model", model, images[0], *host.ONE_CORE, "--json", **options)
            self.assertEqual(finished.returncode, 0)
            self.assertEqual(len(json.loads(finished.stdout)["predictions"]), 1)
            self.assertEqual(run("no-such-command", **options).returncode, 2)
            self.assertEqual(run("describe", "--model", self.directory / "none", **options).returncode, 1)

    def test_links_that_lead_nowhere_are_left_out(self) -> None:
        shutil.copy(images[0], self.directory / "a.png")
        (self.directory / "broken.png").symlink_to("nowhere")
        (self.directory / "again").symlink_to(".")
        found, told = self.classified(self.directory)
        self.assertEqual(found, [str(self.directory / "a.png")])
        self.assertIn("broken.png", told)

    def test_resuming_with_fewer_epochs_than_are_done(self) -> None:
        run_directory, data = self.directory / "run", ["--train", root / "train", "--val", root / "val"]
        training = ["train", *data, *SMALL, "--quiet", "--run-dir", run_directory, "--out", self.directory / "m.safetensors"]
        self.succeed(*self.with_epochs(training, 2))
        self.refuse(1, *self.with_epochs(training, 1), "--resume", says=["epochs is 1", "2 done"])

    @staticmethod
    def with_epochs(arguments: list[object], count: int) -> list[object]:
        changed = list(arguments)
        changed[changed.index("--epochs") + 1] = count
        return changed


class Models(CommandTest):
    def test_formats_by_name_and_by_ending(self) -> None:
        for name, arguments in {"m.onnx": [], "m.safetensors": [], "m.bin": ["--format", "onnx"]}.items():
            with self.subTest(name):
                out = self.directory / name
                document = self.document("export", "--model", model, "--out", out, *arguments, *host.ONE_CORE)
                format = "safetensors" if name.endswith("safetensors") else "onnx"
                self.assertEqual(document, {"path": str(out), "format": format, "bytes": out.stat().st_size})
                expected = self.directory / "expected"
                with lesionlens.Context(threads=1) as context, context.load_model(model) as loaded:
                    loaded.save(expected, format)
                self.assertEqual(out.read_bytes(), expected.read_bytes())

    def test_what_cannot_be_exported_is_refused(self) -> None:
        arguments = ["export", "--model", model, *host.ONE_CORE]
        self.refuse(2, *arguments, "--out", self.directory / "m.h5", says=["m.h5", ".onnx", "--format"])
        self.refuse(2, *arguments, "--out", "m", "--format", "keras", says=["--format", "keras", "onnx"])
        self.refuse(2, *arguments, "--out", "m.pt2", says=["m.pt2", "lesionlens-export"])
        self.refuse(1, *arguments, "--out", self.directory / "none" / "m.onnx", says=["none", "does not exist"])
        self.refuse(1, "export", "--model", images[0], "--out", self.directory / "m.onnx", says=[images[0]])
        # What weights of other programs mean is asked for; a model of this library says it itself.
        arguments += ["--out", "m.onnx"]
        self.refuse(1, *arguments, "--head-positive", "1", says=["--head-positive", "a model of this library"])
        self.refuse(2, *arguments, "--head-kind", "both", says=["--head-kind", "auto, softmax or sigmoid"])
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_model_is_described(self) -> None:
        with lesionlens.Context(threads=1) as context, context.load_model(model) as loaded:
            expected = loaded.describe()
        for command in ("describe", "info"):
            self.assertEqual(self.document(command, "--model", model, "--threads", 1), expected)
        text = self.succeed("describe", "--model", model, *host.ONE_CORE).stdout
        self.assertRegex(text, r"(?m)^architecture: densenet121$")

    def test_an_8_bit_model(self) -> None:
        out = self.directory / "int8.safetensors"
        arguments = ["optimize", "--model", model, "--out", out, "--variant", "int8", *host.ONE_CORE, "--quiet"]
        document = self.document(*arguments, "--data", root / "val")
        self.assertEqual(document, {"path": str(out), "variant": "int8", "bytes": out.stat().st_size})
        self.assertTrue(self.document("describe", "--model", out)["int8"])
        self.refuse(2, *arguments, says=["--data", "int8"])
        self.refuse(2, *arguments[:5], "--data", root / "val", says=["--data", "--variant int8"])


class Splitting(CommandTest):
    def test_a_data_directory_becomes_two(self) -> None:
        first, second = self.directory / "first", self.directory / "second"
        arguments = ["split", "--data", root / "train", "--first", first, "--second", second]
        document = self.document(*arguments, "--share", "0.75", "--seed", 3)
        self.assertEqual(document["first"], {"path": str(first), "samples": 12, "positives": 6, "negatives": 6})
        self.assertEqual(document["second"]["samples"], 4)
        tables = []
        for place in (first, second):
            with open(place / "labels.csv", newline="") as table:
                tables.append([(row["patch_filename"], int(row["stenoza_label"])) for row in csv.DictReader(table)])
        self.assertEqual(len({*tables[0], *tables[1]}), 16)
        # As the library splits.
        parts = lesionlens.Dataset.open(root / "train").split(0.75, 3)
        with lesionlens.Context(threads=1) as context, context.load_model(model) as loaded:
            reports = [loaded.evaluate(part, bootstrap_samples=0) for part in parts]
        self.assertEqual(tables, [[(entry["id"], entry["label"]) for entry in report["results"]] for report in reports])
        out = self.directory / "m.safetensors"
        self.succeed("train", "--train", first, "--val", second, "--out", out, *SMALL, "--quiet")
        self.refuse(1, *arguments, says=["--first", "labels.csv already"])

    def test_folders_and_frames_stay_what_they_are(self) -> None:
        data = self.directory / "frames"
        (data / "images").mkdir(parents=True)
        names = [f"cine{number}.tif" for number in range(3)]
        for name in names:
            shutil.copy(root / "cine.tif", data / "images" / name)
        rows = [f"{name},{frame % 2},{frame}" for name in names for frame in range(3)]
        (data / "labels.csv").write_text("\n".join(["patch_filename,stenoza_label,frame", *rows]) + "\n")
        folders = self.directory / "folders"
        for name in ("healthy", "ill"):
            (folders / name).mkdir(parents=True)
            for index in range(3):
                shutil.copy(images[index], folders / name / f"{index}.png")
        for source in (data, folders):
            first, second = source.with_suffix(".first"), source.with_suffix(".second")
            arguments = ["split", "--data", source, "--first", first, "--second", second, "--share", "0.5"]
            self.succeed(*arguments)
            whole = {entry["id"] for entry in self.evaluated(source)}
            parts = [entry["id"] for place in (first, second) for entry in self.evaluated(place)]
            self.assertEqual(set(parts), whole)

    def evaluated(self, data: Path) -> list[dict[str, Any]]:
        arguments = ["--model", model, "--data", data, "--bootstrap", 0, *host.ONE_CORE, "--quiet"]
        return self.document("evaluate", *arguments)["results"]

    def test_wrong_shares_and_places_are_refused(self) -> None:
        data = ["split", "--data", root / "train"]
        out = self.directory / "a"
        self.refuse(2, *data, "--first", out, "--second", out, says=["--first", "--second", out])
        self.refuse(2, *data, "--first", out, "--second", "b", "--share", "1", says=["--share", "below 1"])
        self.assertFalse(out.exists())


class Reference(CommandTest):
    def test_the_reference_pipelines_variables_are_read(self) -> None:
        arguments = ["evaluate", "--model", model, "--data", root / "val", "--reference", *host.ONE_CORE, "--quiet"]
        variables = {**ENVIRONMENT, "BAD_IMAGE_CRITERION": "pred", "SAVE_HEATMAP_RAW": "no", "BAD_CONF_THRESHOLD": ""}
        for options, has_raw in (([], False), (["--bad", "confidence", "--bad-confidence", "0"], False)):
            out = self.directory / f"out{len(options)}"
            report = self.document(*arguments, *options, "--out", out, "--threshold", 1, env=variables)
            self.assertEqual(report["called_by"], "heatmap")
            # By prediction nothing is flagged at this threshold; the command line comes before the variable.
            self.assertEqual(report["flagged"], 8 if options else 0)
            self.assertEqual((out / "flagged_raw").exists(), has_raw)
        wrong = {**ENVIRONMENT, "BAD_CONF_THRESHOLD": "much"}
        self.refuse(1, *arguments, env=wrong, says=["BAD_CONF_THRESHOLD", "'much'", "0 to 1"])


class WrongInput(CommandTest):
    def test_wrong_command_lines(self) -> None:
        train = ["train", "--train", "t", "--val", "v", "--out", "m.safetensors"]
        classify = ["classify", "--model", "m"]
        cases = [
            (["info", "--verb=1"], ["'--verb'"]),
            ([*train, "--epochs", "1_0"], ["--epochs", "1_0"]),
            ([*train, "--epoch", "3"], ["--epoch", "--epochs"]),
            ([*train, "--run-dir", ""], ["--run-dir", "empty"]),
            (["train", "--train", "t", "--val", "v", "--out", "m.onnx"], ["m.onnx", "safetensors", "export"]),
            (["completions", "tcsh"], ["tcsh"]),
            (["man", "trian"], ["trian"]),
            (["--"], ["no command given", "usage: lesionlens"]),
            (["--", "info"], ["no command given"]),
            ([*classify, "--"], ["no FILE given"]),
        ]
        for arguments, says in cases:
            with self.subTest(arguments):
                self.refuse(2, *arguments, says=says)
        # Behind "--" it is a file's name.
        self.refuse(1, *classify, "--", "--json", says=["cannot read '--json'"])

    def test_files_that_are_no_images_are_named(self) -> None:
        broken = self.directory / "broken.png"
        broken.write_bytes(images[0].read_bytes()[:60])
        for name in ("classify", "heatmap"):
            out = ["--out", self.directory / "h"] if name == "heatmap" else []
            for bad in (self.directory / "missing.png", broken, root / "val" / "labels.csv"):
                with self.subTest(f"{name} {bad}"):
                    arguments = [name, "--model", model, images[0], bad, *out, *host.ONE_CORE, "--quiet"]
                    self.refuse(1, *arguments, says=[bad])
        self.assertEqual(os.listdir(self.directory), ["broken.png"])

    def test_heatmaps_are_not_written_over_one_another_or_into_files(self) -> None:
        below = self.directory / "b"
        below.mkdir()
        for place in (self.directory, below):
            shutil.copy(images[0], place / "a.png")
        names = ["heatmap", "--model", "m", self.directory / "a.png", below / "a.png", "--out", "o"]
        self.refuse(2, *names, says=["both be written", "a_overlay.png"])
        self.refuse(1, "heatmap", "--model", "m", images[0], "--out", images[1], says=["--out", images[1], "is a file"])
        source = self.directory / "a_overlay.png"
        source.write_bytes(images[0].read_bytes())
        link = below / "a.png"
        link.unlink()
        link.symlink_to(source)
        self.refuse(2, "heatmap", "--model", model, link, "--out", self.directory, says=[link, "over the input"])

    def test_wrong_training_data_is_named(self) -> None:
        labels = self.directory / "labels"
        host.write_labelled(labels, 0, 4)
        (labels / "labels.csv").write_text("patch_filename,stenoza_label\n000.png,0\n001.png,maybe\n")
        out = self.directory / "m.safetensors"
        for bad, says in ((labels, ["maybe"]), (self.directory / "none", ["none"]), (images[0], [])):
            with self.subTest(bad):
                arguments = ["train", "--train", bad, "--val", root / "val", "--out", out, *SMALL]
                self.refuse(1, *arguments, says=[bad, *says])
        # A place where nobody may write, whatever its permissions say.
        endless = ["train", "--train", root / "train", "--val", root / "val", "--epochs", host.NEVER_ENDING]
        self.refuse(1, *endless, "--out", "/proc/model.safetensors", says=["--out", "cannot be written", "/proc"])
        self.assertFalse(out.exists())


class Shells(CommandTest):
    def test_completions_are_scripts_that_know_options_and_values(self) -> None:
        for shell in ("bash", "zsh", "fish"):
            with self.subTest(shell):
                script = self.succeed("completions", shell).stdout
                for word in ("classify", "checkpoint-minutes", "grad-cam++"):
                    self.assertIn(word, script)
                if shutil.which(shell) is None:
                    left_out(f"syntax of the completions for {shell} (no {shell})")
                else:
                    checked = subprocess.run([shell, "-n"], input=script, capture_output=True, text=True, timeout=60)
                    self.assertEqual((checked.returncode, checked.stderr), (0, ""))
        typed = "source /dev/stdin\nCOMP_WORDS=(lesionlens heatmap --method gr) COMP_CWORD=3\n_lesionlens lesionlens gr --method\n"
        asked = f'{typed}echo "${{COMPREPLY[@]}}"'
        script = self.succeed("completions", "bash").stdout
        completed = subprocess.run(["bash", "-c", asked], input=script, capture_output=True, text=True, timeout=60)
        self.assertEqual(completed.stdout, "grad-cam++\n", completed.stderr)

    def test_manual_pages(self) -> None:
        self.assertIn(".TH lesionlens 1", self.succeed("man").stdout)
        page = self.succeed("man", "train").stdout
        self.assertIn(".TH lesionlens-train 1", page)
        self.assertIn("label\\-smoothing", page)
        self.succeed("man", "--out", self.directory)
        self.assertEqual((self.directory / "lesionlens.1").read_text(), self.succeed("man").stdout)
        self.assertEqual(len(os.listdir(self.directory)), 1 + len(host.OPTIONS))

    def test_its_version_is_the_librarys(self) -> None:
        self.assertEqual(self.succeed("--version").stdout, f"lesionlens {lesionlens.library_version}\n")


class FromPython(CommandTest):
    def test_it_is_the_same_program(self) -> None:
        arguments = ["classify", "--model", model, images[0], *host.ONE_CORE, "--quiet", "--json"]
        self.assertEqual(run(*arguments, program=PYTHON).stdout, run(*arguments).stdout)
        refused = run("info", "--device", "gpu", program=PYTHON)
        self.assertEqual(refused.returncode, 2)
        self.assertTrue(refused.stderr.startswith("lesionlens: info: --device 'gpu'"), refused.stderr)

    def test_ctrl_c_reaches_it(self) -> None:
        out = self.directory / "model.safetensors"
        data = ["--train", root / "train", "--val", root / "val", "--out", out]
        arguments = [*PYTHON, "train", *data, *SMALL[2:], "--epochs", host.NEVER_ENDING]
        process = subprocess.Popen(
            [*map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        seen = ""
        while "training" not in seen:
            line = process.stderr.readline()
            self.assertTrue(line, seen)
            seen += line
        pressed = time.monotonic()
        process.send_signal(2)
        output, errors = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - pressed, 20)
        self.assertEqual((process.returncode, output), (130, ""))
        self.assertEqual(errors.splitlines()[-1], "lesionlens: cancelled")
        self.assertEqual(os.listdir(self.directory), [])

    def test_a_directory_without_libtorch_is_told(self) -> None:
        environment = {**ENVIRONMENT, "LESIONLENS_LIBTORCH": str(self.directory)}
        for program in (PYTHON, [str(PROGRAM)]):
            refused = run("info", "--engine", "torch", program=program, env=environment)
            self.assertEqual(refused.returncode, 1)
            self.assertIn(str(self.directory), refused.stderr)
            self.assertTrue(refused.stderr.startswith("lesionlens: "), refused.stderr)


EXAMPLE = ROOT / "target" / "example-host"


class ExampleInC(CommandTest):
    """examples/host says what the command line says."""

    def run_example(self, *arguments: object, code: int = 0) -> tuple[str, str]:
        finished = subprocess.run([EXAMPLE, *map(str, arguments)], capture_output=True, text=True, timeout=600)
        self.assertEqual(finished.returncode, code, finished.stderr)
        return finished.stdout, finished.stderr

    def test_predictions_and_heatmaps_are_the_programs(self) -> None:
        printed, _ = self.run_example("classify", model, *images[:3])
        entries = self.document("classify", "--model", model, *images[:3], "--quiet")["predictions"]
        for line, entry in zip(printed.splitlines(), entries, strict=True):
            name, probability, label = re.fullmatch(r"(.*): probability (\S+), (\w+)", line).groups()
            self.assertEqual((name, label == "positive"), (entry["file"], entry["label"] == 1))
            self.assertAlmostEqual(float(probability), entry["probability"], places=5)
        overlay = self.directory / "overlay.png"
        printed, told = self.run_example("heatmap", model, images[0], overlay)
        arguments = ["--model", model, images[0], "--out", self.directory / "heatmaps", "--outline", 1]
        (entry,) = self.document("heatmap", *arguments)["maps"]
        self.assertAlmostEqual(float(re.match(r"mean (\S+),", printed)[1]), entry["mean"], places=5)
        self.assertEqual(host.png_header(overlay), host.png_header(entry["overlay"]))
        self.assertRegex(told, r"drawing: \d+ of \d+")

    def test_training_and_ctrl_c(self) -> None:
        out = self.directory / "m.safetensors"
        data = ["train", root / "train", root / "val", out]
        _, told = self.run_example(*data, 1, 32, 8)
        self.assertIn("training: 16 of 16 of epoch 1 of 1", told)
        self.document("classify", "--model", out, images[0])
        out.unlink()
        process = subprocess.Popen([EXAMPLE, *map(str, data), "100000", "32", "8"], stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        process.stderr.readline()
        process.send_signal(2)
        errors = process.communicate(timeout=60)[1]
        self.assertEqual(process.returncode, 130, errors)
        self.assertIn("example: cancelled", errors)
        self.assertFalse(out.exists())

    def test_errors_are_shown(self) -> None:
        _, told = self.run_example("classify", model, self.directory / "missing.png", code=1)
        self.assertRegex(told, r"example: .*missing\.png.*No such file.*\(LENS_ERROR_IO\)")
        self.assertIn("usage", self.run_example("draw", code=2)[1])


if __name__ == "__main__":
    unittest.main()
