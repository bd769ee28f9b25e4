"""Writes the library's bill of materials as CycloneDX 1.5 JSON to standard output.

Not by cargo-cyclonedx 0.5.9: it takes over 4 minutes to build on two cores, lists proc macros and what only they need as
linked in, writes paths of the building machine as references, and knows neither libtorch, Rust's standard library nor onnx.proto.
"""

import json
import os
import subprocess
import time
import uuid

import components
from components import Component


def epoch() -> int:
    """When the sources were committed, so that the same sources give the same document."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    try:
        return int(components.run("git", "log", "-1", "--format=%ct"))
    except (OSError, subprocess.CalledProcessError):
        return int(time.time())  # sources without their history


def license_of(component: Component) -> list[dict[str, object]]:
    if component.license.startswith("NVIDIA") or component.license == "NOASSERTION":
        return [{"license": {"name": component.license}}]
    return [{"expression": component.license}]


def entry(component: Component) -> dict[str, object]:
    made: dict[str, object] = {
        "type": "library",
        "bom-ref": component.reference,
        "name": component.name,
        "version": component.version,
        "scope": "required",
        "licenses": license_of(component),
        "purl": component.purl,
    }
    if component.sha256:
        made["hashes"] = [{"alg": "SHA-256", "content": component.sha256}]
    if component.website:
        made["externalReferences"] = [{"type": "website", "url": component.website}]
    return made


def document() -> dict[str, object]:
    crates = components.crates()
    library, *linked = crates.values()
    library.purl = f"pkg:generic/lesionlens@{library.version}"
    libtorch = components.libtorch()
    others = [components.standard_library(), components.onnx_messages()]
    library.needs |= {component.reference for component in [*libtorch[:1], *others]}
    everything = sorted([*linked, *libtorch, *others, *components.bundled(crates)], key=lambda component: component.reference)
    dependencies = [
        {"ref": component.reference, "dependsOn": sorted(component.needs)} for component in [library, *everything]
    ]
    subject = {key: value for key, value in entry(library).items() if key not in ("scope", "externalReferences")}
    made: dict[str, object] = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch())),
            "component": subject,
        },
        "components": [entry(component) for component in everything],
        "dependencies": dependencies,
    }
    made["serialNumber"] = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(made, sort_keys=True))}"
    return made


if __name__ == "__main__":
    print(json.dumps(document(), indent=2))
