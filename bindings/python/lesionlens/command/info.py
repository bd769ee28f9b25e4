"""lesionlens info: the machine and how the library will use it, or a model."""

from __future__ import annotations

from typing import Any

from .arguments import Parser
from .common import Setting, model_option, print_json

_SUMMARY = "Shows the hardware that was found, and what the library decided to do with it and why; or a model."


def run(arguments: list[str]) -> None:
    parser = Parser("info", "[--model MODEL] [options]", _SUMMARY)
    model_option(parser, required=False, text="a model's file, which is shown instead of the machine")
    setting = Setting(parser)
    given, _ = parser.parse(arguments)
    if given.model is None:
        with setting.context(given) as context:
            document = context.describe()
    else:
        with setting.model(given) as model:
            document = model.describe()
    if given.json:
        print_json(document)
    else:
        _print_members(document, 0)


def _text(value: Any) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _print_members(container: Any, indent: int, first_indent: int | None = None) -> None:
    """The document's own names and order, so that what later versions add is shown, too."""
    pairs = container.items() if isinstance(container, dict) else ((None, element) for element in container)
    at = indent if first_indent is None else first_indent
    for name, value in pairs:
        print(f"{'':{at}}{'-' if name is None else f'{name}:'}", end="")
        at = indent
        line = _line_of(value)
        if line is not None:
            print(f" {line}")
        else:
            # Behind a dash the first member stands on the same line.
            print(end=" " if name is None else "\n")
            _print_members(value, indent + 2, 0 if name is None else None)


def _line_of(value: Any) -> str | None:
    """A value that fits into a line; None when it has members that need lines of their own."""
    if not isinstance(value, (dict, list)):
        return _text(value)
    if not value:
        return "none"
    if isinstance(value, list):
        nested = any(isinstance(element, (dict, list)) for element in value)
        return None if nested else ", ".join(map(_text, value))
    if {"value", "reason"} <= value.keys() and not isinstance(value["value"], (dict, list)):
        return f"{_text(value['value'])}  ({value['reason']})"
    return None
