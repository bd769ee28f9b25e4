"""Golden code streams: small images as other encoders write them, and the samples that other decoders give.

    apt install dcmtk libjpeg-turbo-progs
    pip install numpy==2.4.6 pydicom==3.0.2 pillow==13.0.0 imagecodecs==2026.3.6 pyjpegls==1.5.1
    python tests/golden/codecs.py       # writes codecs.json beside itself

Samples are unsigned 16-bit numbers, or signed ones, in base64; `tolerance` is how far those of another decoder may be.
"""

import base64
import io
import json
import subprocess
import tempfile
from pathlib import Path

import imagecodecs
import jpeg_ls
import numpy
import pydicom
from PIL import Image
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian

HEIGHT, WIDTH = 12, 20
noise = numpy.random.default_rng(7)
entries = []


def picture(bits, components=1, signed=False):
    rows, columns = numpy.mgrid[0:HEIGHT, 0:WIDTH]
    highest = (1 << bits) - 1
    planes = [numpy.sin(columns / 4 + 2 * plane) + numpy.cos(rows / 3 - plane) + 2 for plane in range(components)]
    values = numpy.stack([plane / 4 * highest + noise.normal(0, highest / 100, plane.shape) for plane in planes], -1)
    values = numpy.clip(values, 0, highest).astype(numpy.int64)
    values = values - (1 << (bits - 1)) if signed else values
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    return (values[..., 0] if components == 1 else values).astype(kind)


def add(name, codec, stream, samples, precision, tolerance=0):
    samples = numpy.asarray(samples)
    entries.append({
        "name": name,
        "codec": codec,
        "stream": base64.b64encode(bytes(stream)).decode(),
        "width": samples.shape[1],
        "height": samples.shape[0],
        "components": 1 if samples.ndim == 2 else samples.shape[2],
        "precision": precision,
        "signed": samples.dtype.kind == "i",
        "tolerance": tolerance,
        "samples": base64.b64encode(samples.astype("<i2" if samples.dtype.kind == "i" else "<u2").tobytes()).decode(),
    })


def cjpeg(pixels, *options):
    """As the standard's own encoder writes it; and as its decoder reads it."""
    magic = b"P5" if pixels.ndim == 2 else b"P6"
    file = magic + b"\n%d %d\n255\n" % (WIDTH, HEIGHT) + pixels.tobytes()
    stream = subprocess.run(["cjpeg", *options], input=file, stdout=subprocess.PIPE, check=True).stdout
    decoded = subprocess.run(["djpeg"], input=stream, stdout=subprocess.PIPE, check=True).stdout
    return stream, numpy.asarray(Image.open(io.BytesIO(decoded)))


def dcmtk(pixels, bits, *options):
    """The code stream of DCMTK's encoder, and what its decoder gives."""
    with tempfile.TemporaryDirectory() as directory:
        plain, coded, decoded = (f"{directory}/{name}" for name in ("plain", "coded", "decoded"))
        data_set = pydicom.Dataset()
        data_set.file_meta = pydicom.dataset.FileMetaDataset()
        data_set.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        data_set.SOPClassUID = data_set.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
        data_set.SOPInstanceUID = data_set.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        data_set.Rows, data_set.Columns = pixels.shape[:2]
        data_set.SamplesPerPixel = 1
        data_set.PhotometricInterpretation = "MONOCHROME2"
        data_set.BitsAllocated = 8 * pixels.itemsize
        data_set.BitsStored, data_set.HighBit, data_set.PixelRepresentation = bits, bits - 1, 0
        data_set.PixelData = pixels.tobytes()
        data_set["PixelData"].VR = "OW"
        data_set.save_as(plain, enforce_file_format=True)
        subprocess.run(["dcmcjpeg", *options, plain, coded], check=True)
        subprocess.run(["dcmdjpeg", coded, decoded], check=True)
        stream = next(generate_frames(pydicom.dcmread(coded).PixelData, number_of_frames=1))
        return stream, pydicom.dcmread(decoded).pixel_array


gray, colour = picture(8), picture(8, 3)
with tempfile.NamedTemporaryFile("w", suffix=".scans") as scans:
    scans.write("0;\n1;\n2;\n")
    scans.flush()
    add("baseline 4:2:0 in three scans", "jpeg", *cjpeg(colour, "-scans", scans.name), 8)
