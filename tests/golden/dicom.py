"""Golden frames: what pydicom decodes from ../shared/data/dicom, and a JPEG 2000 code stream.

    pip install pydicom==3.0.2 numpy pylibjpeg pylibjpeg-libjpeg pylibjpeg-openjpeg pylibjpeg-rle
    python tests/golden/dicom.py        # writes dicom.json beside itself

Of each frame: its shape, the sum of its stored values, and 24 of them with their places.
"""

import json
from pathlib import Path

import numpy
import pydicom
from openjpeg.utils import encode_array
from pydicom.pixels import pixel_array

here = Path(__file__).parent
data = here.parents[2] / "shared" / "data" / "dicom"


def described(path, frame):
    values = pixel_array(path, index=frame)
    flat = values.reshape(-1).astype(int)
    places = numpy.random.default_rng(len(flat) + frame).integers(0, len(flat), 24)
    return {
        "frame": frame,
        "shape": list(values.shape),
        "sum": int(flat.sum()),
        "samples": [[int(place), int(flat[place])] for place in places],
    }


files = {}
for path in sorted(data.glob("*.dcm")):
    if "truncated" in path.name:
        continue
    frames = int(pydicom.dcmread(path, stop_before_pixels=True).get("NumberOfFrames", 1))
    chosen = sorted({0, 1, frames // 2, frames - 1} & set(range(frames)))
    files[path.name] = {"frames": frames, "decoded": [described(path, frame) for frame in chosen]}

# 48 x 40 pixels of 12 bits; the value is 2 x (column + 48 x row).
ramp = (numpy.arange(1920, dtype=numpy.uint16) * 2).reshape(40, 48)
code_stream = encode_array(ramp, bits_stored=12, photometric_interpretation=2, use_mct=False)

lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(file)}" for name, file in files.items())
(here / "dicom.json").write_text(f'{{"files": {{\n{lines}\n}},\n"jpeg2000": "{bytes(code_stream).hex()}"}}\n')
