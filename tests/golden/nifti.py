"""Golden volumes: small NIfTI files as nibabel writes them, and their slices as nibabel reads them.

    pip install nibabel==5.4.2 numpy
    python tests/golden/nifti.py        # writes nifti.json beside itself

Files are compressed with gzip and in base64. Of each volume: its slices along the stored third axis, in order (the fourth
axis is the slowest), each as rows of values after scaling: as stored (rows along the second axis), and as seen, which is
what DICOM images of the plane nearest to it show.
"""

import base64
import gzip
import itertools
import json
from pathlib import Path

import nibabel
import numpy
from nibabel.orientations import io_orientation
from rotation import rotation

here = Path(__file__).parent


def stored_slices(data):
    volumes = data.reshape(*data.shape[:3], -1)
    return [volumes[:, :, k, t].T for t in range(volumes.shape[3]) for k in range(volumes.shape[2])]


def seen_slices(image):
    """From the volume in right-anterior-superior order, each slice seen from below, from the front or from the left."""
    orientation = io_orientation(image.affine)
    axis, direction = int(orientation[2, 0]), orientation[2, 1]
    canonical = numpy.asanyarray(nibabel.as_closest_canonical(image).dataobj)
    slices = canonical.shape[axis]
    places = range(slices) if direction > 0 else range(slices - 1, -1, -1)
    planes = [numpy.take(canonical, place, axis) for place in places]
    # The patient's right or anterior is at the left, anterior or superior above.
    return [plane[::-1, ::-1].T for plane in planes]


def described(content, kind, seen):
    file = base64.b64encode(gzip.compress(content, mtime=0)).decode()
    image = kind.from_bytes(content)
    values = numpy.asanyarray(image.dataobj)
    if values.dtype.names:
        values = numpy.stack([values[name] for name in values.dtype.names], axis=-1)
        pictures = [values[:, :, k].transpose(1, 0, 2).tolist() for k in range(values.shape[2])]
        return {"file": file, "stored": pictures}
    described = {"file": file, "stored": [plane.tolist() for plane in stored_slices(values)]}
    if seen:
        described["seen"] = [plane.tolist() for plane in seen_slices(image)]
    return described


def lying():
    """Volumes that lie in each of the 48 ways, and oblique ones; by sform and by qform."""
    data = numpy.arange(24, dtype=numpy.uint8).reshape(3, 4, 2)
    turns = [numpy.eye(3), rotation((0.3, -0.2, 0.25))]
    for number, (order, signs) in enumerate(
        itertools.product(itertools.permutations(range(3)), itertools.product((1, -1), repeat=3))
    ):
        affine = numpy.eye(4)
        affine[:3, :3] = turns[number % 2] @ numpy.diag(signs) @ numpy.eye(3)[list(order)] @ numpy.diag((0.5, 0.75, 3.0))
        affine[:3, 3] = (-90, 50, 7)
        for form in ("sform", "qform"):
            image = (nibabel.Nifti2Image if number % 3 == 0 else nibabel.Nifti1Image)(data, affine)
            image.set_sform(affine if form == "sform" else None, code=2 if form == "sform" else 0)
            image.set_qform(affine if form == "qform" else None, code=1 if form == "qform" else 0)
            yield f"{form} {order} {signs}", described(image.to_bytes(), type(image), seen=True)


def of_each_type():
    ends = {name: numpy.iinfo(name) for name in ("uint8", "int8", "int16", "uint16", "int32", "uint32")}
    kinds = [*ends, "float32", "float64"]
    for name, order, kind in itertools.product(kinds, "<>", (nibabel.Nifti1Image, nibabel.Nifti2Image)):
        dtype = numpy.dtype(name).newbyteorder(order)
        values = numpy.linspace(ends[name].min, ends[name].max, 24) if name in ends else numpy.linspace(-7.3, 1200.5, 24)
        data = values.astype(dtype).reshape(3, 4, 2, 1)
        if name != "uint8":
            data = data.reshape(3, 2, 2, 2)
        header = kind.header_class(endianness=order)
        header.set_data_dtype(dtype)
        image = kind(data, None, header)
        scaled = order == ">"
        content = bytearray(image.to_bytes())
        # nibabel scales what it writes by factors of its own choice; these are put into the file.
        header = kind.header_class(content[: kind.header_class.sizeof_hdr], endianness=order)
        header["scl_slope"], header["scl_inter"] = (-2.5, 10) if scaled else (0, 7)
        content[: kind.header_class.sizeof_hdr] = header.binaryblock
        yield f"{name} {order} {kind.__name__}", described(bytes(content), kind, seen=False)
    colours = numpy.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
    data = numpy.arange(3 * 2 * 2 * 3, dtype=numpy.uint8).view(colours).reshape(3, 2, 2)
    yield "RGB24", described(nibabel.Nifti1Image(data, None).to_bytes(), nibabel.Nifti1Image, seen=False)


lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(case)}" for name, case in [*lying(), *of_each_type()])
(here / "nifti.json").write_text(f"{{\n{lines}\n}}\n")
