"""Columns of the work list and of the results."""

from __future__ import annotations

import pyarrow


def _schema(columns: dict[str, pyarrow.DataType], may_be_null: str) -> pyarrow.Schema:
    optional = may_be_null.split()
    return pyarrow.schema([pyarrow.field(name, kind, nullable=name in optional) for name, kind in columns.items()])


#: What is to be scored. location is for the source alone, bytes because a file's name need not be text; frame is null
#: where all frames of the item are meant.
ITEMS = _schema(
    {
        "item": pyarrow.string(),
        "location": pyarrow.binary(),
        "frame": pyarrow.int32(),
        "given_label": pyarrow.string(),
    },
    "frame given_label",
)

#: One row for each frame, or one for an item that could not be opened. README.md says what each column means.
RESULTS = _schema(
    {
        "item": pyarrow.string(),
        "frame": pyarrow.int32(),
        "probability": pyarrow.float32(),
        "logit": pyarrow.float32(),
        "call": pyarrow.int8(),
        "given_label": pyarrow.string(),
        "error": pyarrow.string(),
        "error_kind": pyarrow.string(),
        "source": pyarrow.string(),
        "sha256": pyarrow.string(),
        "model_sha256": pyarrow.string(),
        "threshold": pyarrow.float32(),
        "temperature": pyarrow.float64(),
        "operating_point": pyarrow.string(),
        "lesionlens": pyarrow.string(),
        "libtorch": pyarrow.string(),
        "engine": pyarrow.string(),
        "scored_at": pyarrow.timestamp("ms", tz="UTC"),
        "host": pyarrow.string(),
        "worker": pyarrow.string(),
    },
    "frame probability logit call given_label error error_kind sha256 operating_point engine host worker",
)

#: The item's bytes could not be got.
UNREAD = "unread"
#: The bytes were got, but are no image that can be scored.
IMAGE = "image"
#: Workers died of it.
WORKER = "worker"
#: Errors that another time may be gone, so that the items count as not done yet.
PASSING = (UNREAD, WORKER)


def names(table: pyarrow.Table) -> set[str]:
    """The items that rows are of."""
    return {str(name) for name in table["item"].to_pylist()}
