"""fuzz_seeds.py TARGET DIRECTORY [DIRECTORIES]: writes seeds of a fuzz target: code streams of tests/golden/codecs.json, as
they are and in small DICOM and TIFF files, pictures, tables, and the small files of directories, which colons separate."""

import base64
import gzip
import json
import pathlib
import struct
import sys
import zlib

MOST_BYTES = 65536
SYNTAXES = {
    "jpeg": ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57"),
    "jpeg-ls": ("1.2.840.10008.1.2.4.80",),
    "jpeg-2000": ("1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.201"),
    "jpeg-xl": ("1.2.840.10008.1.2.4.110",),
}


def golden():
    path = pathlib.Path(__file__).resolve().parent.parent / "tests/golden/codecs.json"
    return json.loads(path.read_text())


def element(group, number, vr, value):
    value += b"\0" * (len(value) % 2)
    long = vr in (b"OB", b"OW", b"UN", b"SQ")
    length = struct.pack("<HI", 0, len(value)) if long else struct.pack("<H", len(value))
    return struct.pack("<HH", group, number) + vr + length + value


def dicom(syntax, entry, pixels):
    """A file with one frame; pixels are the whole element."""
    bits = 8 if entry["precision"] <= 8 else 16
    numbers = [
        (0x0002, entry["components"]), (0x0010, entry["height"]), (0x0011, entry["width"]), (0x0100, bits),
        (0x0101, entry["precision"]), (0x0102, entry["precision"] - 1), (0x0103, int(entry["signed"])),
    ]
    photometric = b"MONOCHROME2" if entry["components"] == 1 else b"RGB"
    parts = {0x0004: element(0x28, 0x0004, b"CS", photometric), 0x0008: element(0x28, 0x0008, b"IS", b"1")}
    parts |= {number: element(0x28, number, b"US", struct.pack("<H", value)) for number, value in numbers}
    parts |= {
        0x1050: element(0x28, 0x1050, b"DS", b"40\\400"), 0x1051: element(0x28, 0x1051, b"DS", b"400\\2000"),
        0x1052: element(0x28, 0x1052, b"DS", b"-1024"), 0x1053: element(0x28, 0x1053, b"DS", b"1"),
    }
    meta = element(2, 0x10, b"UI", syntax.encode())
    meta = element(2, 0, b"UL", struct.pack("<I", len(meta))) + meta
    return bytes(128) + b"DICM" + meta + b"".join(parts[key] for key in sorted(parts)) + pixels


def fragments(stream):
    stream += b"\0" * (len(stream) % 2)
    item = struct.pack("<HHI", 0xFFFE, 0xE000, 0) + struct.pack("<HHI", 0xFFFE, 0xE000, len(stream)) + stream
    start = struct.pack("<HH", 0x7FE0, 0x0010) + b"OB" + struct.pack("<HI", 0, 0xFFFFFFFF)
    return start + item + struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def files_of_dicom():
    for entry in golden():
        stream = base64.b64decode(entry["stream"])
        for syntax in SYNTAXES[entry["codec"]]:
            yield dicom(syntax, entry, fragments(stream))
    gray = {"components": 1, "height": 8, "width": 8, "precision": 12, "signed": True}
    yield dicom("1.2.840.10008.1.2.1", gray, element(0x7FE0, 0x10, b"OW", bytes(range(128))))
    coloured = {"components": 3, "height": 4, "width": 4, "precision": 8, "signed": False}
    yield dicom("1.2.840.10008.1.2.1", coloured, element(0x7FE0, 0x10, b"OB", bytes(range(48))))
    runs = struct.pack("<16I", 1, 64, *[0] * 14) + bytes([255 - 30, 7, 255 - 30, 9, 1, 3, 4])
    yield dicom("1.2.840.10008.1.2.5", gray | {"precision": 8, "signed": False}, fragments(runs))


