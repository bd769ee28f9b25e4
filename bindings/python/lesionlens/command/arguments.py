"""Command lines: options whose types, choices and defaults are those of the library's option structs."""

from __future__ import annotations

import argparse
import ctypes
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Callable, NoReturn

from .._enumeration import Enumeration
from .._library import library
from .console import console


@dataclass(frozen=True)
class Whole:
    """A whole number from minimum to maximum."""

    minimum: int = 0
    maximum: int = 2**64 - 1

    def __call__(self, text: str) -> int:
        # Digits only: int() alone would take signs, blanks and underscores.
        number = int(text) if re.fullmatch("[0-9]+", text) else -1
        if not self.minimum <= number <= self.maximum:
            raise argparse.ArgumentTypeError(
                f"'{text}' cannot be used; it must be a whole number from {self.minimum} to {self.maximum}"
            )
        return number


@dataclass(frozen=True)
class Number:
    """A number from minimum, or above it, to maximum."""

    minimum: float
    maximum: float
    above_minimum: bool = False

    def __call__(self, text: str) -> float:
        # Decimal notation only: float() alone would take "nan", "inf" and blanks.
        number = float(text) if re.fullmatch(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?", text) else None
        too_small = number is None or number < self.minimum or (self.above_minimum and number == self.minimum)
        if number is None or too_small or number > self.maximum:
            limits = f"from {self.minimum:g} to {self.maximum:g}"
            if self.above_minimum:
                limits = f"above {self.minimum:g} and at most {self.maximum:g}"
            raise argparse.ArgumentTypeError(f"'{text}' cannot be used; it must be a number {limits}")
        return number


@dataclass(frozen=True, eq=False)
class Choice:
    """One of several names, each of which stands for a value. argparse hashes it, so it is compared by identity."""

    values: Mapping[str, Any]

    def __call__(self, text: str) -> Any:
        if text not in self.values:
            *others, last = self.values
            raise argparse.ArgumentTypeError(f"'{text}' is not known; it must be {', '.join(others)} or {last}")
        return self.values[text]

    @classmethod
    def of(cls, kind: type[Enumeration]) -> Choice:
        return cls({dashed(name): name for name in kind.names})


def dashed(name: str) -> str:
    """A name as it is written on the command line."""
    return name.replace("_plus_plus", "++").replace("_", "-")


#: What the library decides, unless it is told.
SWITCH = Choice({"auto": None, "on": True, "off": False})


def size(text: str) -> tuple[int, int]:
    match = re.fullmatch("([0-9]+)x([0-9]+)", text)
    width, height = map(int, match.groups()) if match else (0, 0)
    if not (1 <= width <= 65536 and 1 <= height <= 65536):
        raise argparse.ArgumentTypeError(
            f"'{text}' is not a size; it must be WIDTHxHEIGHT, such as 128x128, both from 1 to 65536"
        )
    return width, height


def words(text: str) -> str:
    """Any text but an empty one, which is a forgotten shell variable far more often than meant."""
    if not text:
        raise argparse.ArgumentTypeError("has an empty value")
    return text


@dataclass(frozen=True)
class Flag:
    """An option of the command that sets a field of a struct."""

    name: str
    field: str
    help: str
    #: From text to value; None: by the field's type, which is an enumeration or a text.
    read: Callable[[str], Any] | None = None
    #: The value's name in the help; None: its choices.
    value_name: str | None = None
    #: The default in words; None: what the library's struct has.
    default: str | None = None
    #: What the option sets when it takes no value.
    sets: Any = None


class _Once(argparse.Action):
    """Letting the last one win would silently leave out what the first one asked for."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            raise argparse.ArgumentError(self, "given twice; give it once")
        setattr(namespace, self.dest, values)


class Options:
    """The flags of one struct, whose values become the keywords of a call."""

    def __init__(self, parser: Parser, struct: type[ctypes.Structure], flags: Sequence[Flag]) -> None:
        # Structs have fields of the same name.
        self._stored = {flag.field: f"{struct.__name__}.{flag.field}" for flag in flags}
        self._defaults = struct()
        getattr(library, f"{struct.__name__}_init")(ctypes.byref(self._defaults))
        self._kinds: dict[str, Any] = {field[0]: field[1] for field in struct._fields_}
        for flag in flags:
            self._add(parser, flag)

    def given(self, arguments: argparse.Namespace) -> dict[str, Any]:
        """None where nothing was given, which stands for the default."""
        return {field: getattr(arguments, stored) for field, stored in self._stored.items()}

    def value(self, arguments: argparse.Namespace, field: str) -> Any:
        """What was given, or the default."""
        given = getattr(arguments, self._stored[field])
        return given if given is not None else getattr(self._defaults, field)

    def _add(self, parser: Parser, flag: Flag) -> None:
        stored = self._stored[flag.field]
        if flag.sets is not None:
            parser.add(flag.name, flag.help, dest=stored, action="store_const", const=flag.sets)
            return
        kind = self._kinds[flag.field]
        read = flag.read or (Choice.of(kind) if issubclass(kind, Enumeration) else words)
        default = flag.default or self._default_of(flag.field)
        text = flag.help + ("" if default is None else f" (default: {default})")
        metavar = flag.value_name or ("|".join(read.values) if isinstance(read, Choice) else None)
        parser.add(flag.name, text, dest=stored, action=_Once, type=read, metavar=metavar)

    def _default_of(self, field: str) -> str | None:
        value = getattr(self._defaults, field)
        if isinstance(value, Enumeration):
            return dashed(type(value).name_of(value.value))
        return None if value is None else f"{value:.6g}"


class Parser(argparse.ArgumentParser):
    """The options of a command. Operands may stand between them; `--` ends them."""

    def __init__(self, command: str, synopsis: str, summary: str) -> None:
        # Names in full: what an abbreviation means would change with the next option.
        super().__init__(prog=f"lesionlens {command}", description=summary, allow_abbrev=False, add_help=False)
        self.usage = f"lesionlens {command} {synopsis}"
        self._command = command
        self._options = self.add_argument_group("options")

    def add(self, name: str, text: str, **how: Any) -> None:
        required = "; required" if how.get("required") else ""
        self._options.add_argument(name, help=(text + required).replace("%", "%%"), **how)

    def add_text(self, name: str, value_name: str, text: str, required: bool = True, read: Any = words) -> None:
        self.add(name, text, action=_Once, type=read, metavar=value_name, required=required)

    def parse(self, arguments: Sequence[str], operand: str | None = None) -> tuple[argparse.Namespace, list[str]]:
        """The options' values and the operands. operand: what they are, at least one; None: there are none."""
        self.add("--help", "show this text", action="help")
        self._options.add_argument("-h", action="help", help=argparse.SUPPRESS)
        end = list(arguments).index("--") if "--" in arguments else len(arguments)
        namespace, operands = self.parse_known_args(arguments[:end])
        for argument in operands:
            if argument.startswith("-") and argument != "-":
                self.error(f"unknown option '{argument.partition('=')[0]}'")
        operands += arguments[end + 1 :]
        if operand is None and operands:
            self.error(f"unexpected argument '{operands[0]}'")
        if operand is not None and not operands:
            self.error(f"no {operand} given; at least one is needed")
        return namespace, operands

    def error(self, message: str) -> NoReturn:
        console.message(f"{self._command}: {message}")
        self.print_usage(sys.stderr)
        print(f"`{self.prog} --help` explains the options.", file=sys.stderr)
        raise SystemExit(2)
