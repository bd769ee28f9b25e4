"""Golden pictures: what Pillow and torchvision make of a small gray picture when they resize, rotate and mirror it.

    pip install torch==2.13.0 torchvision==0.28.0 pillow==13.0.0 numpy safetensors
    python tests/golden/pillow.py        # writes pillow.safetensors beside itself

Tensors, all [height, width], rows from the top:

    source                       uint8 [76, 100]: two waves plus noise (formula.u("picture", i)), full range
    resize.u8.<width>x<height>   uint8, Image.resize(BILINEAR) of the picture in mode L: a triangle filter, widened when
                                 shrinking, in 22-bit fixed point, horizontally first, rounded to 8 bits in between
    resize.f32.<width>x<height>  float32, the same in mode F of the values 0..255: nothing is rounded
    rotate.<degrees>             uint8, torchvision's rotate, NEAREST, no expansion, corners 0; positive angles turn
                                 counter-clockwise, about (width / 2, height / 2) in pixel edges
    flip.horizontal              uint8, left and right exchanged
    flip.vertical                uint8, top and bottom exchanged

The source is stored because sines differ in their last bit between machines. The metadata's one key, "golden", is JSON:
{"versions": {...}}.
"""

import json
import os
from pathlib import Path

import numpy as np
import PIL
import safetensors.numpy
import torchvision
import torchvision.transforms.functional as functional
from PIL import Image

from formula import u

WIDTH, HEIGHT = 100, 76
SIZES = [(128, 128), (64, 64), (37, 50)]
ANGLES = [-10.0, -3.7, 0.0, 4.25, 10.0]
OUTPUT = Path(__file__).with_suffix(".safetensors")


def picture() -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = u("picture", WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
    values = 127 + 60 * np.sin(x / 7) + 60 * np.cos(y / 5) + 16 * noise
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def main() -> None:
    source = picture()
    gray = Image.fromarray(source)
    real = gray.convert("F")
    golden = {"source": source}
    for size in SIZES:
        title = "x".join(map(str, size))
        golden[f"resize.u8.{title}"] = np.asarray(gray.resize(size, Image.Resampling.BILINEAR))
        golden[f"resize.f32.{title}"] = np.asarray(real.resize(size, Image.Resampling.BILINEAR))
    for angle in ANGLES:
        turned = functional.rotate(gray, angle, functional.InterpolationMode.NEAREST, expand=False, fill=0)
        golden[f"rotate.{angle:g}"] = np.asarray(turned)
    golden["flip.horizontal"] = np.asarray(functional.hflip(gray))
    golden["flip.vertical"] = np.asarray(functional.vflip(gray))

    about = {"versions": {"pillow": PIL.__version__, "torchvision": torchvision.__version__}}
    tensors = {name: np.ascontiguousarray(tensor) for name, tensor in golden.items()}
    temporary = OUTPUT.with_suffix(".tmp")
    temporary.write_bytes(safetensors.numpy.save(tensors, {"golden": json.dumps(about)}))
    os.replace(temporary, OUTPUT)


if __name__ == "__main__":
    main()
