"""What include/lesionlens.h declares, as far as the bindings for viewers need it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADER = ROOT / "include" / "lesionlens.h"
LEFT_OUT = ROOT / "bindings" / "left_out.txt"
LANGUAGES = ("java", "node", "csharp")

# lens_status has constants of several prefixes.
_STATUS = r"LENS_(OK|CANCELLED|ERROR_\w+)"
_NO_ENUMERATION = ("LENS_ABI_VERSION",)
# int32_t fields of options that are 0 or 1; those of no enumeration and not in here are numbers.
_FLAGS = {"color_bar", "deterministic", "channels_last", "tf32", "benchmark", "compiled_graph", "take_turns"}
_NUMBERS = {"device_index", "empty_cache_every"}
# What a call itself puts into its options; the user gives them beside the options.
_BY_HAND = {"struct_size", "abi_version", "progress", "progress_user_data", "cancel", "log", "log_user_data"}


@dataclass(frozen=True)
class Type:
    """A C type: `name` without const and struct, behind so many pointers."""

    name: str
    stars: int


@dataclass(frozen=True)
class Variable:
    """A field or a parameter. `is_const`: what it points to is not written."""

    name: str
    type: Type
    doc: str = ""
    is_const: bool = False

    @property
    def is_array(self) -> bool:
        """Whether a parameter points to as many elements as count says: these have plural names."""
        return self.type.stars > 0 and self.name in ("images", "predictions", "maps")


@dataclass
class Enumeration:
    """A typedef of int32_t with its constants: names in lower case, without their prefix."""

    name: str
    doc: str
    prefix: str = ""
    constants: list[tuple[str, int, str]] = field(default_factory=list)


@dataclass(frozen=True)
class Struct:
    name: str
    doc: str
    fields: list[Variable]

    @property
    def choices(self) -> list[Variable]:
        """The fields that users set."""
        return [variable for variable in self.fields if variable.name not in _BY_HAND]


@dataclass(frozen=True)
class Function:
    name: str
    result: Type
    parameters: list[Variable]


_COMMENT = r"/\*\*\n((?:[ ]*\*[^\n]*\n)*?)[ ]*\*/\n"
_VARIABLE = r"(const )?(?:struct )?(\w+) (\**)(\w+)"


def _variable(text: str, doc: str = "") -> Variable:
    text = " ".join(text.replace("*const *", "**").split())
    found = re.fullmatch(_VARIABLE, text)
    if found is None:
        raise ValueError(f"{HEADER.name}: cannot read the declaration {text!r}")
    return Variable(found[4], Type(found[2], len(found[3])), doc, found[1] is not None)


def _doc(comment: str) -> str:
    return "\n".join(re.sub(r"^ *\* ?", "", line) for line in comment.splitlines())


class Header:
    """The whole header."""

    def __init__(self) -> None:
        text = HEADER.read_text()
        self.abi_version = int(re.findall(r"#define LENS_ABI_VERSION (\d+)", text)[0])
        self.enumerations = {
            name: Enumeration(name, _doc(comment))
            for comment, name in re.findall(_COMMENT + r"typedef int32_t (\w+);", text)
        }
        self.opaque = set(re.findall(r"typedef struct (\w+) \1;", text))
        self.callbacks = {
            name: [_variable(one) for one in parameters.split(",")]
            for name, parameters in re.findall(r"typedef \w+ \(\*(\w+)\)\((.*?)\);", text)
        }
        self.structs = {
            name: Struct(name, _doc(comment), self._fields(name, body))
            for comment, name, body in re.findall(_COMMENT + r"typedef struct (\w+) \{\n(.*?)\n\} \2;", text, re.S)
        }
        self.functions = {
            name: Function(
                name,
                _variable(f"{result}_").type,
                [] if parameters == "void" else [_variable(one) for one in parameters.split(",")],
            )
            for result, name, parameters in re.findall(r"^(\w[\w ]*?[ ]\**)(lens_\w+)\(([^()]*)\);", text, re.M)
        }
        self._find_constants(text)

    @staticmethod
    def _fields(struct: str, body: str) -> list[Variable]:
        found = re.findall(_COMMENT + r"    (\w[^;]*);", body)
        if len(found) != len(re.findall(r"^    \w", body, re.M)):
            raise ValueError(f"{HEADER.name}: not all fields of {struct} have a comment and a line of their own")
        # Arrays stay unread: only what viewers do not bind has them, and select() refuses them anywhere else.
        return [_variable(re.sub(r"\[\d+\]", "_array", text), _doc(comment)) for comment, text in found]

    def _find_constants(self, text: str) -> None:
        for enumeration in self.enumerations.values():
            words = enumeration.name.upper().split("_")
            candidates = ["_".join(words) + "_", "_".join(words[:-1]) + "_"]
            enumeration.prefix = next(one for one in candidates if f"#define {one}" in text)
        status = self.enumerations["lens_status"]
        status.prefix = "LENS_"
        by_length = sorted(self.enumerations.values(), key=lambda one: -len(one.prefix))
        for comment, constant, value in re.findall(_COMMENT + r"#define (LENS_\w+) (\d+)\n", text):
            if constant in _NO_ENUMERATION:
                continue
            owner = next(one for one in by_length if constant.startswith(one.prefix))
            if owner is status and not re.fullmatch(_STATUS, constant):
                raise ValueError(f"{constant}: add it to _NO_ENUMERATION of {__file__}, or its type to the header")
            owner.constants.append((constant.removeprefix(owner.prefix).lower(), int(value), _doc(comment)))


def is_flag(struct: Struct, variable: Variable) -> bool:
    """Whether an int32_t means yes or no; an unknown one is refused, for somebody has to decide it."""
    if variable.name in _FLAGS:
        return True
    if variable.name in _NUMBERS:
        return False
    raise ValueError(f"{struct.name}.{variable.name}: add it to _FLAGS or _NUMBERS of {__file__}")


def left_out(language: str) -> dict[str, str]:
    """The functions that the language does not have, with the reason. Lines: FUNCTION LANGUAGE,...|all REASON."""
    reasons = {}
    for line in LEFT_OUT.read_text().splitlines():
        if line and not line.startswith("#"):
            name, languages, reason = line.split(maxsplit=2)
            if languages == "all" or language in languages.split(","):
                reasons[name] = reason
    return reasons


@dataclass
class Selection:
    """What one language binds: the functions that are not left out, and the types that these reach."""

    functions: list[Function]
    structs: list[Struct]
    options: list[Struct]
    enumerations: list[Enumeration]


def select(header: Header, language: str) -> Selection:
    without = left_out(language)
    functions = [one for one in header.functions.values() if one.name not in without]
    names: list[str] = []

    def reach(name: str) -> None:
        if name in names:
            return
        if name in header.callbacks:
            for variable in header.callbacks[name]:
                reach(variable.type.name)
        if name in header.structs:
            for variable in header.structs[name].fields:
                reach(variable.type.name)
        names.append(name)

    for function in functions:
        reach(function.result.name)
        for variable in function.parameters:
            reach(variable.type.name)
    structs = [header.structs[name] for name in names if name in header.structs]
    for struct in structs:
        for variable in struct.fields:
            if variable.name.endswith("_array"):
                raise ValueError(f"{struct.name}.{variable.name}: the bindings for viewers have no arrays in structs")
    return Selection(
        functions,
        structs,
        [one for one in structs if one.name.endswith("_options")],
        [header.enumerations[name] for name in names if name in header.enumerations],
    )
