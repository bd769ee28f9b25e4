"""The `lesionlens` command: beside the host program, whose options and documents it shares, and with wrong input."""

from __future__ import annotations

import contextlib
import fcntl
import io
import json
import math
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest
import unittest.mock
from pathlib import Path
from typing import Any

import test_host as host

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402
from lesionlens import command  # noqa: E402
from lesionlens.command.progress import Bar, View, duration  # noqa: E402

ENVIRONMENT = {
    **os.environ,
    "PYTHONPATH": os.pathsep.join([str(ROOT / "bindings" / "python"), os.environ.get("PYTHONPATH", "")]),
}
COMMAND = [sys.executable, "-m", "lesionlens"]
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
    made = host.run("train", *data(), "--out", model, *SMALL, "--quiet", "--json")
    assert made.returncode == 0, made.stderr
    global trained_by_host
    trained_by_host = json.loads(made.stdout)


def data() -> list[object]:
    return ["--train", root / "train", "--val", root / "val"]


def run(*arguments: object, **options: Any) -> subprocess.CompletedProcess[str]:
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "env": ENVIRONMENT, **options}
    return subprocess.run([*COMMAND, *map(str, arguments)], stdin=subprocess.DEVNULL, text=True, timeout=600, **options)


def run_here(*arguments: object) -> tuple[int, str, str]:
    """In this process, which saves starting one: exit code, standard output, standard error."""
    output, errors = io.StringIO(), io.StringIO()
    handler = signal.getsignal(signal.SIGINT)
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            code = command.main([str(argument) for argument in arguments])
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            signal.signal(signal.SIGINT, handler)
    return code, output.getvalue(), errors.getvalue()


class CommandTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(dir=root))

    def document(self, *arguments: object) -> dict[str, Any]:
        """The one JSON document on standard output."""
        code, output, errors = run_here(*arguments, "--json")
        self.assertEqual(code, 0, errors)
        return json.loads(output)

    def refuse(self, expected: int, *arguments: object, says: tuple[object, ...] | list[object]) -> None:
        code, output, errors = run_here(*arguments)
        self.assertEqual(code, expected, f"{arguments}: {errors}")
        self.assertEqual(output, "")
        self.assertTrue(errors.startswith("lesionlens: "), errors)
        self.assertNotIn("Traceback", errors)
        for word in says:
            self.assertIn(str(word), errors)

    def assert_same(self, first: Any, second: Any, where: str = "") -> None:
        """Documents, whose numbers may be written with fewer digits."""
        if isinstance(first, dict):
            self.assertEqual(list(first), list(second), where)
            for key in first:
                self.assert_same(first[key], second[key], f"{where}.{key}")
        elif isinstance(first, list):
            self.assertEqual(len(first), len(second), where)
            for index, pair in enumerate(zip(first, second)):
                self.assert_same(*pair, f"{where}[{index}]")
        elif isinstance(first, float):
            self.assertTrue(math.isclose(first, second, rel_tol=1e-6, abs_tol=1e-9), f"{where}: {first} and {second}")
        else:
            self.assertEqual(first, second, where)


def options_of(help_text: str) -> dict[str, tuple[str, str | None]]:
    """Each option's value and default."""
    found = {}
    # A value is in capitals, or a list of choices.
    pattern = r"^  (--\S+)(?: ([A-Z]\S*|\S+\|\S+))?(?:\n +| +)(.*)$"
    for name, value, text in re.findall(pattern, help_text, re.MULTILINE):
        default = re.search(r"\(default: (.*?)\)(?:; required)?$", text)
        found[name] = (value, default[1] if default else None)
    return found


