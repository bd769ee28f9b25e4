"""TIFF files with JPEG in them, as tifffile and libtiff write them, and the samples that libtiff gives.

    pip install numpy==2.4.6 pillow==13.0.0 imagecodecs==2026.3.6 tifffile==2026.3.3
    python tests/golden/tiff_jpeg.py       # writes tiff_jpeg.json beside itself

Samples are those of Pillow, which reads with libtiff; of 16 bits, which it does not read in JPEG, those of tifffile. Inks
are converted to red, green and blue by Pillow. Numbers are of 8 bits, or unsigned ones of 16, in base64.
"""

import base64
import io
import json
import struct
from pathlib import Path

import numpy
import tifffile
from PIL import Image

HEIGHT, WIDTH = 20, 26
entries = []


def picture(channels, bits=8):
    rows, columns = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    planes = [numpy.sin(columns / 5 + 2 * plane) + numpy.cos(rows / 4 - plane) + 2 for plane in range(channels)]
    values = (numpy.stack(planes, -1) / 4 * ((1 << bits) - 1)).astype("u1" if bits == 8 else "u2")
    return values if channels > 1 else values[..., 0]


def add(name, file, samples=None):
    if samples is None:
        image = Image.open(io.BytesIO(file))
        samples = numpy.asarray(image.convert("RGB") if image.mode == "CMYK" else image)
    assert samples.dtype in ("u1", "u2"), samples.dtype
    entries.append({
        "name": name,
        "file": base64.b64encode(file).decode(),
        "channels": 1 if samples.ndim == 2 else samples.shape[2],
        "bits": 8 * samples.itemsize,
        "samples": base64.b64encode(samples.astype(samples.dtype.newbyteorder("<")).tobytes()).decode(),
    })


def pillow(image, **options):
    file = io.BytesIO()
    image.save(file, "TIFF", **options)
    return file.getvalue()


def written(pixels, photometric, **options):
    file = io.BytesIO()
    options = {"compression": "jpeg", "compressionargs": {"level": 85}, "metadata": None, "software": False, **options}
    tifffile.imwrite(file, pixels, photometric=photometric, **options)
    return file.getvalue()


def with_tag(file, tag, value):
    """The file with another short number as the value of a tag."""
    entry = file.index(struct.pack("<HHI", tag, 3, 1), struct.unpack("<I", file[4:8])[0]) + 8
    return file[:entry] + struct.pack("<H", value) + file[entry + 2:]


gray, colour, inks = picture(1), picture(3), picture(4)
add("YCbCr 4:2:0, with tables", pillow(Image.fromarray(colour), compression="jpeg", quality=85))
add("gray, with tables", pillow(Image.fromarray(gray), compression="jpeg", quality=85))
add("inks, with tables", pillow(Image.fromarray(inks, "CMYK"), compression="jpeg", quality=85))
add("inks, uncompressed", pillow(Image.fromarray(inks, "CMYK")))
for subsampling in ((1, 1), (2, 1), (2, 2)):
    add(f"YCbCr {subsampling} in strips", written(colour, "ycbcr", subsampling=subsampling, rowsperstrip=16))
add("YCbCr 4:2:0 in tiles", written(colour, "ycbcr", subsampling=(2, 2), tile=(16, 16)))
rgb = written(colour, "rgb", rowsperstrip=16, compressionargs={"level": 85, "outcolorspace": "rgb"})
assert b"Adobe\0d\0\0\0\0\0" in rgb
add("RGB, with an Adobe marker", rgb)
add("RGB by the file, YCbCr by JFIF", with_tag(written(colour, "ycbcr", subsampling=(1, 1)), 262, 2))
planes = colour.transpose(2, 0, 1).copy()
add("RGB in planes", written(planes, "rgb", planarconfig="separate", rowsperstrip=16))
add("gray in tiles", written(gray, "minisblack", tile=(16, 16)))
add("gray, bright means low", written(gray, "miniswhite", tile=(16, 16)))
add("12 bits", written(picture(1, 12), "minisblack", bitspersample=12, compressionargs={"level": 85, "bitspersample": 12}))
deep = picture(1, 16)
lossless = {"lossless": True, "bitspersample": 16}
add("lossless, 16 bits", written(deep, "minisblack", rowsperstrip=16, compressionargs=lossless), deep)

lines = ",\n".join(map(json.dumps, entries))
(Path(__file__).parent / "tiff_jpeg.json").write_text(f"[\n{lines}\n]\n")
