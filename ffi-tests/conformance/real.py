"""Files that others made."""

from __future__ import annotations

from pathlib import Path

import numpy
import pydicom
from compare import SEEN, Comparer, Result, check, refusals, REFUSES
from ours import Frame, Refused
from pydicom import uid
from pydicom.dataset import Dataset

#: Whose decoders may differ by one.
_LOSSY = {uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEG2000}
#: Lossy code streams under the name of any JPEG 2000.
_MAYBE_LOSSY = {uid.JPEG2000Lossless}
_PROGRAMS = {
    **dict.fromkeys((uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1),
                    ("dcmdjpeg", "dcmj2pnm")),
    **dict.fromkeys((uid.JPEGLSLossless, uid.JPEGLSNearLossless), ("dcmdjpls", "dcml2pnm")),
    uid.RLELossless: ("dcmdrle", "dcm2pnm"),
}
_ANGIOGRAPHY = "1.2.840.10008.5.1.4.1.1.12."


def pydicom_files() -> list[Path]:
    """The files that are in pydicom's package."""
    folder = Path(pydicom.__file__).parent / "data/test_files"
    return sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix not in (".zip", ".json", ".txt"))


def compare_file(comparer: Comparer, path: Path, with_dcmtk: bool) -> Result:
    """One file, its first, middle and last frame."""
    result = Result(path.name)
    try:
        first = comparer.ours.read(path)
    except Refused as reason:
        result.note("ours", REFUSES, str(reason).replace(f"{path}: ", ""))
        _note_readers(result, comparer, path, with_dcmtk)
        return result
    for frame in sorted({0, first.frames // 2, first.frames - 1}):
        _compare_frame(result, comparer, path, frame, comparer.ours.read(path, frame), with_dcmtk)
    return result


def _syntax(data_set: Dataset) -> str:
    return data_set.file_meta.get("TransferSyntaxUID", uid.ImplicitVRLittleEndian)


def _programs(data_set: Dataset) -> tuple[str, str]:
    return _PROGRAMS.get(_syntax(data_set), ("dcmconv", "dcm2pnm"))


def _note_readers(result: Result, comparer: Comparer, path: Path, with_dcmtk: bool) -> None:
    """Notes who refuses what is refused here; "differs" is who reads it."""
    with refusals(result, "pydicom"):
        comparer.pydicom.stored(path, 0)
        result.note("pydicom", "differs", "reads it")
    if with_dcmtk:
        with refusals(result, "DCMTK"):
            try:
                program = _programs(comparer.pydicom.data_set(path))[1]
            except (Refused, AttributeError):
                program = "dcmj2pnm"
            comparer.dcmtk.seen(path, 0, program, [])
            result.note("DCMTK", "differs", "reads it")


def _compare_frame(
    result: Result, comparer: Comparer, path: Path, frame: int, read: Frame, with_dcmtk: bool
) -> None:
    is_gray = read.rescaled is not None
    loss = 0
    with refusals(result, "pydicom"):
        data_set = comparer.pydicom.data_set(path)
        loss = 1 if _syntax(data_set) in _LOSSY | _MAYBE_LOSSY else 0
        if is_gray:
            _check_stored(result, "pydicom", comparer, path, frame, read, loss)
        seen = comparer.pydicom.seen(path, frame, 0)
        if seen is not None:
            check(result, "pydicom", "seen", read.seen, seen, SEEN + (loss * 3 / 255 if not is_gray else 0))
    if not with_dcmtk:
        return
    with refusals(result, "DCMTK"):
        try:
            data_set = comparer.pydicom.data_set(path)
        except Refused:
            data_set = Dataset()
            data_set.file_meta = pydicom.dataset.FileMetaDataset()
        loss = 1 if _syntax(data_set) in _LOSSY | _MAYBE_LOSSY else 0
        options = []
        if is_gray and "WindowCenter" in data_set:
            options = ["+Wi", "1"]
        elif is_gray and data_set.get("VOILUTSequence"):
            options = ["+Wl", "1"]
        elif is_gray and data_set.get("BitsStored", 16) > 8:
            options = ["+Wm"]
        seen = comparer.dcmtk.seen(path, frame, _programs(data_set)[1], options)
        check(result, "DCMTK", "seen", read.seen, seen, SEEN + loss * 3 / 255)


def _check_stored(
    result: Result, reference: str, comparer: Comparer, path: Path, frame: int, read: Frame, loss: int
) -> None:
    data_set = comparer.pydicom.data_set(path)
    is_angiography = data_set.get("SOPClassUID", "").startswith(_ANGIOGRAPHY)
    if read.stored.dtype.kind == "f":
        theirs = comparer.pydicom.stored(path, frame).astype("f8")
        if not is_angiography:
            theirs = comparer.pydicom.rescaled(path, frame)
        most = numpy.abs(read.stored * read.slope) * 2.0**-23 + 1e-12
        check(result, reference, "stored", read.rescaled, theirs, most)
    elif data_set.get("ModalityLUTSequence") and not is_angiography:
        check(result, reference, "stored", read.stored, comparer.pydicom.rescaled(path, frame), loss)
    else:
        check(result, reference, "stored", read.stored, comparer.pydicom.stored(path, frame), loss)
