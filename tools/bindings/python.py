"""The generated part of bindings/python: structs, named numbers and functions for ctypes, and the keywords of options."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from interface import ROOT, Enumeration, Function, Interface, Struct, Variable

_PACKAGE = ROOT / "bindings" / "python" / "lesionlens"
_NOTE = "Generated from bindings/interface.json by `make bindings`; do not edit."
_CTYPES = "POINTER, c_char_p, c_double, c_float, c_int32, c_size_t, c_uint8, c_uint16, c_uint32, c_uint64, c_void_p"
_SCALARS = {
    "int32_t": "c_int32",
    "uint8_t": "c_uint8",
    "uint16_t": "c_uint16",
    "uint32_t": "c_uint32",
    "uint64_t": "c_uint64",
    "size_t": "c_size_t",
    "float": "c_float",
    "double": "c_double",
}
# What the package's class of options is called, where that is not the struct's name.
_CLASSES = {"lens_init_options": "ContextOptions"}
_KINDS = {
    "bool": "bool",
    "automatic": "bool",
    "integer": "int",
    "number": "float",
    "rgb": "float | Sequence[float]",
    "text": "str",
    "path": "Path",
}


def _kind(interface: Interface, variable: Variable, parameter: bool) -> str:
    """The type for ctypes."""
    name, stars = variable.type.name, variable.type.stars
    if name in interface.callbacks:
        return name
    if name in interface.enumerations:
        # A returned status, and numbers that a callback gets, are plain.
        return f"{'structs.' if parameter else ''}{name}"
    if name == "char":
        # The address of a text that is handed out stays at hand for lens_string_free().
        return "c_char_p" if stars == 1 and variable.is_const else "c_void_p" if stars == 1 else "POINTER(c_void_p)"
    if name == "void" or name in interface.opaque:
        stars -= 1
        kind = "c_void_p"
    else:
        kind = _SCALARS.get(name) or f"{'structs.' if parameter else ''}{name}"
    for _ in range(stars):
        kind = f"POINTER({kind})"
    return f"{kind} * {variable.array}" if variable.array else kind


def _enumeration(enumeration: Enumeration) -> list[str]:
    names = ", ".join(f'"{name}": {number}' for name, number, _ in enumeration.constants)
    lines = [f"class {enumeration.name}(Enumeration):", f'    prefix = "{enumeration.prefix}"']
    single = f"    names = {{{names}}}"
    if len(single) <= 120:
        return [*lines, single]
    entries = [f'        "{name}": {number},' for name, number, _ in enumeration.constants]
    return [*lines, "    names = {", *entries, "    }"]


def _struct(interface: Interface, struct: Struct) -> list[str]:
    fields = [f'        ("{one.name}", {_kind(interface, one, False)}),' for one in struct.fields]
    return [f"class {struct.name}(ctypes.Structure):", "    _fields_ = [", *fields, "    ]"]


def _callback(interface: Interface, name: str, parameters: list[Variable]) -> list[str]:
    # Named numbers are plain there: ctypes makes no Python object of an Enumeration argument.
    kinds = [
        "c_int32" if one.type.name in interface.enumerations else _kind(interface, one, False) for one in parameters
    ]
    result = "c_int32" if name == "lens_progress_fn" else "None"
    return [f"{name} = CFUNCTYPE({', '.join([result, *kinds])})"]


def _ordered(interface: Interface) -> list[str]:
    """Structs and callbacks, whatever one needs before it."""
    done: list[str] = []

    def add(name: str) -> None:
        if name in done or (name not in interface.structs and name not in interface.callbacks):
            return
        variables = interface.callbacks.get(name) or interface.structs[name].fields
        for variable in variables:
            add(variable.type.name)
        done.append(name)

    for name in [*interface.callbacks, *interface.structs]:
        add(name)
    return done


def _structs(interface: Interface) -> str:
    parts = [['"""Mirrors of the structs and constants in lesionlens.h, under their C names.', "", f'{_NOTE}"""']]
    parts[0] += ["", "from __future__ import annotations", "", "import ctypes"]
    parts[0] += [f"from ctypes import {_CTYPES.replace('POINTER', 'CFUNCTYPE, POINTER').replace('c_uint8, ', '')}"]
    parts[0] += ["", "from ._enumeration import Enumeration", "", f"ABI_VERSION = {interface.abi_version}"]
    parts += [_enumeration(one) for one in interface.enumerations.values()]
    for name in _ordered(interface):
        if name in interface.callbacks:
            parts.append(_callback(interface, name, interface.callbacks[name]))
        else:
            parts.append(_struct(interface, interface.structs[name]))
    return "\n\n\n".join("\n".join(part) for part in parts) + "\n"


def _function(interface: Interface, function: Function) -> str:
    name, result = function.name, function.result
    if result.name == "void":
        returned = "None"
    elif result.name in interface.enumerations:
        returned = "c_int32"
    else:
        returned = _kind(interface, Variable("", result, is_const=True), True)
    kinds = [_kind(interface, one, True) for one in function.parameters]
    if name == "lens_status_name":
        kinds = ["c_int32"]
    line = f'    "{name}": ({returned}, [{", ".join(kinds)}]),'
    if len(line) <= 120:
        return line
    lines = [f'    "{name}": (', f"        {returned},", f"        [{', '.join(kinds)}],", "    ),"]
    if len(lines[2]) > 120:
        lines[2:3] = ["        [", *[f"            {kind}," for kind in kinds], "        ],"]
    return "\n".join(lines)


def _functions(interface: Interface) -> str:
    lines = [f'"""The functions of lesionlens.h. {_NOTE}"""', "", "from __future__ import annotations", ""]
    lines += [f"from ctypes import {_CTYPES}"]
    lines += ["from typing import Any", "", "from . import _structs as structs", ""]
    lines += ["#: Name: (what it returns, what it takes).", "FUNCTIONS: dict[str, tuple[Any, list[Any]]] = {"]
    lines += [_function(interface, one) for one in interface.functions.values()]
    return "\n".join([*lines, "}"]) + "\n"


def _prose(interface: Interface, text: str) -> str:
    """Documentation with Python's words."""
    text = " ".join(text.split())
    text = re.sub(r"Options of (\w+)\(\)\. Fill with lens_\w+_init\(\), then change what you need\.\s*", "", text)
    for enumeration in interface.enumerations.values():
        text = text.replace(f" {enumeration.prefix}...;", "").replace(f"{enumeration.prefix}...", enumeration.name)
        for name, _, _ in enumeration.constants:
            text = re.sub(rf"\b{enumeration.prefix}{name.upper()}\b", f'"{name}"', text)
    text = text.replace("1: yes, 0: no, -1 (default): automatic", "None (default): automatic")
    text = re.sub(r"1: yes, 0: no; default ([01])", lambda found: f"Default {bool(int(found[1]))}", text)
    text = re.sub(r"\. default", ". Default", text)
    return text.replace("NULL", "None")


