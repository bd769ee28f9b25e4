"""The bindings for viewers, as far as no tool of their language is needed: current, complete, and without leftovers."""

import json
import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools" / "bindings"))
import interface  # noqa: E402

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
                left_out = interface.left_out(language)
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


class Packages(unittest.TestCase):
    """What registries read of the packages; Python's is in test_wheel.py."""

    VERSION = re.findall(r'^version = "(.*)"$', (ROOT / "Cargo.toml").read_text(), re.M)[0]
    LICENSE = "GPL-3.0-only"

    def xml(self, path: str) -> dict[str, str]:
        """The elements of an XML file that hold text: the first of each name."""
        found: dict[str, str] = {}
        for element in xml.etree.ElementTree.parse(ROOT / "bindings" / path).iter():
            if element.text and element.text.strip():
                found.setdefault(element.tag.rpartition("}")[2], " ".join(element.text.split()))
        return found

    def test_python(self) -> None:
        project = (ROOT / "bindings" / "python" / "pyproject.toml").read_text()
        self.assertIn(f'\nversion = "{self.VERSION}"\n', project)
        self.assertIn(f'\nlicense = "{self.LICENSE}"\n', project)

    def test_maven(self) -> None:
        project = self.xml("java/pom.xml")
        self.assertEqual((project["groupId"], project["artifactId"]), ("org.lesionlens", "lesionlens"))
        self.assertEqual(project["version"], self.VERSION)
        license_name = xml.etree.ElementTree.parse(ROOT / "bindings/java/pom.xml").find("{*}licenses/{*}license/{*}name")
        self.assertEqual(license_name is not None and license_name.text, self.LICENSE)
        self.assertIn("Not a medical device", project["description"])
        self.assertIn(f"<version>{self.VERSION}</version>", (ROOT / "bindings/java/README.md").read_text())

    def test_npm(self) -> None:
        package = json.loads((ROOT / "bindings/node/package.json").read_text())
        self.assertEqual((package["name"], package["version"]), ("lesionlens", self.VERSION))
        self.assertEqual(package["license"], self.LICENSE)
        self.assertNotIn("private", package)
        locked = json.loads((ROOT / "bindings/node/package-lock.json").read_text())
        self.assertEqual(locked["version"], self.VERSION)
        self.assertEqual(locked["packages"][""]["dependencies"], package["dependencies"])

    def test_nuget(self) -> None:
        """All of the project that can be looked at without an SDK for .NET."""
        project = self.xml("csharp/Lesionlens.csproj")
        self.assertEqual((project["PackageId"], project["Version"]), ("Lesionlens", self.VERSION))
        self.assertEqual(project["PackageLicenseExpression"], self.LICENSE)
        self.assertEqual((project["TargetFramework"], project["LangVersion"]), ("netstandard2.0", "7.3"))
        self.assertTrue((ROOT / "bindings/csharp" / project["PackageReadmeFile"]).exists())


class Names(unittest.TestCase):
    def test_one_thing_has_one_name_in_all_languages(self) -> None:
        python = (ROOT / "bindings/python/lesionlens/__init__.py").read_text()
        types = "".join((ROOT / "bindings/node" / file).read_text() for file in ("index.d.ts", "lib/options.d.ts"))
        sources = "".join(path.read_text() for path in (ROOT / "bindings/csharp").glob("*.cs"))
        for name in (
            "AggregatedHeatmap", "Context", "ContextOptions", "ClassifyOptions", "Heatmap", "HeatmapOptions", "HeatmapSummary",
            "Image", "ImageFile", "Model", "OverlayOptions", "Prediction", "Progress",
        ):  # fmt: skip
            with self.subTest(name):
                self.assertRegex(python, rf'"{name}"')
                self.assertTrue((ROOT / f"bindings/java/src/main/java/org/lesionlens/{name}.java").exists())
                self.assertRegex(types, rf"export (class|interface) {name}\b")
                self.assertRegex(sources, rf"public sealed class {name}\b")


def node_options(directory: Path) -> set[str]:
    sources = [path for path in directory.glob("*.js") if path.name != "declarations.js"]
    return {name for path in sources for name in re.findall(r"'(lens_\w+_options)'", path.read_text())}


if __name__ == "__main__":
    unittest.main()
