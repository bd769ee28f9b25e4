"""The description of the C interface (bindings/interface.json), from which declarations in other languages are made."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
INTERFACE = ROOT / "bindings" / "interface.json"
LEFT_OUT = ROOT / "bindings" / "left_out.txt"
LANGUAGES = ("java", "node", "csharp")

# What a call itself puts into its options; the user gives them beside the options.
_BY_HAND = {"struct_size", "abi_version", "progress", "progress_user_data", "cancel", "log", "log_user_data"}


@dataclass(frozen=True)
class Type:
    """A C type: `name` without const and struct, behind so many pointers."""

    name: str
    stars: int


@dataclass(frozen=True)
class Variable:
    """A field or a parameter. `is_const`: what it points to is not written; `array`: elements of an array in a struct;
    `kind`: of an option, "bool", "automatic", "integer", "number", "rgb", "text", "path" or "choice"."""

    name: str
    type: Type
    doc: str = ""
    is_const: bool = False
    array: int = 0
    kind: str = ""

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Variable:
        return cls(
            entry["name"],
            Type(entry["type"], entry["stars"]),
            entry.get("doc", ""),
            entry["const"],
            entry.get("array", 0),
            entry.get("option", {}).get("kind", ""),
        )

    @property
    def is_array(self) -> bool:
        """Whether a parameter points to as many elements as count says: these have plural names."""
        return self.type.stars > 0 and self.name in ("images", "predictions", "heatmaps")


@dataclass
class Enumeration:
    """A typedef of int32_t with its constants: names in lower case, without their prefix."""

    name: str
    doc: str
    prefix: str
    constants: list[tuple[str, int, str]]


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


class Interface:
    """The whole of it."""

    def __init__(self) -> None:
        described = json.loads(INTERFACE.read_text())
        self.abi_version: int = described["constants"]["LENS_ABI_VERSION"]
        self.enumerations = {
            entry["name"]: Enumeration(
                entry["name"],
                entry["doc"],
                entry["prefix"],
                [(value["short"], value["number"], value["doc"]) for value in entry["values"]],
            )
            for entry in described["enumerations"]
        }
        self.opaque = {entry["name"] for entry in described["opaque"]}
        self.callbacks = {
            entry["name"]: [Variable.of(parameter) for parameter in entry["parameters"]]
            for entry in described["callbacks"]
        }
        self.structs = {
            entry["name"]: Struct(entry["name"], entry["doc"], [Variable.of(field) for field in entry["fields"]])
            for entry in described["structs"]
        }
        self.functions = {
            entry["name"]: Function(
                entry["name"],
                Type(entry["result"]["type"], entry["result"]["stars"]),
                [Variable.of(parameter) for parameter in entry["parameters"]],
            )
            for entry in described["functions"]
        }


def is_flag(variable: Variable) -> bool:
    """Whether an option is yes or no, or left to the library."""
    return variable.kind in ("bool", "automatic")


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


def select(interface: Interface, language: str) -> Selection:
    without = left_out(language)
    functions = [one for one in interface.functions.values() if one.name not in without]
    names: list[str] = []

    def reach(name: str) -> None:
        if name in names:
            return
        if name in interface.callbacks:
            for variable in interface.callbacks[name]:
                reach(variable.type.name)
        if name in interface.structs:
            for variable in interface.structs[name].fields:
                reach(variable.type.name)
        names.append(name)

    for function in functions:
        reach(function.result.name)
        for variable in function.parameters:
            reach(variable.type.name)
    structs = [interface.structs[name] for name in names if name in interface.structs]
    for struct in structs:
        for variable in struct.fields:
            if variable.array:
                raise ValueError(f"{struct.name}.{variable.name}: the bindings for viewers have no arrays in structs")
    return Selection(
        functions,
        structs,
        [one for one in structs if one.name.endswith("_options")],
        [interface.enumerations[name] for name in names if name in interface.enumerations],
    )
