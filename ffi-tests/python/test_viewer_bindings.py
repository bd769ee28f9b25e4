"""The bindings for viewers, as far as no tool of their language is needed: current, complete, and without leftovers."""

import re
import subprocess
import sys
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "bindings"))
import header  # noqa: E402

EXPORTS = set((ROOT / "ffi-tests" / "exports.txt").read_text().split())
# The file with the declarations, and those that use them.
FILES = {
    "java": ("java/src/main/java/org/lesionlens/Native.java", "java/src/main/java/org/lesionlens/*.java"),
    "node": ("node/lib/declarations.js", "node/lib/*.js"),
    "csharp": ("csharp/Native.cs", "csharp/*.cs"),
}


class Bindings(unittest.TestCase):
    def functions(self, text: str) -> set[str]:
        return EXPORTS.intersection(re.findall(r"\blens_\w+", text))

    def test_generated_files_are_current(self) -> None:
        finished = subprocess.run(
            [sys.executable, str(ROOT / "tools" / "bindings"), "check"], stderr=subprocess.PIPE, text=True
        )
        self.assertEqual(finished.returncode, 0, finished.stderr)

    def test_every_function_is_bound_or_left_out_with_a_reason(self) -> None:
        for language, (declarations, _) in FILES.items():
            with self.subTest(language):
                left_out = header.left_out(language)
                bound = self.functions((ROOT / "bindings" / declarations).read_text())
                self.assertEqual(set(), EXPORTS - bound - set(left_out), "neither bound nor in bindings/left_out.txt")
                self.assertEqual(set(), bound & set(left_out), "bound, and in bindings/left_out.txt")
                self.assertEqual(set(), set(left_out) - EXPORTS, "in bindings/left_out.txt, but not exported")
                for name, reason in left_out.items():
                    self.assertGreater(len(reason), 20, name)

    def test_every_declared_function_is_used(self) -> None:
        for language, (declarations, sources) in FILES.items():
            with self.subTest(language):
                declared = ROOT / "bindings" / declarations
                used = set[str]()
                for source in (ROOT / "bindings").glob(sources):
                    if source != declared:
                        used |= self.functions(source.read_text())
                text = declared.read_text()
                # C#'s generated options are in the same file.
                called = set(re.findall(r"Native\.(lens_\w+_init)\(", text))
                # Node puts the names of these together.
                if language == "node":
                    called |= {f"{name}_init" for name in node_options(ROOT / "bindings" / "node" / "lib")}
                self.assertEqual(set(), self.functions(text) - used - called, "declared, but used by nothing")


def node_options(directory: Path) -> set[str]:
    sources = [path for path in directory.glob("*.js") if path.name != "declarations.js"]
    return {name for path in sources for name in re.findall(r"'(lens_\w+_options)'", path.read_text())}


if __name__ == "__main__":
    unittest.main()
