"""The set-up library."""

from __future__ import annotations

import ctypes
import os
from ctypes import c_void_p
from typing import TYPE_CHECKING, Any, Callable

from . import _libtorch
from ._arguments import make_options, text
from ._handle import Handle, describe
from ._library import library
from ._structs import (
    ABI_VERSION,
    lens_import_options,
    lens_init_options,
    lens_log_fn,
    lens_log_level,
    lens_train_options,
)
from .cancel import CancelToken
from .dataset import Dataset
from .errors import IoError, check
from .model import Model
from .options import ContextOptions, ImportOptions, Path, TrainOptions
from .progress import ProgressCallback, Watch

if TYPE_CHECKING:
    from typing_extensions import Unpack

#: Receives a level ("error", "warning", "info", "debug") and a message, from any thread that calls the library.
Log = Callable[[str, str], None]


class Context(Handle):
    """The library set up for a device, precision and number of threads. Thread-safe; models keep it alive."""

    _kind = "context"

    def __init__(self, *, log: Log | None = None, **options: Unpack[ContextOptions]) -> None:
        """Options: ContextOptions."""
        choices = make_options(lens_init_options, ContextOptions, options)
        choices.abi_version = ABI_VERSION
        if options.get("libtorch_dir") is None:
            try:
                directory = _libtorch.find()
            except ValueError as error:
                raise IoError(str(error)) from None
            choices.libtorch_dir = None if directory is None else os.fsencode(directory)
        keep: tuple[Any, ...] = ()
        if log is not None:
            choices.log = _log_callback(log)
            keep = (choices.log,)
        pointer = c_void_p()
        check(library.lens_init(ctypes.byref(choices), ctypes.byref(pointer)))
        self._own(pointer, *keep)

    def load_model(self, path: Path, **options: Unpack[ImportOptions]) -> Model:
        """Loads a file with a DenseNet-121. Options say what weights of another program mean: ImportOptions."""
        choices = make_options(lens_import_options, ImportOptions, options)
        owned = self._open()
        pointer = c_void_p()
        check(library.lens_model_import(owned, text("path", path), ctypes.byref(choices), ctypes.byref(pointer)))
        # The log callback has to live as long as anything that may call it.
        return Model._adopt(pointer, *owned.keep)

    def train(
        self,
        train: Dataset,
        validation: Dataset | None = None,
        *,
        start_model: Model | None = None,
        progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        **options: Unpack[TrainOptions],
    ) -> Model:
        """Trains, and returns the model that is best on the validation set, or without one the last epoch's.

        start_model: weights to start from; it is not changed. Options: TrainOptions.
        """
        choices = make_options(lens_train_options, TrainOptions, options)
        owned = self._open()
        samples = Dataset._of("train", train)
        validated = None if validation is None else Dataset._of("validation", validation)
        start = None if start_model is None else Model._of("start_model", start_model)
        choices.start_model = None if start is None else start.address
        pointer = c_void_p()
        watch = Watch(choices, progress, cancel)
        status = library.lens_train(owned, samples, validated, ctypes.byref(choices), ctypes.byref(pointer))
        model = Model._adopt(pointer, *owned.keep)
        watch.check(status)
        return model

    def describe(self) -> dict[str, Any]:
        """Hardware, versions, and the policy with the reason for each choice."""
        return describe(self._open(), library.lens_context_describe)


def _log_callback(log: Log) -> Any:
    def receive(level: int, message: bytes, user_data: object) -> None:
        log(lens_log_level.name_of(level), message.decode("utf-8", "replace"))

    return lens_log_fn(receive)
