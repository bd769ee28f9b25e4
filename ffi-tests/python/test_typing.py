"""The package is typed, and mypy finds nothing in it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "bindings" / "python"


class Typing(unittest.TestCase):
    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(ROOT / "target" / "mypy"), *arguments]
        return subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, timeout=600)

    def test_mypy_is_content(self) -> None:
        if importlib.util.find_spec("mypy") is None:
            print("left out: types of the Python package (no mypy; tools/python_tools.sh installs it)", file=sys.stderr)
            self.skipTest("no mypy")
        finished = self.check("-p", "lesionlens", "-m", "_lesionlens_command")
        self.assertEqual(finished.returncode, 0, finished.stdout + finished.stderr)
        # What a user sees of the keywords: a wrong one is found before the program runs.
        wrong = self.check("-c", "import lesionlens\nlesionlens.Context().train(lesionlens.Dataset(), epochs='3')")
        self.assertEqual(wrong.returncode, 1, wrong.stderr)
        self.assertIn("epochs", wrong.stdout)
        one_and_several = (
            "import lesionlens\n"
            "def probability(model: lesionlens.Model, image: lesionlens.ImageLike) -> float:\n"
            "    return model.classify(image).probability + model.classify([image])[0].probability\n"
        )
        finished = self.check("-c", one_and_several)
        self.assertEqual(finished.returncode, 0, finished.stdout + finished.stderr)


if __name__ == "__main__":
    unittest.main()
