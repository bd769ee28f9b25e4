"""matplotlib's colour tables: golden bytes of four colour maps, and the Rust table of inferno.

    pip install matplotlib==3.11.2 numpy
    python tests/golden/colormaps.py        # writes colormaps.json beside itself and src/heatmap/inferno.rs

Each table is `colormap(range(256), bytes=True)` without alpha, so a component c in 0..1 has become floor(255 * c). A
value v in 0..1 has the colour at index min(floor(256 * v), 255).

Reds, jet and gray are piecewise linear: `interpolated` below repeats them from their anchors, byte for byte, or the
script fails.
"""

import json
import math
import os
from pathlib import Path

import matplotlib
import numpy as np

HERE = Path(__file__).resolve().parent
TABLES = HERE / "colormaps.json"
RUST = HERE.parent.parent / "src" / "heatmap" / "inferno.rs"

# ColorBrewer's nine colours, at 0/8 to 8/8. As matplotlib writes them: the last two blues are not quite bytes / 255.
REDS = [
    (1.0, 0.9607843137254902, 0.9411764705882353),
    (0.996078431372549, 0.8784313725490196, 0.8235294117647058),
    (0.9882352941176471, 0.7333333333333333, 0.6313725490196078),
    (0.9882352941176471, 0.5725490196078431, 0.4470588235294118),
    (0.984313725490196, 0.41568627450980394, 0.2901960784313726),
    (0.9372549019607843, 0.23137254901960785, 0.17254901960784313),
    (0.796078431372549, 0.09411764705882353, 0.11372549019607843),
    (0.6470588235294118, 0.058823529411764705, 0.08235294117647057),
    (0.403921568627451, 0.0, 0.05098039215686274),
]
# (position, value) of red, green and blue.
JET = [
    [(0.0, 0.0), (0.35, 0.0), (0.66, 1.0), (0.89, 1.0), (1.0, 0.5)],
    [(0.0, 0.0), (0.125, 0.0), (0.375, 1.0), (0.64, 1.0), (0.91, 0.0), (1.0, 0.0)],
    [(0.0, 0.5), (0.11, 1.0), (0.34, 1.0), (0.65, 0.0), (1.0, 0.0)],
]
GRAY = [[(0.0, 0.0), (1.0, 1.0)]] * 3
RUST_HEAD = """\
/// The colour map inferno, from low to high: matplotlib's bytes.
///
/// By Nathaniel J. Smith and Stéfan van der Walt, released under CC0; written by tests/golden/colormaps.py.
#[rustfmt::skip]
pub(super) const INFERNO: [[u8; 3]; 256] = [
"""


def table(name: str) -> list[list[int]]:
    return matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3].tolist()


def interpolated(channels: list[list[tuple[float, float]]]) -> list[list[int]]:
    """The table of a piecewise linear map: entry i is at i / 255.

    In matplotlib's order of operations, because floor shows a last bit that differs.
    """

    def component(anchors: list[tuple[float, float]], i: int) -> int:
        if i == 255:
            return math.floor(255 * anchors[-1][1])
        position = 255 * (i * (1 / 255))
        upper = next(k for k in range(1, len(anchors)) if position <= 255 * anchors[k][0])
        (x0, y0), (x1, y1) = anchors[upper - 1], anchors[upper]
        return math.floor(255 * ((position - 255 * x0) / (255 * x1 - 255 * x0) * (y1 - y0) + y0))

    return [[component(anchors, i) for anchors in channels] for i in range(256)]


def reds() -> list[list[tuple[float, float]]]:
    return [[(k / 8, colour[channel]) for k, colour in enumerate(REDS)] for channel in range(3)]


def replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(".tmp")
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, path)


def main() -> None:
    tables = {name: table(name) for name in ("inferno", "Reds", "jet", "gray")}
    for name, channels in (("Reds", reds()), ("jet", JET), ("gray", GRAY)):
        differing = np.argwhere(np.array(interpolated(channels)) != np.array(tables[name]))
        assert not differing.size, f"{name} is not what its anchors give at {differing.tolist()}"
    document = {"versions": {"matplotlib": matplotlib.__version__}} | tables
    replace(TABLES, json.dumps(document, separators=(",", ":")) + "\n")

    colours = [f"[{red}, {green}, {blue}]" for red, green, blue in tables["inferno"]]
    rows = ["    " + ", ".join(colours[i : i + 6]) + ",\n" for i in range(0, 256, 6)]
    replace(RUST, RUST_HEAD + "".join(rows) + "];\n")


if __name__ == "__main__":
    main()