def _annotation(interface: Interface, variable: Variable) -> str:
    if variable.kind == "choice":
        names = ", ".join(f'"{name}"' for name, _, _ in interface.enumerations[variable.type.name].constants)
        return f"Literal[{names}]"
    if variable.type.name in interface.structs:
        return _class_of(variable.type.name)
    return _KINDS[variable.kind]


def _class_of(name: str) -> str:
    plain = "".join(word.capitalize() for word in name.removeprefix("lens_").split("_"))
    return _CLASSES.get(name, plain)


def _comment(text: str) -> list[str]:
    return [f"    #: {line}" for line in textwrap.wrap(text, 113, break_on_hyphens=False)]


def _options(interface: Interface) -> str:
    lines = ['"""The keywords of the calls; what is left out or None has its default.', "", f'{_NOTE}"""', ""]
    lines += ["from __future__ import annotations", "", "from collections.abc import Sequence", "from os import PathLike"]
    lines += ["from typing import Literal, TypedDict, Union", "", 'Path = Union[str, "PathLike[str]"]']
    for struct in interface.structs.values():
        if not struct.name.endswith("_options"):
            continue
        lines += ["", "", f"class {_class_of(struct.name)}(TypedDict, total=False):"]
        doc = textwrap.wrap(_prose(interface, struct.doc), 108, break_on_hyphens=False)
        lines += [f'    """{doc[0]}', *[f"    {line}" for line in doc[1:]]]
        lines[-1] += '"""'
        lines += [""]
        for variable in struct.choices:
            # Handles are arguments of the calls.
            if variable.type.name in interface.opaque:
                continue
            lines += _comment(_prose(interface, variable.doc))
            annotation = _annotation(interface, variable)
            line = f"    {variable.name}: {annotation} | None"
            if len(line) > 120:
                inner = annotation.removeprefix("Literal[").removesuffix("]").split(", ")
                lines += [f"    {variable.name}: ("]
                lines += [f"        Literal[{', '.join(inner)}]", "        | None", "    )"]
            else:
                lines.append(line)
    return "\n".join(lines) + "\n"


def files(interface: Interface) -> dict[Path, str]:
    return {
        _PACKAGE / "_structs.py": _structs(interface),
        _PACKAGE / "_functions.py": _functions(interface),
        _PACKAGE / "options.py": _options(interface),
    }
