"""The wheel as a user gets it: installed into an empty virtual environment, with libtorch in one place or another.

LENS_TORCH_PYTHON names a Python that has PyTorch with the library's libtorch, for the tests of both in one process;
default: the one of `make bench-python`. They are left out where there is none.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

import numpy
import test_readme

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bindings" / "python"))

import lesionlens  # noqa: E402
from lesionlens import _libtorch  # noqa: E402

LIBRARY = Path(os.environ.get("LESIONLENS_LIBRARY", ROOT / "target" / "release" / "liblesionlens.so")).absolute()
#: What the library was built against, the directory above its lib/.
LIBTORCH = (ROOT / ".libtorch" / "view" / "lib" / "libtorch_cpu.so").resolve().parents[1]
TORCH_PYTHON = os.environ.get("LENS_TORCH_PYTHON", str(ROOT / "target" / "bench-python" / "bin" / "python"))
TORCH_PYTHON = os.path.abspath(shutil.which(TORCH_PYTHON) or TORCH_PYTHON)

SHOW = """
import lesionlens
with lesionlens.Context(device="cpu", engine="torch", threads=1) as context:
    print(context.describe()["libtorch_directory"])
"""


def setUpModule() -> None:
    global root, wheel, python, packages
    temporary = tempfile.TemporaryDirectory(prefix="lesionlens-wheel-")
    unittest.addModuleCleanup(temporary.cleanup)
    root = Path(temporary.name)
    run(ROOT / "tools" / "wheel.sh", LIBRARY, root / "dist")
    (wheel,) = (root / "dist").iterdir()
    python = root / "venv" / "bin" / "python"
    install = ["install", "--quiet", "--no-compile", wheel]
    if tuple(map(int, importlib.metadata.version("pip").split(".")[:2])) >= (22, 3):
        # Debian has what puts pip into an environment in a package of its own, and the pip that is there can do it.
        run(sys.executable, "-m", "venv", "--without-pip", root / "venv")
        run(sys.executable, "-m", "pip", "--python", python, *install)
    else:
        run(sys.executable, "-m", "venv", root / "venv")
        run(python, "-m", "pip", *install)
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('platlib'))").strip())
    data = lesionlens.Dataset()
    random = numpy.random.default_rng(0)
    for index in range(8):
        picture = random.integers(0, 100, (48, 48), dtype=numpy.uint8)
        picture[16:32, 16:32] += 150 * (index % 2)
        data.add(picture, index % 2)
    with lesionlens.Context(threads=1) as context:
        context.train(data, epochs=1, batch_size=8, image_size=32).save(root / "model.safetensors")
    lesionlens.write_png(root / "frame.png", random.integers(0, 255, (150, 200), dtype=numpy.uint8))


def run(*command: object, code: int = 0, **additional: str) -> str:
    """What it prints, after it has ended with that exit code. Nothing in its environment leads to the source tree."""
    ours = ("PYTHON", "LESIONLENS", "LENS_", "LD_LIBRARY_PATH", "LIBTORCH")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    finished = subprocess.run(
        [str(part) for part in command],
        cwd=root,
        env={**kept, **additional},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
    )
    assert finished.returncode == code, f"{command} ended with {finished.returncode}:\n{finished.stdout}"
    return finished.stdout


class WheelTest(unittest.TestCase):
    def setUp(self) -> None:
        self.directory = Path(tempfile.mkdtemp(dir=root))

    def installed(self, version: str | None = None) -> Path:
        """A torch package of which the libraries are there, found by the environment's Python. version: what it says it
        is; None: what it is."""
        torch = self.directory / "torch"
        if version is None:
            torch.symlink_to(LIBTORCH)
        else:
            torch.mkdir()
            (torch / "lib").symlink_to(LIBTORCH / "lib")
            (torch / "version.py").write_text(f"__version__ = '{version}'\n")
        found = packages / "torch.pth"
        found.write_text(f"{self.directory}\n")
        self.addCleanup(found.unlink, missing_ok=True)
        return torch / "lib"

    def bundled(self) -> Path:
        """libtorch in the package, as wheels with libtorch have it."""
        bundle = packages / "lesionlens" / "libtorch"
        self.addCleanup(shutil.rmtree, bundle)
        (bundle / "lib").mkdir(parents=True)
        (bundle / "build-version").write_text(f"{_libtorch.VERSION}\n")
        for place in (LIBTORCH / "lib", LIBTORCH.parent / "nvidia" / "cu13" / "lib"):
            for file in place.glob("lib*.so*"):
                (bundle / "lib" / file.name).symlink_to(file)
        return bundle / "lib"

    def refused(self, *says: object, **additional: str) -> None:
        """What needs libtorch fails with a message, and so does the command, without a traceback."""
        shown = run(python, "-c", SHOW, code=1, **additional)
        printed = run(python.with_name("lesionlens"), "info", "--engine", "torch", code=1, **additional)
        self.assertNotIn("Traceback", printed)
        for word in says:
            self.assertIn(str(word), shown)
            self.assertIn(str(word), printed)


class Contents(WheelTest):
    def test_the_wheel_has_what_belongs_into_it(self) -> None:
        names = zipfile.ZipFile(wheel).namelist()
        for name in (
            "lesionlens/py.typed", "lesionlens/liblesionlens.so", "lesionlens/liblesionlens_torch.so",
            "lesionlens/lesionlens", "_lesionlens_command.py",
        ):  # fmt: skip
            self.assertIn(name, names)
        self.assertTrue([name for name in names if name.endswith("licenses/LICENSE.txt")])
        sources = {str(path.relative_to(ROOT / "bindings/python")) for path in (ROOT / "bindings/python").rglob("*.py")}
        self.assertEqual({name for name in names if name.endswith(".py")}, sources - {"setup.py"})

    def test_the_metadata_is_what_an_index_shows(self) -> None:
        metadata = importlib.metadata.Distribution.at(next(packages.glob("lesionlens-*.dist-info"))).metadata
        for name, value in {
            "Name": "lesionlens",
            "Version": lesionlens.library_version,
            "License-Expression": "GPL-3.0-only",
            "License-File": "LICENSE.txt",
            "Requires-Python": ">=3.10",
            "Description-Content-Type": "text/markdown",
        }.items():
            self.assertEqual(metadata[name], value, name)
        for name in ("Summary", "Author", "Keywords", "Classifier"):
            self.assertTrue(metadata[name], name)
        self.assertTrue(metadata.get_payload().startswith("# lesionlens for Python\n"))

    def test_its_library_names_no_directory_of_this_machine_and_needs_no_newer_glibc_than_it_says(self) -> None:
        library = packages / "lesionlens" / "liblesionlens_torch.so"
        (path,) = re.findall(r"runpath: \[(.*)\]", run("readelf", "-d", library))
        self.assertEqual(path, "$ORIGIN:$ORIGIN/libtorch/lib")
        self.assertNotIn(".debug_info", run("readelf", "-S", "-W", library))
        library = packages / "lesionlens" / "liblesionlens.so"
        self.assertNotIn("runpath", run("readelf", "-d", library))
        self.assertNotIn(".debug_info", run("readelf", "-S", "-W", library))
        # 12 MB at most.
        self.assertLess(library.stat().st_size, 12_000_000)
        program = packages / "lesionlens" / "lesionlens"
        self.assertTrue(os.access(program, os.X_OK))
        self.assertNotIn(".debug_info", run("readelf", "-S", "-W", program))
        needed = [tuple(map(int, found)) for found in re.findall(r"GLIBC_(\d+)\.(\d+)", run("readelf", "-V", library))]
        promised = re.fullmatch(r"lesionlens-[\d.]+-py3-none-manylinux_(\d+)_(\d+)_\w+\.whl", wheel.name)
        self.assertIsNotNone(promised, wheel.name)
        self.assertLessEqual(max(needed), tuple(map(int, promised.groups())))

    def test_package_and_library_name_one_libtorch(self) -> None:
        with lesionlens.Context(device="cpu", engine="torch", threads=1) as context:
            self.assertEqual(context.describe()["libtorch"], _libtorch.VERSION)
        project = (ROOT / "bindings" / "python" / "pyproject.toml").read_text()
        self.assertEqual(set(re.findall(r'"torch==([^"]*)"', project)), {_libtorch.VERSION})


class Finding(WheelTest):
    def run_snippet(self) -> None:
        (snippet,) = test_readme.snippets(ROOT / "README.md", "python")
        (root / "viewer.py").write_text(snippet)
        self.assertRegex(run(python, "viewer.py"), r"^0\.\d+\n$")
        with lesionlens.ImageFile(root / "overlay.png") as overlay:
            self.assertEqual(overlay.array.shape, (150, 200, 4))
        (root / "overlay.png").unlink()

    def test_the_installed_torch(self) -> None:
        self.installed()
        self.run_snippet()
        self.assertEqual(run(python, "-c", SHOW).strip(), str(LIBTORCH / "lib"))

    def test_the_bundled_libtorch(self) -> None:
        self.bundled()
        self.run_snippet()

    def test_the_command(self) -> None:
        self.installed("2.13.0+cpu")
        command = python.with_name("lesionlens")
        printed = run(command, "classify", "--model", "model.safetensors", "frame.png", "--threads", 1, "--quiet")
        self.assertRegex(printed, r"(?m)^frame\.png +0\.\d{4} ")
        self.assertEqual(run(python, "-m", "lesionlens", "--version"), f"lesionlens {lesionlens.library_version}\n")
        # The second library beside it, with the libtorch of the installed torch.
        described = run(command, "info", "--engine", "torch", "--device", "cpu", "--json", "--quiet")
        self.assertEqual(json.loads(described)["libtorch_directory"], str(LIBTORCH / "lib"))

    def test_a_named_directory_comes_before_the_installed_torch(self) -> None:
        self.installed()
        named = self.directory / "unpacked"
        named.mkdir()
        (named / "lib").symlink_to(LIBTORCH / "lib")
        (named / "build-version").write_text("2.13.0+cpu\n")
        for directory in (named, os.path.relpath(named / "lib", root)):
            opened = 'import re; print(*set(re.findall(r"/.*libtorch_cpu.so", open("/proc/self/maps").read())))'
            printed = run(python, "-c", SHOW + opened, LESIONLENS_LIBTORCH=str(directory))
            self.assertEqual(printed.split(), [str(LIBTORCH / "lib"), str(LIBTORCH / "lib" / "libtorch_cpu.so")])
        (named / "build-version").write_text("2.8.0+cpu\n")
        self.refused("LESIONLENS_LIBTORCH", named, "2.8.0+cpu", "2.13.0", LESIONLENS_LIBTORCH=str(named))
        self.refused("LESIONLENS_LIBTORCH", self.directory / "no", LESIONLENS_LIBTORCH=str(self.directory / "no"))

    def test_without_libtorch_the_cpu_does_everything_and_the_rest_says_what_to_install(self) -> None:
        self.run_snippet()
        self.refused("engine TORCH was asked for", "liblesionlens_torch.so cannot be loaded", "libtorch_cpu.so", "2.13.0")
        (packages / "lesionlens" / "liblesionlens_torch.so").rename(root / "aside.so")
        self.addCleanup((root / "aside.so").rename, packages / "lesionlens" / "liblesionlens_torch.so")
        self.run_snippet()
        self.refused("liblesionlens_torch.so was not found", packages / "lesionlens", "lesionlens[torch]")

    def test_an_installed_torch_of_another_version_is_left_alone(self) -> None:
        for version in ("2.8.0+cu128", "2.13.1", "2.13.0.dev20260401"):
            with self.subTest(version):
                self.directory = Path(tempfile.mkdtemp(dir=root))
                self.installed(version)
                self.run_snippet()
                self.refused("liblesionlens_torch.so cannot be loaded")

    def test_a_bundled_libtorch_is_used_beside_a_torch_of_another_version(self) -> None:
        self.installed("2.8.0")
        self.bundled()
        self.assertEqual(run(python, "-c", SHOW), f"{LIBTORCH / 'lib'}\n")

    def test_a_torch_whose_own_libraries_are_missing_is_told(self) -> None:
        torch = self.installed("2.13.0").parent
        (torch / "lib").unlink()
        (torch / "lib").mkdir()
        (torch / "lib" / "libtorch_cpu.so").symlink_to(LIBTORCH / "lib" / "libtorch_cpu.so")
        self.refused("libtorch of ", "cannot be loaded: ", "cannot open shared object file")

    def test_a_directory_that_is_called_torch_is_no_torch_package(self) -> None:
        (self.directory / "torch").mkdir()
        self.refused("liblesionlens_torch.so cannot be loaded", PYTHONPATH=str(self.directory))

    def test_a_library_that_is_named_wrongly_is_told(self) -> None:
        shown = run(python, "-c", SHOW, code=1, LESIONLENS_LIBRARY="/nowhere/liblesionlens.so")
        self.assertRegex(shown, "/nowhere/liblesionlens.so.*LESIONLENS_LIBRARY")


class OneProcess(WheelTest):
    def test_another_libtorch_that_is_loaded_is_refused(self) -> None:
        self.installed()
        for version, source in {
            "2.8.0": "unsigned long long aoti_torch_abi_version(void) { return 2ull << 56 | 8ull << 48; }",
            "of unknown version": "int nothing;",
        }.items():
            with self.subTest(version):
                other = Path(tempfile.mkdtemp(dir=self.directory)) / "libtorch_cpu.so"
                (other.parent / "other.c").write_text(source)
                options = ["-shared", "-fPIC", "-Wl,-soname,libtorch_cpu.so", "-o", other]
                run(os.environ.get("CC", "cc"), other.parent / "other.c", *options)
                # It lacks what the second library calls, which the linker finds; nothing else needs it.
                printed = run(python, "-c", f"import ctypes; ctypes.CDLL('{other}')\n{SHOW}", code=1)
                self.assertIn("liblesionlens_torch.so cannot be loaded", printed)
                cpu = SHOW.replace(', engine="torch"', "")
                self.assertEqual(run(python, "-c", f"import ctypes; ctypes.CDLL('{other}')\n{cpu}").strip(), "None")

    def test_the_libtorch_that_is_loaded_is_used(self) -> None:
        # By another name than that of the one which would be found.
        lib = self.directory / "other" / "lib"
        lib.mkdir(parents=True)
        for place in (LIBTORCH / "lib", LIBTORCH.parent / "nvidia" / "cu13" / "lib"):
            for file in place.glob("lib*.so*"):
                (lib / file.name).symlink_to(file)
        self.installed("2.8.0")
        load = f"import ctypes; ctypes.CDLL('{lib / 'libtorch_cpu.so'}')\n"
        self.assertEqual(run(python, "-c", load + SHOW).strip(), str(LIBTORCH / "lib"))


BOTH = """
import sys
import numpy

