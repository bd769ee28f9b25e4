"""The code and the command lines of README and guides, compiled and run as they stand.

LENS_PROGRAM names the command line; default: target/release/lesionlens. LENS_LEFT_OUT names a file that gets a line for each
snippet that could not be run here.
"""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import urllib.request
from pathlib import Path
from typing import Any

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings/python"))
LIBRARIES = Path(os.environ.get("LESIONLENS_LIBRARY", ROOT / "target/release/liblesionlens.so")).parent
PROGRAM = Path(os.environ.get("LENS_PROGRAM", ROOT / "target/release/lesionlens"))
GUIDES = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "bindings/python/README.md"]
PAGES = [ROOT / "README.md", *GUIDES]
#: Environment variables of the tests.
VARIABLES = {"LENS_NO_APT"}
COMPILE_C = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT}/include"]
COMPILE_CPP = ["-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{ROOT}/include", f"-I{ROOT}/bindings/cpp"]
LINK = [f"-L{LIBRARIES}", "-llesionlens", f"-Wl,-rpath,{LIBRARIES}"]


def snippets(page: Path, language: str) -> list[str]:
    """The page's blocks of a language, but for those that are included from files with tests of their own."""
    found = re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
    return [block for block in found if "{{#include" not in block]


def guides(language: str) -> list[tuple[str, str]]:
    """Name and text of each block of the guides."""
    return [
        (f"{page.relative_to(ROOT)}, {language} block {number}", block)
        for page in GUIDES
        for number, block in enumerate(snippets(page, language), 1)
    ]


def left_out(what: str) -> None:
    print(f"left out: {what}", file=sys.stderr)
    if "LENS_LEFT_OUT" in os.environ:
        with open(os.environ["LENS_LEFT_OUT"], "a") as file:
            print(f"left out: {what}", file=file)


def qt() -> list[str] | None:
    """How to compile against Qt, where it is installed."""
    for module in ("Qt6Gui", "Qt5Gui"):
        try:
            finished = subprocess.run(["pkg-config", "--cflags", "--libs", module], capture_output=True, text=True)
        except FileNotFoundError:
            return None
        if finished.returncode == 0:
            return ["-fPIC", *finished.stdout.split()]
    return None


class Names(unittest.TestCase):
    """Functions, types and constants of C that pages name are in the header."""

    def test_names_exist(self) -> None:
        known = set(re.findall(r"\b(?:lens|LENS)_\w+", (ROOT / "include/lesionlens.h").read_text()))
        known |= {f"lens_{crate.name.replace('-', '_')}" for crate in (ROOT / "crates").iterdir()}
        for page in [*PAGES, *ROOT.glob("*.md")]:
            named = set(re.findall(r"\b(?:lens|LENS)_\w*\w", page.read_text())) - VARIABLES
            self.assertLessEqual(named, known, f"{page.name} names what is not in the header: {named - known}")


def as_chexnet(model: Path, written: Path) -> None:
    """The model's numbers under CheXNet's names, with its head of 14 outputs. Formats are told by content."""
    content = model.read_bytes()
    size = int.from_bytes(content[:8], "little")
    tensors = json.loads(content[8 : 8 + size])
    tensors.pop("__metadata__", None)
    header: dict[str, Any] = {}
    data = bytearray()
    for name, tensor in tensors.items():
        begin, end = tensor["data_offsets"]
        numbers, shape = content[8 + size + begin : 8 + size + end], tensor["shape"]
        if name.startswith("classifier."):
            name, numbers, shape = name.replace("classifier", "classifier.0"), 14 * numbers, [14, *shape[1:]]
        elif "denselayer" in name:
            name = re.sub(r"\.(norm|conv)([12])\.", r".\1.\2.", name)
        place = [len(data), len(data) + len(numbers)]
        header[f"module.densenet121.{name}"] = {"dtype": tensor["dtype"], "shape": shape, "data_offsets": place}
        data += numbers
    text = json.dumps(header).encode()
    written.write_bytes(len(text).to_bytes(8, "little") + text + data)