def tiff(compression, bits, photometric, data, samples=1, more=()):
    """A page of 8 x 8 pixels."""
    bits_at = 8
    data_at = bits_at + 2 * samples
    tags = {256: (3, 1, 8), 257: (3, 1, 8), 258: (3, samples, bits if samples == 1 else bits_at), 259: (3, 1, compression),
            262: (3, 1, photometric), 273: (4, 1, data_at), 277: (3, 1, samples), 278: (3, 1, 8), 279: (4, 1, len(data))}
    tags |= dict(more)
    directory = struct.pack("<H", len(tags)) + b"".join(
        struct.pack("<HHII", tag, *value) for tag, value in sorted(tags.items())) + bytes(4)
    start = b"II*\0" + struct.pack("<I", data_at + len(data))
    return start + struct.pack("<H", bits) * samples + data + directory


def files_of_tiff():
    for bits, photometric in ((1, 0), (4, 1), (8, 1), (12, 1), (16, 0), (32, 1), (64, 1)):
        yield tiff(1, bits, photometric, bytes(index % 251 for index in range(8 * bits)))
    yield tiff(1, 8, 2, bytes(range(192)), 3)
    yield tiff(1, 8, 5, bytes(192) + bytes(range(64)), 4)
    yield tiff(1, 8, 6, bytes(range(192)), 3)
    yield tiff(8, 8, 1, zlib.compress(bytes(range(64))))
    yield tiff(32773, 8, 1, bytes([255 - 62, 7]))
    yield tiff(5, 8, 1, bytes([0x80, 0x00, 0x01, 0x01]), more={317: (3, 1, 2)}.items())
    yield tiff(1, 32, 1, struct.pack("<64f", *range(64)), more={339: (3, 1, 3), 274: (3, 1, 6)}.items())
    yield tiff(1, 16, 1, struct.pack("<64h", *range(-32, 32)), more={339: (3, 1, 2)}.items())
    for entry in golden():
        if entry["codec"] == "jpeg" and entry["precision"] == 8:
            yield tiff(7, 8, 1, base64.b64decode(entry["stream"]))