class BesideTheHost(CommandTest):
    """A user of one knows the other."""

    def test_every_option_is_the_hosts_with_its_value_and_default(self) -> None:
        own = {"info": {"--model"}, "train": set(), "classify": set(), "heatmap": set(), "evaluate": set()}
        self.assertEqual({*own, "export"}, set(command.COMMANDS))
        for name, additional in own.items():
            with self.subTest(name):
                with unittest.mock.patch.dict(os.environ, {"COLUMNS": "1000"}):
                    options = options_of(run_here(name, "--help")[1])
                theirs = options_of(host.run(name, "--help").stdout)
                self.assertGreater(len(options), 8)
                for option in additional:
                    del options[option]
                self.assertEqual(options, {option: theirs[option] for option in options if option in theirs})

    def test_documents_are_the_hosts(self) -> None:
        cases = {
            "classify": ["classify", "--model", model, *images, root / "cine.tif"],
            "one frame": ["classify", "--model", model, root / "cine.tif", "--frame", 2, "--threshold", "0.25"],
            "evaluate": ["evaluate", "--model", model, "--data", root / "val", "--seed", 3, "--bootstrap", 100],
        }
        for name, arguments in cases.items():
            with self.subTest(name):
                expected = json.loads(host.run(*arguments, *host.ONE_CORE, "--quiet", "--json").stdout)
                found = self.document(*arguments, *host.ONE_CORE, "--quiet")
                for document in (expected, found):
                    for when in ("seconds", "started", "timings"):
                        document.pop(when, None)
                self.assert_same(expected, found)

    def test_heatmaps_are_the_hosts(self) -> None:
        tiles = ["--tile", 32, "--stride", 16]
        cases = [
            [images[0], images[1], *tiles, "--colormap", "jet", "--alpha", "0.7", "--absolute", "--color-bar"],
            [root / "cine.tif", *tiles, "--all-frames", "--outline", 1, "--blend", "gaussian"],
            [images[0], "--method", "grad-cam++", "--resize", "64x48"],
            [images[0], *tiles, "--resolution", "tiles", "--scale", "0.9"],
        ]
        for number, arguments in enumerate(cases):
            with self.subTest(arguments):
                theirs, own = self.directory / f"host{number}", self.directory / f"own{number}"
                common = ["heatmap", "--model", model, *arguments, *host.ONE_CORE, "--json", "--quiet"]
                printed = host.run(*common, "--out", theirs)
                self.assertEqual(printed.returncode, 0, printed.stderr)
                found = self.document(*common[:-2], "--quiet", "--out", own)
                self.assert_same(json.loads(printed.stdout.replace(str(theirs), str(own))), found)
                self.assertEqual(sorted(os.listdir(own)), sorted(os.listdir(theirs)))
                for file in theirs.iterdir():
                    self.assertEqual((own / file.name).read_bytes(), file.read_bytes(), file.name)

    def test_a_training_ends_with_the_hosts_weights(self) -> None:
        out = self.directory / "model.safetensors"
        finished = run("train", *data(), "--out", out, *SMALL, "--json")
        self.assertEqual(finished.returncode, 0, finished.stderr)
        document = json.loads(finished.stdout)
        self.assertEqual(document["path"], str(out))
        self.assertEqual(document["model"]["model_sha256"], trained_by_host["model"]["model_sha256"])
        self.assertEqual(document["model"]["training"]["options"], trained_by_host["model"]["training"]["options"])
        self.assertRegex(finished.stderr, r"(?m)^lesionlens: epoch 1/1 training: 16/16 \(100 %\), loss 0\.\d+")
        self.assertNotIn("\r", finished.stderr)

    def test_the_reference_pipelines_variables_are_read(self) -> None:
        with unittest.mock.patch.dict(os.environ, {"BAD_IMAGE_CRITERION": "pred", "SAVE_HEATMAP_RAW": "no"}):
            arguments = ["evaluate", "--model", model, "--data", root / "val", "--reference", *host.ONE_CORE, "--quiet"]
            theirs, own = self.directory / "host", self.directory / "own"
            self.assertEqual(host.run(*arguments, "--out", theirs).returncode, 0)
            self.document(*arguments, "--out", own)
            names = [sorted(path.relative_to(out) for path in out.rglob("*")) for out in (theirs, own)]
            self.assertEqual(*names)
            self.assertFalse([name for name in names[1] if name.suffix == ".npy"])
        with unittest.mock.patch.dict(os.environ, {"BAD_CONF_THRESHOLD": "much"}):
            self.refuse(1, *arguments, says=["BAD_CONF_THRESHOLD", "'much'", "from 0 to 1"])