def lens():
    import lesionlens
    with lesionlens.Context(device="cpu", threads=1) as context:
        model = context.load_model("model.safetensors")
        return model.classify(lesionlens.ImageFile("frame.png")).probability

def torch():
    import torch
    product = torch.arange(12.0).reshape(3, 4) @ torch.ones(4, 2)
    convolved = torch.nn.functional.conv2d(torch.ones(1, 3, 8, 8), torch.ones(2, 3, 3, 3))
    return product.sum().item(), convolved.sum().item()

first, second = (lens, torch) if sys.argv[1] == "lesionlens" else (torch, lens)
results = [first(), second(), first(), second()]
assert results[:2] == results[2:], results
print(*sorted(map(str, results[:2])))
mapped = {line.split()[-1] for line in open("/proc/self/maps") if "libtorch_cpu" in line or "libc10.so" in line}
print(*sorted(mapped))
"""


class BesideTorch(WheelTest):
    def setUp(self) -> None:
        super().setUp()
        version = f"import torch, numpy; assert torch.__version__.split('+')[0] == {_libtorch.VERSION!r}"
        try:
            run(TORCH_PYTHON, "-c", version)
        except (OSError, AssertionError):
            reason = f"both in one process: no PyTorch {_libtorch.VERSION} (make bench-python, or LENS_TORCH_PYTHON)"
            print(f"left out: {reason}", file=sys.stderr)
            self.skipTest(reason)
        self.unpacked = self.directory / "unpacked"
        zipfile.ZipFile(wheel).extractall(self.unpacked)

    def test_both_orders_work_on_one_libtorch(self) -> None:
        (root / "both.py").write_text(BOTH)
        path = str(self.unpacked)
        printed = [run(TORCH_PYTHON, "both.py", first, PYTHONPATH=path) for first in ("lesionlens", "torch")]
        self.assertEqual(printed[0], printed[1])
        results, mapped = printed[0].splitlines()
        self.assertIn("(132.0, 1944.0)", results)
        self.assertEqual([Path(path).name for path in mapped.split()], ["libc10.so", "libtorch_cpu.so"])
        self.assertIn("site-packages/torch/lib", mapped)


if __name__ == "__main__":
    unittest.main()