def png(bits, colour, samples, chunks=b""):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    row = (8 * bits * samples + 7) // 8
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 8, 8, bits, colour, 0, 0, 0))
    data = zlib.compress(b"".join(bytes([y % 5]) + bytes(row) for y in range(8)))
    return b"\x89PNG\r\n\x1a\n" + header + chunks + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def files_of_pictures():
    palette = b"PLTE" + bytes(range(48))
    palette = struct.pack(">I", 48) + palette + struct.pack(">I", zlib.crc32(palette))
    yield from (png(1, 0, 1), png(8, 0, 1), png(16, 0, 1), png(8, 2, 3), png(16, 6, 4), png(8, 4, 2), png(4, 3, 1, palette))
    for bits in (8, 24, 32):
        colours = bytes(1024) if bits == 8 else b""
        pixels = bytes(8 * bits)
        offset = 54 + len(colours)
        yield (b"BM" + struct.pack("<IHHI", offset + len(pixels), 0, 0, offset)
               + struct.pack("<IiiHHIIiiII", 40, 8, 8, 1, bits, 0, len(pixels), 2835, 2835, 0, 0) + colours + pixels)
    # One pixel, lossless and lossy.
    yield base64.b64decode("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
    yield base64.b64decode("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
    for entry in golden():
        if entry["codec"] == "jpeg":
            stream = base64.b64decode(entry["stream"])
            yield stream
            exif = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0" + bytes(4)
            yield stream[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + stream[2:]


def tables():
    for text in (
        "patch_filename,stenoza_label\na.png,1\nb.png,0\n", "name;label\r\na b;yes\r\nc;no\r\n",
        "\ufefffilename\tlabel\tframe\na.dcm\t1.0\t3\na.dcm\tFALSE\t4\n", '"a;b",label\n"x\n""y""",1\n',
    ):
        yield text.encode()


def nifti(order, version, datatype, bits, voxels):
    """2 x 3 x 2 voxels that lie obliquely, with scaling and a window."""
    dims, scale, window = (3, 2, 3, 2, 1, 1, 1, 1), (2.0, -1.0), (40.0, 0.0)
    matrix = (0.9, 0.1, 0, -5, -0.1, 0.9, 0, 3, 0, 0, 2, 7)
    if version == 1:
        header = struct.pack(f"{order}i36x8h3f4h8f", 348, *dims, 0, 0, 0, 0, datatype, bits, 0, 1, 1, 1, 2, 1, 1, 1, 1)
        header += struct.pack(f"{order}3fhBBff", 352, *scale, 0, 0, 0, *window)
        header = header.ljust(252, b"\0") + struct.pack(f"{order}2h6f12f", 1, 1, 0, 0, 1, -5, 3, 7, *matrix)
        return header.ljust(344, b"\0") + b"n+1\0" + bytes(4) + voxels
    header = struct.pack(f"{order}i8s2h8q3d8dq", 540, b"n+2\0\r\n\x1a\n", datatype, bits, *dims, 0, 0, 0, 1, 1, 1, 2, 1, 1, 1, 1, 544)
    header += struct.pack(f"{order}4d", *scale, *window)
    header = header.ljust(344, b"\0") + struct.pack(f"{order}2i6d12d", 1, 1, 0, 0, 1, -5, 3, 7, *matrix)
    return header.ljust(540, b"\0") + bytes(4) + voxels


def files_of_nifti():
    for order in "<>":
        for version in (1, 2):
            for datatype, bits in ((2, 8), (4, 16), (8, 32), (16, 32), (64, 64), (128, 24), (2304, 32)):
                made = nifti(order, version, datatype, bits, bytes(index * 7 % 256 for index in range(12 * bits // 8)))
                yield made
                yield gzip.compress(made, mtime=0)


def jpeg_kind(stream):
    """The fuzz target of a stream, by its frame header."""
    for place in range(len(stream) - 4):
        if stream[place] == 0xFF and stream[place + 1] in (0xC0, 0xC1, 0xC2, 0xC9, 0xCA):
            return "jpeg_12" if stream[place + 4] == 12 else "jpeg_8"
        if stream[place] == 0xFF and stream[place + 1] == 0xC3:
            return "jpeg_lossless"
    return "jpeg_8"


def streams(target):
    for entry in golden():
        stream = base64.b64decode(entry["stream"])
        name = jpeg_kind(stream) if entry["codec"] == "jpeg" else entry["codec"].replace("-", "_")
        if name == target:
            yield stream


SEEDS = {
    "dicom": files_of_dicom, "tiff": files_of_tiff, "picture": files_of_pictures, "labels": tables, "nifti": files_of_nifti,
    "file_info": lambda: (file for made in (files_of_dicom, files_of_tiff, files_of_pictures, files_of_nifti) for file in made()),
}
# How the files of a directory begin that are seeds of a target.
BEGINNINGS = {
    "tiff": (b"II", b"MM"), "picture": (b"\x89PNG", b"BM", b"RIFF", b"\xff\xd8"), "jpeg_8": (b"\xff\xd8",), "labels": (), "nifti": (b"\x1f\x8b",),
    "jpeg_12": (b"\xff\xd8",), "jpeg_lossless": (b"\xff\xd8",), "jpeg_ls": (b"\xff\xd8",), "jpeg_2000": (b"\xff\x4f", b"\0\0\0\x0cjP"),
    "jpeg_xl": (b"\xff\x0a", b"\0\0\0\x0cJXL"),
}


def found(target, directories):
    for directory in directories:
        for path in sorted(pathlib.Path(directory).rglob("*")):
            if not path.is_file() or path.suffix == ".npy" or path.stat().st_size > MOST_BYTES:
                continue
            content = path.read_bytes()
            wanted = content.startswith(BEGINNINGS[target]) if target in BEGINNINGS else True
            if wanted or target == "labels" and path.suffix == ".csv":
                yield content


def main():
    target, directory = sys.argv[1], pathlib.Path(sys.argv[2])
    made = SEEDS.get(target, lambda: streams(target))()
    given = found(target, sys.argv[3].split(":") if len(sys.argv) > 3 else [])
    count = 0
    for count, content in enumerate([*made, *given], 1):
        (directory / f"{zlib.crc32(content):08x}").write_bytes(content)
    if count == 0:
        sys.exit(f"fuzz_seeds.py: there are no seeds of {target}")


main()
