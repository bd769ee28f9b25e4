"""The README's snippets, compiled and run as they stand."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings/python"))
LIBRARIES = Path(os.environ.get("LESIONLENS_LIBRARY", ROOT / "target/release/liblesionlens.so")).parent


def snippet(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"the README has {len(found)} {language} snippets, not 1"
    return found[0]


class Readme(unittest.TestCase):
    """Each snippet runs in a directory with the files that it names."""

    def setUp(self) -> None:
        import lesionlens

        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.directory = Path(temporary.name)
        random = numpy.random.default_rng(0)
        dataset = lesionlens.Dataset()
        for index in range(8):
            image = random.integers(0, 100, (48, 48), dtype=numpy.uint8)
            image[16:32, 16:32] += 150 * (index % 2)
            dataset.add(image, index % 2)
        with lesionlens.Context() as context:
            model = context.train(dataset, epochs=1, batch_size=8, image_size=32)
            model.save(self.directory / "model.safetensors")
        frame = random.integers(0, 255, (150, 200), dtype=numpy.uint8)
        lesionlens.write_png(self.directory / "frame.png", frame)

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

    def check_overlay(self) -> None:
        import lesionlens

        with lesionlens.ImageFile(self.directory / "overlay.png") as image:
            self.assertEqual(image.array.shape, (150, 200, 4))

    def test_c(self) -> None:
        (self.directory / "viewer.c").write_text(snippet("c"))
        compiler = os.environ.get("CC", "cc")
        flags = ["-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{ROOT}/include"]
        link = [f"-L{LIBRARIES}", "-llesionlens", f"-Wl,-rpath,{LIBRARIES}"]
        self.run_here(compiler, *flags, "viewer.c", *link, "-o", "viewer")
        printed = self.run_here("./viewer", "model.safetensors", "frame.png")
        self.assertRegex(printed, r"probability 0\.\d+")
        self.check_overlay()

    def test_c_reports_what_is_wrong(self) -> None:
        (self.directory / "viewer.c").write_text(snippet("c"))
        link = [f"-I{ROOT}/include", f"-L{LIBRARIES}", "-llesionlens", f"-Wl,-rpath,{LIBRARIES}"]
        self.run_here(os.environ.get("CC", "cc"), "viewer.c", *link, "-o", "viewer")
        finished = subprocess.run(
            ["./viewer", "model.safetensors", "missing.png"], cwd=self.directory, capture_output=True, text=True, timeout=600
        )
        self.assertEqual(finished.returncode, 1)
        self.assertIn("missing.png", finished.stderr)

    def test_python(self) -> None:
        (self.directory / "viewer.py").write_text(snippet("python"))
        path = os.pathsep.join([str(ROOT / "bindings/python"), *filter(None, [os.environ.get("PYTHONPATH")])])
        printed = self.run_here(sys.executable, "viewer.py", PYTHONPATH=path)
        self.assertRegex(printed, r"0\.\d+")
        self.check_overlay()


if __name__ == "__main__":
    unittest.main()
