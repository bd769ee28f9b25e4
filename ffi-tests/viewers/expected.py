"""What the bindings for viewers are compared with: images, and what the command line and the Python package say of them.

python expected.py DIRECTORY: needs DIRECTORY/model.safetensors, and target/lens-host, the command line. Numbers
go to expected.properties, arrays to files of raw little-endian values, row by row without gaps.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "bindings" / "python"), str(ROOT / "ffi-tests" / "python")]
import dicom_file  # noqa: E402
import lesionlens  # noqa: E402

WIDTH, HEIGHT = 112, 80
WINDOW = {"window_center": 1800.0, "window_width": 1500.0}
HEATMAP = {"tile_size": 48, "stride": 20}


def lens_host(directory: Path, command: str, *arguments: str) -> Any:
    model = str(directory / "model.safetensors")
    finished = subprocess.run(
        [str(ROOT / "target" / "lens-host"), command, "--model", model, "--json", "--device", "cpu", *arguments],
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(finished.stdout)


def main(directory: Path) -> None:
    random = numpy.random.default_rng(11)
    gray = random.integers(20, 120, (HEIGHT, WIDTH), dtype=numpy.uint8)
    gray[30:50, 60:90] += 100
    images = {
        "gray8": gray,
        "gray16": gray.astype(numpy.uint16) * 14 + 300,
        "rgb": numpy.stack([gray, gray // 2, 255 - gray], axis=-1),
    }
    for name, pixels in images.items():
        pixels.tofile(directory / f"{name}.raw")
        lesionlens.write_png(directory / f"{name}.png", pixels)

    values: dict[str, object] = {"width": WIDTH, "height": HEIGHT, **WINDOW, **HEATMAP}
    files = [str(directory / f"{name}.png") for name in ("gray8", "rgb")]
    for name, prediction in zip(("gray8", "rgb"), lens_host(directory, "classify", *files)["predictions"]):
        values |= {f"{name}.probability": prediction["probability"], f"{name}.logit": prediction["logit"]}
    drawn = lens_host(
        directory, "heatmap", "--tile", str(HEATMAP["tile_size"]), "--stride", str(HEATMAP["stride"]),
        "--out", str(directory / "heatmaps"), files[0],
    )
    drawn_heatmap = drawn["maps"][0]
    values |= {f"heatmap.{name}": drawn_heatmap[name] for name in ("mean", "maximum", "columns", "rows")}
    values |= {f"heatmap.hottest.{name}": drawn_heatmap["hottest_tile"][name] for name in ("x", "y", "probability")}
    values["heatmap.probability"] = drawn_heatmap["prediction"]["probability"]
    with lesionlens.Context(device="cpu") as context:
        model = context.load_model(directory / "model.safetensors")
        windowed = lesionlens.Image(images["gray16"], **WINDOW)
        values["gray16.probability"] = model.classify(windowed).probability
        table = lesionlens.LookupTable((numpy.arange(2000) % 900).astype(numpy.uint16), first=200, bits=10)
        (directory / "viewing.dcm").write_bytes(dicom_file.made(images["gray16"], table, **WINDOW))
        sigmoid = lesionlens.Image(images["gray16"], bits_stored=12, window_function="sigmoid", **WINDOW)
        values["sigmoid.probability"] = model.classify(sigmoid).probability
        looked_up = lesionlens.Image(images["gray16"], bits_stored=12, lut=table)
        values["table.probability"] = model.classify(looked_up).probability
        whole = lesionlens.Image(images["gray16"], bits_stored=12)
        values["full_range.probability"] = model.classify(whole).probability
        heatmap = model.heatmap(gray, **HEATMAP)
        heatmap.values.tofile(directory / "heatmap.raw")
        numpy.ascontiguousarray(heatmap.overlay(gray)).tofile(directory / "overlay.raw")
    lines = (f"{name}={value!r}\n" for name, value in values.items())
    (directory / "expected.properties").write_text("".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
