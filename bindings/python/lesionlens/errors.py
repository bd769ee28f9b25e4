"""One exception class for each status, with the library's message."""

from __future__ import annotations

from ._library import library
from ._structs import lens_status

_numbers = lens_status.names


class LensError(Exception):
    """What the library refused and why. `status` is the number of LENS_ERROR_... or LENS_CANCELLED."""

    status: int

    @property
    def status_name(self) -> str:
        """The status as text, such as "LENS_ERROR_IO"."""
        return _text(library.lens_status_name(self.status))


class ArgumentError(LensError, ValueError):
    """An argument is out of range or malformed; nothing was changed."""

    status = _numbers["error_argument"]


class IoError(LensError, OSError):
    """A file or directory cannot be read or written."""

    status = _numbers["error_io"]


class FormatError(LensError):
    """A file was read, but it is not what it should be."""

    status = _numbers["error_format"]


class DeviceError(LensError):
    """The asked-for device cannot be used."""

    status = _numbers["error_device"]


class OutOfMemoryError(LensError, MemoryError):
    """Memory ran out, on the host or the device."""

    status = _numbers["error_out_of_memory"]


class DataError(LensError):
    """The data set cannot serve the purpose."""

    status = _numbers["error_data"]


class VersionError(LensError):
    """Package, library or libtorch do not belong together."""

    status = _numbers["error_version"]


class UnsupportedError(LensError):
    """This version of the library cannot do that."""

    status = _numbers["error_unsupported"]


class InternalError(LensError):
    """A defect in the library or in libtorch; the message carries what was caught."""

    status = _numbers["error_internal"]


class Cancelled(LensError):
    """The progress callback or the cancel token stopped the call; nothing half-written is left."""

    status = _numbers["cancelled"]


_classes = {subclass.status: subclass for subclass in LensError.__subclasses__()}


def check(status: int) -> None:
    """Raises what the status stands for; must follow the call on the same thread."""
    if status != _numbers["ok"]:
        error = _classes.get(status, LensError)(_text(library.lens_last_error()))
        error.status = status
        raise error


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
