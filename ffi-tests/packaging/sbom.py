"""The SBOM is valid CycloneDX 1.5 and complete, the notices name each component: sbom.py DIRECTORY CARGO_LOCK."""

import json
import re
import sys
from pathlib import Path

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

directory, lock = map(Path, sys.argv[1:])
text = (directory / "sbom.cdx.json").read_text()
failures = []


def check(condition: bool, message: str) -> None:
    if not condition:
        failures.append(message)


error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
check(error is None, f"not CycloneDX 1.5: {error}")

bill = json.loads(text)
subject = bill["metadata"]["component"]
components = {component["bom-ref"]: component for component in bill["components"]}
locked = set(re.findall(r'^name = "(.*)"\nversion = "(.*)"$', lock.read_text(), re.MULTILINE))
check((subject["name"], subject["version"]) in locked, f"the SBOM is of {subject['name']} {subject['version']}")
crates = {(c["name"], c["version"]) for c in components.values() if c["purl"].startswith("pkg:cargo/")}
check(crates <= locked, f"not in Cargo.lock: {crates - locked}")
check(all("hashes" in c for c in components.values() if c["purl"].startswith("pkg:cargo/")), "a crate has no hash")
check(all(c["licenses"] for c in components.values()), "a component has no licence")
torch = [c for c in components.values() if c["name"] == "libtorch"]
check(len(torch) == 1 and torch[0]["licenses"] == [{"expression": "BSD-3-Clause"}], f"libtorch: {torch}")

# Whatever is named as a dependency is there, and all of it is reached from the library.
needs = {entry["ref"]: entry["dependsOn"] for entry in bill["dependencies"]}
reached, waiting = set(), [subject["bom-ref"]]
while waiting:
    reference = waiting.pop()
    if reference not in reached:
        reached.add(reference)
        waiting += needs[reference]
everything = {subject["bom-ref"], *components}
check(reached == everything, f"not reached, or not there: {reached ^ everything}")
for name in ("tch", "torch-sys", "OpenJPEG", "epaint_default_fonts", "rust-std", "onnx.proto"):
    check(any(c["name"] == name for c in components.values()), f"{name} is missing")
for name in ("cbindgen", "font8x8", "protox", "serde_derive"):
    check(not any(c["name"] == name for c in components.values()), f"{name} is not linked into the library")

# Each component stands above a licence text, or in the list of those without a file.
notices = (directory / "THIRD-PARTY-NOTICES.txt").read_text()
head, _, texts = notices.partition("\n" + "=" * 120 + "\n")
_, _, without = head.partition("come without a licence file")
headings = re.findall(r"^={120}\n(.*)\n={120}$", "=" * 120 + "\n" + texts, re.MULTILINE)
above = {reference for heading in headings for reference in heading.split(", ")}
for reference in components:
    named = f"\n{reference}: " in without
    check((reference in above) != named, f"{reference} is {'twice' if named else 'not'} in the notices")
check("libtorch" not in without, "libtorch's licence is missing")

for failure in failures:
    print(f"sbom: {failure}", file=sys.stderr)
sys.exit(bool(failures))
