"""What is inside the library: the crates that are linked into it, the standard libraries of Rust and C++, libtorch."""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: Whether the second library, with libtorch, is part of what is packed.
WITH_TORCH = (ROOT / "target/release/liblesionlens_torch.so").exists()


@dataclass
class Component:
    name: str
    version: str
    license: str
    """An SPDX expression, or the name of another licence."""
    purl: str
    directory: Path | None = None
    """Contains its licence files, if it has any."""
    website: str = ""
    sha256: str = ""
    files: list[Path] | None = None
    """The licence files themselves, where not every one of the directory belongs to it."""
    needs: set[str] = field(default_factory=set)
    """References of what it is linked against."""

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.version}"


def run(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout


def target() -> str:
    return re.search(r"^host: (.*)$", run("rustc", "-vV"), re.MULTILINE).group(1)


def crates() -> dict[str, Component]:
    """By reference; lesionlens itself is the first. What only runs in the compiler (proc macros) is not linked."""
    metadata = json.loads(run("cargo", "metadata", "--format-version=1", "--locked", "--filter-platform", target()))
    packages = {f"{package['name']}@{package['version']}": package for package in metadata["packages"]}
    checksums = {
        f"{name}@{version}": checksum
        for name, version, checksum in re.findall(
            r'^name = "(.*)"\nversion = "(.*)"\nsource = ".*"\nchecksum = "(.*)"$',
            (ROOT / "Cargo.lock").read_text(),
            re.MULTILINE,
        )
    }
    own = next(reference for reference in packages if reference.startswith("lesionlens@"))
    found: dict[str, Component] = {}
    above: list[Component] = []
    roots = ["--package", "lesionlens", "--package", "lesionlens-cli", *(["--package", "lens-torch"] if WITH_TORCH else [])]
    tree = run("cargo", "tree", "--locked", *roots, "--target", target(), "--edges", "normal,no-proc-macro", "--no-dedupe",
               "--prefix", "depth", "--format", " {p}")
    for line in filter(None, tree.splitlines()):
        depth, name, version = re.match(r"(\d+) (\S+) v(\S+)", line).groups()
        package = packages[f"{name}@{version}"]
        # The parts of the workspace are the library itself.
        if package["source"] is None:
            name, package = "lesionlens", packages[own]
        component = found.setdefault(
            f"{name}@{version}",
            Component(
                name,
                version,
                # An older way of writing "or".
                (package["license"] or "NOASSERTION").replace("/", " OR "),
                f"pkg:cargo/{name}@{version}",
                Path(package["manifest_path"]).parent,
                package["repository"] or "",
                checksums.get(f"{name}@{version}", ""),
            ),
        )
        del above[int(depth):]
        if above and above[-1] is not component:
            above[-1].needs.add(component.reference)
        above.append(component)
    return found


def standard_library() -> Component:
    version = re.search(r"^release: (.*)$", run("rustc", "-vV"), re.MULTILINE).group(1)
    documents = Path(run("rustc", "--print", "sysroot").strip()) / "share/doc/rust"
    files = [documents / name for name in ("COPYRIGHT-library.html", "licenses/MIT.txt", "licenses/Apache-2.0.txt")]
    return Component(
        "rust-std",
        version,
        "MIT OR Apache-2.0",
        f"pkg:generic/rust-std@{version}",
        website="https://github.com/rust-lang/rust",
        files=[file for file in files if file.exists()],
    )


def libtorch() -> list[Component]:
    """libtorch, and the libraries that its PyPI build is linked against, where the second library is there; versions are
    those of tools/libtorch.lock."""
    if not WITH_TORCH:
        return []
    libraries = (ROOT / ".libtorch/view/lib/libtorch_cpu.so").resolve().parent
    wheels = libraries.parents[1]
    licences = {"torch": "BSD-3-Clause"}
    found = []
    for name, version in re.findall(r"^([\w-]+)==(\S+)", (ROOT / "tools/libtorch.lock").read_text(), re.MULTILINE):
        directory = wheels / f"{name.replace('-', '_')}-{version}.dist-info"
        if name != "torch" and not directory.exists():
            continue  # another build of libtorch, not linked against it
        found.append(
            Component(
                "libtorch" if name == "torch" else name,
                version,
                licences.get(name, "NVIDIA CUDA Toolkit End User License Agreement"),
                f"pkg:pypi/{name}@{version}",
                directory if directory.exists() else libraries.parent,
                "https://pytorch.org" if name == "torch" else "https://docs.nvidia.com/cuda/eula/",
            )
        )
    found[0].needs = {component.reference for component in found[1:]}
    return found


def onnx_messages() -> Component:
    proto = (ROOT / "crates/model/src/onnx/onnx.proto").read_text()
    version = int(re.search(r"^ *IR_VERSION = 0x(\w+);", proto, re.MULTILINE).group(1), 16)
    return Component("onnx.proto", f"IR-{version}", "Apache-2.0", "pkg:github/onnx/onnx",
                     website="https://github.com/onnx/onnx")


def bundled(crates: dict[str, Component]) -> list[Component]:
    """Libraries in C and C++ whose sources crates bring and compile."""
    by_name = {component.name: component for component in crates.values()}
    turbo, charls, openjpeg = by_name["turbojpeg-sys"], by_name["charls-sys"], by_name["openjpeg-sys"]
    sources = turbo.directory / "libjpeg-turbo"
    version = re.search(r"^set\(VERSION (\S+)\)", (sources / "CMakeLists.txt").read_text(), re.MULTILINE).group(1)
    turbojpeg = Component("libjpeg-turbo", version, "IJG AND BSD-3-Clause AND Zlib",
                          f"pkg:github/libjpeg-turbo/libjpeg-turbo@{version}",
                          website="https://github.com/libjpeg-turbo/libjpeg-turbo",
                          files=[sources / name for name in ("LICENSE.md", "README.ijg")])
    # The crate's version ends with that of the library, whose own header is behind.
    version = charls.version.rpartition("+charls.")[2]
    jpeg_ls = Component("CharLS", version, "BSD-3-Clause", f"pkg:github/team-charls/charls@{version}",
                        website="https://github.com/team-charls/charls",
                        files=[charls.directory / "charls/LICENSE.md"])
    configuration = (openjpeg.directory / "config/opj_config_private.h").read_text()
    version = re.search(r'OPJ_PACKAGE_VERSION "(\S+)"', configuration).group(1)
    jpeg_2000 = Component("OpenJPEG", version, "BSD-2-Clause", f"pkg:github/uclouvain/openjpeg@v{version}",
                          website="https://github.com/uclouvain/openjpeg",
                          files=[openjpeg.directory / "vendor/LICENSE"])
    runtime = cplusplus_runtime()
    turbo.needs.add(turbojpeg.reference)
    charls.needs.update(part.reference for part in (jpeg_ls, *runtime))
    openjpeg.needs.add(jpeg_2000.reference)
    return [turbojpeg, jpeg_ls, jpeg_2000, *runtime]


def cplusplus_runtime() -> list[Component]:
    """The C++ compiler's static runtime, where it has one; see cplusplus.rs."""
    compiler = (os.environ.get("CXX") or "c++").split()
    if not Path(run(*compiler, "-print-file-name=libstdc++.a").strip()).is_absolute():
        return []
    version = run(*compiler, "-dumpfullversion").strip()
    copyrights = (Path("/usr/share/doc") / package / "copyright" for package in ("libstdc++6", "libstdc++"))
    return [Component("libstdc++", version, "GPL-3.0-or-later WITH GCC-exception-3.1", f"pkg:generic/libstdc%2B%2B@{version}",
                      website="https://gcc.gnu.org", files=[file for file in copyrights if file.exists()])]