add("baseline gray", "jpeg", *cjpeg(gray), 8)
add("baseline 4:2:2", "jpeg", *cjpeg(colour, "-sample", "2x1"), 8)
add("baseline 4:4:0", "jpeg", *cjpeg(colour, "-sample", "1x2"), 8)
add("baseline RGB", "jpeg", *cjpeg(colour, "-rgb"), 8)
add("progressive 4:2:0", "jpeg", *cjpeg(colour, "-progressive"), 8)
add("arithmetic", "jpeg", *cjpeg(colour, "-arithmetic"), 8)
add("arithmetic and progressive", "jpeg", *cjpeg(gray, "-arithmetic", "-progressive"), 8)
add("restart intervals", "jpeg", *cjpeg(colour, "-restart", "1B"), 8)
for bits in (2, 8, 12, 16):
    for predictor in (1, 4, 7):
        pixels = picture(bits)
        stream = imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)
        add(f"lossless, {bits} bits, predictor {predictor}", "jpeg", stream, pixels, bits)
add("lossless RGB", "jpeg", imagecodecs.jpeg8_encode(colour, lossless=True, predictor=1), colour, 8)
add("lossless, point transform 2", "jpeg", *dcmtk(picture(12), 12, "+el", "+pl", "+sv", "6", "+pt", "2"), 12)
add("12 bits", "jpeg", *dcmtk(picture(12), 12, "+ee"), 12, 1)
add("12 bits, progressive", "jpeg", *dcmtk(picture(12), 12, "+ep"), 12, 1)

for bits in (2, 8, 12, 16):
    pixels = picture(bits)
    options = {"rows": HEIGHT, "columns": WIDTH, "samples_per_pixel": 1, "bits_allocated": 8 * pixels.itemsize,
               "bits_stored": bits, "photometric_interpretation": "MONOCHROME2", "pixel_representation": 0}
    stream = jpeg_ls.encode_pixel_data(pixels.tobytes(), lossy_error=0, **options)
    add(f"{bits} bits", "jpeg-ls", stream, pixels, bits)
    if bits > 2:
        stream = bytes(jpeg_ls.encode_pixel_data(pixels.tobytes(), lossy_error=3, **options))
        add(f"{bits} bits, near 3", "jpeg-ls", stream, jpeg_ls.decode(numpy.frombuffer(stream, "u1")), bits)
for mode, planes in ((0, colour.transpose(2, 0, 1).copy()), (1, colour), (2, colour)):
    add(f"colours, interleave mode {mode}", "jpeg-ls", jpeg_ls.encode_array(planes, interleave_mode=mode), colour, 8)

for bits, signed in ((8, False), (12, False), (16, False), (12, True), (16, True)):
    pixels = picture(bits, signed=signed)
    stream = imagecodecs.jpeg2k_encode(pixels, bitspersample=bits, reversible=True, level=0, codecformat="j2k")
    add(f"{bits} bits{', signed' if signed else ''}", "jpeg-2000", stream, pixels, bits)
stream = imagecodecs.jpeg2k_encode(colour, reversible=True, level=0, codecformat="jp2", mct=True)
add("colours, in a file", "jpeg-2000", stream, colour, 8)
stream = imagecodecs.jpeg2k_encode(colour, reversible=False, level=40, codecformat="j2k", mct=True)
add("colours, lossy", "jpeg-2000", stream, imagecodecs.jpeg2k_decode(stream), 8, 1)
for bits in (8, 16):
    pixels = picture(bits)
    add(f"high throughput, {bits} bits", "jpeg-2000", imagecodecs.htj2k_encode(pixels, reversible=True), pixels, bits)

for bits in (8, 12, 16):
    pixels = picture(bits)
    stream = imagecodecs.jpegxl_encode(pixels, lossless=True, bitspersample=bits, photometric="gray")
    add(f"{bits} bits", "jpeg-xl", stream, pixels, bits)
add("colours", "jpeg-xl", imagecodecs.jpegxl_encode(colour, lossless=True), colour, 8)
stream = imagecodecs.jpegxl_encode(colour, distance=0.5)
add("colours, lossy", "jpeg-xl", stream, imagecodecs.jpegxl_decode(stream), 8, 1)

lines = ",\n".join(map(json.dumps, entries))
(Path(__file__).parent / "codecs.json").write_text(f"[\n{lines}\n]\n")
