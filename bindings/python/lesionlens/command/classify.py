"""lesionlens classify: what a model says of image files."""

from __future__ import annotations

import unicodedata

from .._structs import lens_classify_options
from ..heatmap import Prediction
from ..image_file import ImageFile
from .arguments import Flag, Options, Parser, Whole
from .common import Setting, about, model_option, print_json, threshold
from .files import check_readable
from .progress import Bar

#: Files whose pictures are in memory at once.
GROUP = 64


def run(arguments: list[str]) -> None:
    summary = "Classifies image files: DICOM, PNG, JPEG, BMP, TIFF."
    parser = Parser("classify", "--model MODEL FILE... [options]", summary)
    model_option(parser)
    frame_option(parser)
    flags: list[Flag] = [threshold("the model's own")]
    options = Options(parser, lens_classify_options, flags)
    setting = Setting(parser)
    given, files = parser.parse(arguments, operand="FILE")
    check_readable(files)
    # Nothing is printed before the last file is classified, so an unreadable one leaves no partial result behind.
    predictions: list[Prediction] = []
    with setting.model(given) as model, Bar(given.quiet) as bar:
        for first in range(0, len(files), GROUP):
            group = files[first : first + GROUP]
            bar.part(first, len(group), len(files))
            pictures = [load(file, given.frame or 0) for file in group]
            predictions += model.classify(pictures, progress=bar, **options.given(given))
    if given.json:
        entries = [{"file": file, **prediction._asdict()} for file, prediction in zip(files, predictions)]
        print_json({"model": given.model, "predictions": entries})
    else:
        _print_table(files, predictions)


def frame_option(parser: Parser) -> None:
    text = "frame of every file, from 0; for multi-frame files (default: 0)"
    parser.add_text("--frame", "N", text, required=False, read=Whole(0, 10**9))


def load(file: str, frame: int) -> ImageFile:
    with about(file):
        return ImageFile(file, frame)


def _columns(text: str) -> int:
    return sum(0 if unicodedata.combining(letter) else 1 for letter in text)


def _print_table(files: list[str], predictions: list[Prediction]) -> None:
    widest = max(_columns(file) for file in ["file", *files])
    print(f"{'file':<{widest}}  probability    logit  label")
    for file, prediction in zip(files, predictions):
        blanks = " " * (widest - _columns(file))
        label = "positive" if prediction.label == 1 else "negative"
        print(f"{file}{blanks}  {prediction.probability:11.4f} {prediction.logit:8.3f}  {label}")
    print(f"\npositive: probability above {predictions[0].threshold:g}")
