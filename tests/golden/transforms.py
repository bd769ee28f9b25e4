"""Golden samples of what torchvision and Pillow make of pictures: resizing, rotation, mirroring, the reference's chain.

    pip install torch==2.13.0 torchvision==0.28.0 pillow==13.0.0 numpy safetensors
    python tests/golden/transforms.py [DATA]      # DATA: ../shared/data beside the checkout, unless said otherwise

Writes transforms.safetensors beside itself. Of real pictures it holds digests of what has their pixels as they are, and
every STEP-th sample, in the order row, column, channel, of what was computed from them; the test reads the pictures
where they lie. A tensor is named "<source> <operation>". A source is "drawn" (the tensor "drawn", uint8 [76, 100]: two
waves plus noise, stored because sines differ in their last bit between machines), a path below DATA, or three paths
joined by "+": the red, green and blue of one picture. "@<width>x<height>" stands for the upper left part of that size.
The operations:

    resize.u8.<width>x<height>   uint8 samples of torchvision's resize, BILINEAR: Pillow's triangle filter, widened when
                                 shrinking, in 22-bit fixed point, horizontally first, rounded to 8 bits after each
                                 direction
    resize.f32.<width>x<height>  float32 samples, the same of the values 0..255 as floats (mode F): nothing is rounded
    rotate.<degrees>             uint8 [32], the SHA-256 of the bytes that torchvision's rotate makes: NEAREST, no
                                 expansion, corners 0; positive angles turn counter-clockwise
    flip.horizontal              uint8 [32], the same of hflip: left and right exchanged
    flip.vertical                uint8 [32], the same of vflip: top and bottom exchanged
    reference.<h|-><v|->.<degrees>  uint8 samples, in 255ths, of the reference pipeline's training transform with its
                                 random choices made: mode RGB, resize to 128 x 128, then hflip (h), vflip (v), rotate,
                                 ToTensor

The metadata's one key, "golden", is JSON: {"versions": {...}}.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np
import PIL
import safetensors.numpy
import torchvision
import torchvision.transforms.functional as functional
from PIL import Image

from formula import u

WIDTH, HEIGHT = 100, 76
STEP = 101
# Of what augmentation draws by default, and a few beyond.
ANGLES = [-10.0, -7.5, -3.7, -1.0, -0.05, 0.0, 0.3, 2.5, 4.25, 6.8, 9.999, 10.0]
ANGLES += [45.0, 90.0, 123.4, 180.0, -90.0, -179.0]
CHAINS = [("--", 0.0), ("h-", -10.0), ("-v", 3.7), ("hv", 9.25), ("hv", -0.6)]
HERE = Path(__file__).resolve().parent
DATA = HERE.parent.parent.parent / "shared" / "data"
OUTPUT = Path(__file__).with_suffix(".safetensors")

# How many pictures of each folder, evenly spread, and the sizes (width, height) they are resized to.
FOLDERS = [
    ("arcade-tiles/val/images", 5, [(128, 128), (64, 64), (28, 28), (97, 130)]),
    ("stenosis-patches/val/images", 3, [(128, 128), (64, 64), (28, 28)]),
    ("arcade-frames/images", 4, [(128, 128), (64, 64), (200, 150), (300, 400)]),
]


def drawn() -> np.ndarray:
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    noise = u("picture", WIDTH * HEIGHT).reshape(HEIGHT, WIDTH)
    values = 127 + 60 * np.sin(x / 7) + 60 * np.cos(y / 5) + 16 * noise
    return np.clip(np.round(values), 0, 255).astype(np.uint8)


def sampled(result: object) -> np.ndarray:
    return np.ascontiguousarray(np.asarray(result).reshape(-1)[::STEP])


def digest(result: Image.Image) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(result.tobytes()).digest(), np.uint8)


def chain(picture: Image.Image, flips: str, angle: float) -> np.ndarray:
    picture = functional.resize(picture.convert("RGB"), [128, 128])
    if "h" in flips:
        picture = functional.hflip(picture)
    if "v" in flips:
        picture = functional.vflip(picture)
    picture = functional.rotate(picture, angle)
    values = functional.to_tensor(picture).permute(1, 2, 0).numpy()
    bytes = np.round(values * 255).astype(np.uint8)
    assert np.array_equal(values, bytes.astype(np.float32) / np.float32(255))
    return bytes


def results(picture: Image.Image, sizes: list[tuple[int, int]]) -> dict[str, np.ndarray]:
    golden = {}
    for width, height in sizes:
        golden[f"resize.u8.{width}x{height}"] = sampled(functional.resize(picture, [height, width]))
        if picture.mode == "L":
            real = picture.convert("F").resize((width, height), Image.Resampling.BILINEAR)
            golden[f"resize.f32.{width}x{height}"] = sampled(real)
    for angle in ANGLES:
        golden[f"rotate.{angle:g}"] = digest(functional.rotate(picture, angle))
    golden["flip.horizontal"] = digest(functional.hflip(picture))
    golden["flip.vertical"] = digest(functional.vflip(picture))
    for flips, angle in CHAINS:
        golden[f"reference.{flips}.{angle:g}"] = sampled(chain(picture, flips, angle))
    return golden


def main() -> None:
    data = Path(sys.argv[1]) if len(sys.argv) > 1 else DATA
    pictures = {"drawn": Image.fromarray(drawn())}

    def picture(source: str) -> Image.Image:
        names, _, part = source.partition("@")
        channels = [pictures.get(name) or Image.open(data / name) for name in names.split("+")]
        assert all(channel.mode == "L" for channel in channels), source
        whole = channels[0] if len(channels) == 1 else Image.merge("RGB", channels)
        return whole.crop((0, 0, *map(int, part.split("x")))) if part else whole

    sources = {
        "drawn": [(128, 128), (64, 64), (37, 50)],
        "drawn@28x28": [(64, 64), (128, 128)],
        "drawn@33x64": [(32, 32), (512, 200)],
    }
    for folder, count, sizes in FOLDERS:
        names = sorted(f"{folder}/{path.name}" for path in (data / folder).glob("*.png"))
        chosen = [names[(2 * index + 1) * len(names) // (2 * count)] for index in range(count)]
        sources |= dict.fromkeys(chosen, sizes)
        sources["+".join(chosen[:3])] = sizes
        sources[f"{chosen[0]}@28x28"] = [(64, 64), (128, 128)]
        sources[f"{chosen[1]}@31x20"] = [(128, 128), (20, 31)]

    golden = {"drawn": drawn()}
    for source, sizes in sources.items():
        golden |= {f"{source} {name}": samples for name, samples in results(picture(source), sizes).items()}
    about = {"step": STEP, "versions": {"pillow": PIL.__version__, "torchvision": torchvision.__version__}}
    temporary = OUTPUT.with_suffix(".tmp")
    temporary.write_bytes(safetensors.numpy.save(golden, {"golden": json.dumps(about)}))
    os.replace(temporary, OUTPUT)


if __name__ == "__main__":
    main()
