"""Where images come from: what a source offers, and folders of files."""

from __future__ import annotations

import csv
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

LABELS = "labels.csv"
FILENAME_COLUMN = "patch_filename"
LABEL_COLUMN = "stenoza_label"
FRAME_COLUMN = "frame"

EXTENSIONS = frozenset((".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".dcm", ".dicom", ".ima"))
DICOM_INDEX = "DICOMDIR"
# PS3.10: a preamble of 128 bytes, then these.
DICOM_MARK = slice(128, 132)

_PASSING_ERRORS = frozenset(
    (
        errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EAGAIN, errno.EINTR, errno.EBUSY, errno.EMFILE, errno.ENFILE,
        errno.ECONNRESET, errno.ECONNREFUSED, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN, errno.ENETUNREACH,
    )
)  # fmt: skip


class SourceError(Exception):
    """The source as a whole cannot be used."""


class ReadError(Exception):
    """An item's bytes cannot be got."""


class TransientReadError(ReadError):
    """As ReadError, but it may well go a moment later."""


class Item(NamedTuple):
    """The columns of rows.ITEMS."""

    item: str
    location: bytes
    frame: int | None = None
    given_label: str | None = None


class Source(Protocol):
    """Lists items on the machine that starts the job, and reads them on the workers', to which it is copied."""

    #: The column "source".
    name: str

    def items(self) -> Iterator[Item]: ...

    def read(self, location: bytes) -> bytes:
        """All bytes of an item; ReadError."""


def read_file(path: bytes) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        kind = TransientReadError if error.errno in _PASSING_ERRORS else ReadError
        raise kind(f"cannot read {_shown(path)}: {error.strerror}") from error


class Folder:
    """Every image file below a directory, hidden ones left out."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self.name = str(self._directory)

    def items(self) -> Iterator[Item]:
        for folder, folders, files in os.walk(os.fsencode(self._directory), onerror=_refuse):
            # In place, so that the walk follows.
            folders[:] = sorted(name for name in folders if not name.startswith(b"."))
            for name in sorted(files):
                path = os.path.join(folder, name)
                if not name.startswith(b".") and _is_image(path):
                    yield Item(_shown(os.path.relpath(path, os.fsencode(self._directory))), path)

    def read(self, location: bytes) -> bytes:
        return read_file(location)


class Labels:
    """The rows of a directory's labels.csv, in the layout that the library trains on."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()
        self.name = str(self._directory)

    def items(self) -> Iterator[Item]:
        table = self._directory / LABELS
        # Spreadsheets put a byte order mark before the first name.
        with open(table, newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            if FILENAME_COLUMN not in (reader.fieldnames or ()):
                columns = ", ".join(reader.fieldnames or ())
                raise SourceError(f'{table} has no column "{FILENAME_COLUMN}"; the columns are {columns}')
            for row in reader:
                name = (row[FILENAME_COLUMN] or "").strip()
                number = (row.get(FRAME_COLUMN) or "").strip()
                if not name or not (number == "" or number.isdecimal()):
                    raise SourceError(
                        f'{table}, line {reader.line_num}: file name "{name}", frame "{number}"; there must be a name, '
                        "and the frame must be a number from 0 on, or empty"
                    )
                frame = int(number) if number else None
                label = row.get(LABEL_COLUMN)
                path = os.fsencode(self._directory / "images" / name)
                shown = name if frame is None else f"{name}#{frame}"
                yield Item(shown, path, frame, None if label is None else label.strip())

    def read(self, location: bytes) -> bytes:
        return read_file(location)


def open_folder(directory: Path) -> Source:
    """By its labels.csv when there is one, else by what lies in it."""
    if not directory.is_dir():
        raise SourceError(f"{directory} is no directory (and no http:// or https:// address of a DICOMweb server)")
    return Labels(directory) if (directory / LABELS).is_file() else Folder(directory)


def _is_image(path: bytes) -> bool:
    name = Path(os.fsdecode(path))
    if name.name == DICOM_INDEX or not os.path.isfile(path):
        return False
    if name.suffix.lower() in EXTENSIONS:
        return True
    # DICOM files often have no extension, or a number as one.
    try:
        with open(path, "rb") as file:
            return file.read(DICOM_MARK.stop)[DICOM_MARK] == b"DICM"
    except OSError:
        # Listed, so that the results say what is wrong with it.
        return True


def _shown(path: bytes) -> str:
    return os.fsdecode(path).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _refuse(error: OSError) -> None:
    raise SourceError(f"cannot list {error.filename!r}: {error.strerror}") from error