class Text(CommandTest):
    def test_the_command_lists_its_commands(self) -> None:
        text = run_here("--help")[1]
        for name in command.COMMANDS:
            self.assertIn(name, text)
        self.assertEqual(run("--version").stdout, f"lesionlens {lesionlens.library_version}\n")

    def test_results_as_text(self) -> None:
        one = ["--model", model, *host.ONE_CORE, "--quiet"]
        probability = self.document("classify", *one, images[1])["predictions"][0]["probability"]
        row = rf"(?m)^{re.escape(str(images[1]))}  +{probability:.4f} +-?\d+\.\d+  \w+tive$"
        cases = [
            (["classify", *one, images[1]], row),
            (["evaluate", *one, "--data", root / "val"], r"(?m)^ROC AUC +[01](\.\d+)?\b"),
            (["heatmap", *one, images[1], "--out", self.directory / "h"], r"hottest at x \d+, y \d+, 48 x 48 pixels"),
            (["info", *host.ONE_CORE], r"(?m)^  device: cpu  \(.+\)$"),
            (["info", *one], r"(?m)^architecture: densenet121$"),
        ]
        for arguments, pattern in cases:
            with self.subTest(arguments[0]):
                code, output, errors = run_here(*arguments)
                self.assertEqual((code, errors), (0, ""))
                self.assertRegex(output, pattern)

    def test_info_has_the_whole_description(self) -> None:
        self.assertEqual(self.document("info", "--threads", 1)["policy"]["threads"]["value"], 1)
        with lesionlens.Context(threads=1) as context, context.load_model(model) as loaded:
            self.assertEqual(self.document("info", "--threads", 1, "--model", model), loaded.describe())


class Exporting(CommandTest):
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
        self.refuse(2, *arguments, "--out", "m", "--format", "keras", says=["keras", "onnx"])
        self.refuse(1, *arguments, "--out", self.directory / "none" / "m.onnx", says=["none", "does not exist"])
        self.refuse(1, "export", "--model", images[0], "--out", self.directory / "m.onnx", says=[images[0]])
        self.assertEqual(os.listdir(self.directory), [])