class Snippets(unittest.TestCase):
    """Snippets run in a directory with the files that they name."""

    directory: Path

    @classmethod
    def setUpClass(cls) -> None:
        import lesionlens

        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.directory = Path(temporary.name)
        random = numpy.random.default_rng(0)
        for part in ("train", "val", "test", "all", "boxes"):
            images = cls.directory / "data" / part / "images"
            images.mkdir(parents=True)
            rows = ["patch_filename,stenoza_label"]
            for index in range(16):
                picture = random.integers(0, 100, (48, 48), dtype=numpy.uint8)
                picture[8:40, 8:40] += 150 * (index % 2)
                lesionlens.write_png(images / f"{index}.png", picture)
                # A calibration set that has no mistakes in it calibrates nothing.
                label = 1 if part == "val" and index == 0 else index % 2
                rows.append(f"{index}.png,{label}")
            (images.parent / "labels.csv").write_text("\n".join(rows) + "\n")
            if part == "boxes":
                boxes = ["filename,x,y,width,height", *(f"{index}.png,8,8,32,32" for index in range(1, 16, 2))]
                (images.parent / "boxes.csv").write_text("\n".join(boxes) + "\n")
        with lesionlens.Context() as context:
            training = lesionlens.Dataset.open(cls.directory / "data/train")
            model = context.train(training, epochs=10, batch_size=8, image_size=32, learning_rate=1e-3)
            model.save(cls.directory / "model.safetensors")
        as_chexnet(cls.directory / "model.safetensors", cls.directory / "model.pth.tar")
        frame = random.integers(0, 255, (150, 200), dtype=numpy.uint8)
        demo = cls.directory / "target/demo"
        for directory in ("angiograms", "frames", "images", "target/demo/phantom/frames"):
            (cls.directory / directory).mkdir(parents=True)
            lesionlens.write_png(cls.directory / directory / "frame.png", frame)
        # Files are told apart by content, so this is a picture all the same.
        for name in ("frame.png", "cine.dcm"):
            lesionlens.write_png(cls.directory / name, frame)
        os.link(cls.directory / "model.safetensors", demo / "model.safetensors")
        shutil.copytree(cls.directory / "data/boxes", cls.directory / "lesionlens-marks")

    def run_here(self, *command: str, **environment: str) -> str:
        finished = subprocess.run(
            command,
            cwd=self.directory,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600,
        )
        self.assertEqual(finished.returncode, 0, finished.stdout)
        return finished.stdout

    def build_c(self, text: str) -> None:
        (self.directory / "viewer.c").write_text(text)
        self.run_here(os.environ.get("CC", "cc"), *COMPILE_C, "viewer.c", *LINK, "-o", "viewer")

    def run_python(self, text: str) -> str:
        (self.directory / "viewer.py").write_text(text)
        path = os.pathsep.join([str(ROOT / "bindings/python"), *filter(None, [os.environ.get("PYTHONPATH")])])
        return self.run_here(sys.executable, "viewer.py", PYTHONPATH=path, MPLBACKEND="Agg")

    def check_overlay(self) -> None:
        import lesionlens

        with lesionlens.ImageFile(self.directory / "overlay.png") as picture:
            self.assertEqual(picture.array.shape, (150, 200, 4))
        (self.directory / "overlay.png").unlink()

    def readme(self, language: str) -> str:
        found = snippets(ROOT / "README.md", language)
        self.assertEqual(len(found), 1, f"{language} snippets of the README")
        return found[0]

    def test_readme_c(self) -> None:
        self.build_c(self.readme("c"))
        self.assertRegex(self.run_here("./viewer", "model.safetensors", "frame.png"), r"probability 0\.\d+")
        finished = subprocess.run(
            ["./viewer", "model.safetensors", "missing.png"], cwd=self.directory, capture_output=True, text=True, timeout=600
        )
        self.assertEqual(finished.returncode, 1)
        self.assertIn("missing.png", finished.stderr)

    def test_readme_python(self) -> None:
        self.assertRegex(self.run_python(self.readme("python")), r"0\.\d+")
        self.check_overlay()

    def test_guides_c(self) -> None:
        found = guides("c")
        self.assertTrue(found)
        for name, text in found:
            with self.subTest(name):
                self.build_c(text)
                self.assertRegex(self.run_here("./viewer", "model.safetensors", "frame.png"), r"probability 0\.\d+")
                if "overlay.png" in text:
                    self.check_overlay()

    def test_guides_cpp(self) -> None:
        found = guides("cpp")
        self.assertTrue(found)
        for name, text in found:
            with self.subTest(name):
                options: list[str] | None = qt() if "<QImage>" in text else []
                if options is None:
                    left_out(f"{name} (Qt is not installed)")
                    continue
                (self.directory / "viewer.cpp").write_text(text)
                compiler = os.environ.get("CXX", "c++")
                self.run_here(compiler, *COMPILE_CPP, "viewer.cpp", *LINK, *options, "-o", "viewer")
                self.run_here("./viewer", "model.safetensors", "frame.png")
                self.check_overlay()

    def test_guides_python(self) -> None:
        found = guides("python")
        self.assertTrue(found)
        for name, text in found:
            with self.subTest(name):
                for module in re.findall(r"^import (\w+)", text, re.MULTILINE):
                    if subprocess.run([sys.executable, "-c", f"import {module}"], capture_output=True).returncode == 0:
                        continue
                    if module != "lesionlens":
                        left_out(f"{name} ({module} is not installed)")
                        break
                else:
                    printed = self.run_python(text)
                    # What a comment behind print(...) says is printed.
                    for said in re.findall(r"^ *print\(.*\) +# (.*)$", text, re.MULTILINE):
                        self.assertIn(said, printed)

    def view(self, command: list[str], place: Path) -> None:
        """Starts a server, which serves its page until Ctrl-C ends it."""
        command = command if "--no-open" in command else [*command, "--no-open"]
        with subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, text=True) as server:
            try:
                address = server.stdout.readline().strip()
                with urllib.request.urlopen(address, timeout=60) as page:
                    self.assertIn("<title>lesionlens</title>", page.read().decode())
            finally:
                server.send_signal(signal.SIGINT)
            self.assertEqual(server.wait(timeout=60), 0)

    def test_command_lines(self) -> None:
        if not PROGRAM.exists():
            left_out(f"the command lines of README and guides (there is no {PROGRAM})")
            return
        ran = 0
        for page in PAGES:
            for block in snippets(page, "sh"):
                for line in block.replace("\\\n", " ").splitlines():
                    words = shlex.split(line, comments=True)
                    if len(words) < 2 or Path(words[0]).name != "lesionlens":
                        continue
                    # In a directory of its own, for some replace the model.
                    with self.subTest(page.name, line=line), tempfile.TemporaryDirectory() as scratch:
                        place = Path(scratch) / "here"
                        shutil.copytree(self.directory, place, copy_function=os.link)
                        command = [str(PROGRAM), *words[1:]]
                        if words[1] == "view":
                            self.view(command, place)
                        else:
                            finished = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=600)
                            self.assertEqual(finished.returncode, 0, finished.stderr)
                        ran += 1
        self.assertGreater(ran, 15)


if __name__ == "__main__":
    unittest.main()