class WrongInput(CommandTest):
    def test_wrong_command_lines(self) -> None:
        train = ["train", "--train", "t", "--val", "v", "--out", "m.safetensors"]
        classify = ["classify", "--model", "m"]
        heatmap = ["heatmap", "--model", "m", "--out", "o", "a.png"]
        cases = [
            ([], ["no command", "usage"]),
            (["tran"], ["tran", "train"]),
            (["info", "--verbose"], ["--verbose"]),
            (["info", "--verb=1"], ["'--verb'"]),
            (["info", "extra"], ["extra"]),
            (["info", "--device", "gpu"], ["--device", "gpu", "auto, cpu, cuda or rocm"]),
            (["info", "--threads", "0"], ["--threads", "'0'", "1 to 1024"]),
            (["info", "--json=yes"], ["--json", "yes"]),
            (["train"], ["--train", "required"]),
            ([*train, "--epochs", "3x"], ["--epochs", "3x", "whole number from 1 to 100000"]),
            ([*train, "--epochs", "1_0"], ["--epochs", "1_0"]),
            ([*train, "--epochs", "-1"], ["--epochs", "-1"]),
            ([*train, "--epochs", "--batch", "8"], ["--epochs", "expected one argument"]),
            ([*train, "--epochs="], ["--epochs", "''"]),
            ([*train, "--epoch", "3"], ["--epoch"]),
            ([*train, "--batch", "1"], ["--batch", "'1'", "2 to 65536"]),
            ([*train, "--lr", "0"], ["--lr", "'0'", "above 0"]),
            ([*train, "--lr", "nan"], ["--lr", "nan"]),
            ([*train, "--seed", "18446744073709551616"], ["--seed", "18446744073709551615"]),
            ([*train, "--select", "f1"], ["--select", "f1", "accuracy, auc or loss"]),
            ([*train, "--val", "w"], ["--val", "twice"]),
            ([*train, "--run-dir", ""], ["--run-dir", "empty"]),
            (["train", "--train", "t", "--val", "v", "--out", "m.onnx"], ["m.onnx", "safetensors", "export"]),
            (["classify", "a.png"], ["--model", "required"]),
            (classify, ["FILE"]),
            ([*classify, "--", "--json"], ["--json"]),
            ([*heatmap, "--method", "grad"], ["--method", "grad", "tiles, cam, grad-cam++ or occlusion"]),
            ([*heatmap, "--stride", "65"], ["--stride", "65", "64"]),
            ([*heatmap, "--resize", "0x128"], ["--resize", "0x128"]),
            ([*heatmap, "--resize", "64x64", "--scale", "2"], ["--resize", "--scale"]),
            ([*heatmap, "--all-frames", "--frame", "3"], ["--frame 3", "--all-frames"]),
            ([*heatmap, "b/a.png"], ["'a.png'", "'b/a.png'", "a_overlay.png"]),
        ]
        for arguments, says in cases:
            with self.subTest(arguments):
                # The last but one is no wrong usage, but shows that "--" ends the options.
                self.refuse(1 if "--" in arguments else 2, *arguments, says=says)

    def test_files_that_cannot_be_read_are_named(self) -> None:
        broken = self.directory / "broken.png"
        broken.write_bytes(images[0].read_bytes()[:60])
        for name in ("classify", "heatmap"):
            out = ["--out", self.directory / "h"] if name == "heatmap" else []
            for bad in (self.directory / "missing.png", broken, self.directory, root / "val" / "labels.csv"):
                with self.subTest(f"{name} {bad}"):
                    arguments = [name, "--model", model, images[0], bad, *out, *host.ONE_CORE, "--quiet"]
                    self.refuse(1, *arguments, says=[bad])
        self.assertEqual(os.listdir(self.directory), ["broken.png"])

    def test_a_wrong_model_is_named(self) -> None:
        for bad in (self.directory / "none.safetensors", self.directory, images[0]):
            with self.subTest(bad):
                self.refuse(1, "classify", "--model", bad, images[0], *host.ONE_CORE, says=[bad])

    def test_a_file_is_no_directory_for_heatmaps(self) -> None:
        self.refuse(1, "heatmap", "--model", "m", images[0], "--out", images[1], says=["--out", images[1], "is a file"])

    def test_an_input_is_not_written_over(self) -> None:
        source = self.directory / "a_overlay.png"
        source.write_bytes(images[0].read_bytes())
        link = self.directory / "a.png"
        link.symlink_to(source)
        self.refuse(2, "heatmap", "--model", model, link, "--out", self.directory, says=[link, "over the input"])

    def test_wrong_training_data_is_named(self) -> None:
        labels = self.directory / "labels"
        host.write_labelled(labels, 0, 4)
        (labels / "labels.csv").write_text("patch_filename,stenoza_label\n000.png,0\n001.png,maybe\n")
        empty = self.directory / "empty"
        empty.mkdir()
        out = self.directory / "m.safetensors"
        for bad, says in ((labels, ["maybe"]), (empty, [empty]), (self.directory / "none", ["none"]), (images[0], [])):
            with self.subTest(bad):
                arguments = ["train", "--train", bad, "--val", root / "val", "--out", out, *SMALL]
                self.refuse(1, *arguments, says=[bad, *says])
        # The epochs would outlast the time limit.
        endless = ["train", *data(), *SMALL[2:], "--epochs", host.NEVER_ENDING]
        self.refuse(1, *endless, "--out", self.directory / "no" / "m.safetensors", says=["--out", "does not exist"])
        self.refuse(1, *endless, "--out", self.directory, says=["--out", "is a directory"])
        self.refuse(1, *endless, "--out", "/proc/model.safetensors", says=["--out", "cannot be written", "/proc"])
        self.assertFalse(out.exists())


class Endings(CommandTest):
    def test_ctrl_c_ends_a_training_and_leaves_nothing(self) -> None:
        out = self.directory / "model.safetensors"
        arguments = ["train", *data(), "--out", out, *SMALL[2:], "--epochs", host.NEVER_ENDING]
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        seen = ""
        while "training" not in seen:
            line = process.stderr.readline()
            self.assertTrue(line, seen)
            seen += line
        pressed = time.monotonic()
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
        self.assertLess(time.monotonic() - pressed, 20)
        self.assertEqual((process.returncode, output), (130, ""))
        self.assertEqual(errors.splitlines()[-1], "lesionlens: cancelled")
        self.assertNotIn("Traceback", errors)
        self.assertEqual(os.listdir(self.directory), [])

    def test_output_that_is_lost_is_a_failure(self) -> None:
        arguments = ["info", *host.ONE_CORE, "--json"]
        with open("/dev/full", "w") as full:
            finished = run(*arguments, stdout=full)
        self.assertEqual(finished.returncode, 1)
        self.assertEqual(finished.stderr, "lesionlens: cannot write to standard output: No space left on device\n")
        reader, writer = os.pipe()
        os.close(reader)
        finished = run(*arguments, stdout=writer)
        os.close(writer)
        self.assertEqual(finished.returncode, 1)
        self.assertEqual(finished.stderr, "lesionlens: cannot write to standard output: Broken pipe\n")

    def drawn(self, columns: int, *arguments: object) -> str:
        """What the command writes to a terminal on its standard error."""
        terminal, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)], stdout=subprocess.DEVNULL, stderr=side, env=ENVIRONMENT
        )
        os.close(side)
        data = b""
        with contextlib.suppress(OSError):
            while chunk := os.read(terminal, 65536):
                data += chunk
        os.close(terminal)
        self.assertEqual(process.wait(timeout=60), 0, data)
        return data.decode()

    def test_a_terminal_gets_a_bar(self) -> None:
        drawn = self.drawn(50, "classify", "--model", model, *images, *host.ONE_CORE)
        lines = re.split(r"[\r\n]+", drawn.strip())
        self.assertTrue(all(len(line) < 50 for line in lines), lines)
        self.assertTrue(all(line.startswith("classifying") for line in lines), lines)
        self.assertRegex(lines[-1], r"\[#{10,20}\]  100 %  8/8  0 s left")


class Bars(unittest.TestCase):
    VIEW = View("training", 30, 120, 0.25, epoch=2, epochs=10, loss=0.5, metric=0.75, seconds_left=75)

    def test_a_bar_fits_and_loses_what_matters_least_first(self) -> None:
        bars = {columns: self.VIEW.bar("AUC", columns) for columns in range(1, 130)}
        self.assertTrue(all(len(bar) < columns for columns, bar in bars.items()))
        self.assertEqual(
            bars[129],
            "epoch 2/10 training  [##########------------------------------]   25 %  30/120  loss 0.5000  AUC 0.7500"
            "  1 min 15 s left",
        )
        parts = ["AUC", "loss", "30/120", "left"]
        narrowest = [min(columns for columns, bar in bars.items() if part in bar) for part in parts]
        self.assertEqual(narrowest, sorted(narrowest, reverse=True))

    def test_durations(self) -> None:
        expected = {0.4: "0 s", 59.6: "1 min 00 s", 3599: "59 min 59 s", 3600: "1 h 00 min", 90000: "1 d 01 h"}
        self.assertEqual({seconds: duration(seconds) for seconds in expected}, expected)

    def test_lines_come_seldom_but_the_end_of_each_part_is_told(self) -> None:
        lines: list[str] = []
        console = unittest.mock.Mock(message=lines.append)
        console.is_terminal.return_value = False
        with Bar(quiet=False, shown_on=console) as bar:
            for phase in ("train", "validate"):
                for done in range(1, 101):
                    bar(lesionlens.Progress(phase, 1, 1, done, 100, math.nan, math.nan, -1))
        ends = ["training: 1/100 (1 %)", "training: 100/100 (100 %)", "validating: 100/100 (100 %)"]
        self.assertEqual(lines, [f"epoch 1/1 {end}" for end in ends])
        with Bar(quiet=True, shown_on=console) as bar:
            bar(lesionlens.Progress("train", 1, 1, 1, 1, math.nan, math.nan, -1))
        self.assertEqual(len(lines), 3)


if __name__ == "__main__":
    unittest.main()
