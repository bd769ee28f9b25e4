"""The generated half of bindings/node: declarations for koffi, and the types of options for TypeScript."""

from __future__ import annotations

import json
from pathlib import Path

from interface import ROOT, Enumeration, Interface, Selection, Struct, Variable, is_flag, select
from prose import NOTE, block, camel, code, option_doc, paragraphs, pascal

_PACKAGE = ROOT / "bindings" / "node" / "lib"
# The log callback comes from any thread, also while JavaScript's is waiting in a call: it cannot be had in JavaScript.
_WITHOUT = ("log_level",)


def _constant(enumeration: Enumeration, name: str) -> str:
    return f"'LENS_{name.upper()}'" if enumeration.name == "lens_status" else f"'{name}'"


def _doc(interface: Interface, doc: str, indent: str = "") -> list[str]:
    return block(paragraphs(interface, doc, _constant), indent)


def _field_type(interface: Interface, variable: Variable) -> str:
    kind = variable.type
    if kind.name == "lens_progress_fn":
        return "lens_progress_fn *"
    if kind.name == "lens_log_fn":
        return "void *"
    if kind.stars:
        return "const char *" if kind.name == "char" else "void *"
    return "int32_t" if kind.name in interface.enumerations else kind.name


def _parameter_type(interface: Interface, variable: Variable) -> str:
    kind = variable.type
    if kind.stars == 0:
        return _field_type(interface, variable)
    if kind.stars == 2:
        return "void **" if variable.is_array and variable.is_const else "_Out_ void **"
    if kind.name in interface.structs:
        return f"const {kind.name} *" if variable.is_const else f"_Out_ {kind.name} *"
    if kind.name == "char":
        return "const char *" if variable.is_const else "void *"
    if kind.name == "uint8_t":
        return "uint8_t *"
    return "void *" if kind.name in interface.opaque else f"_Out_ {kind.name} *"


def _declarations(interface: Interface, selection: Selection) -> str:
    lines = [f"// {NOTE}", "'use strict';", "", f"exports.ABI_VERSION = {interface.abi_version};", ""]
    lines.append("exports.functions = [")
    for function in selection.functions:
        result = "const char *" if function.result.stars else _field_type(interface, Variable("", function.result))
        taken = ", ".join(f"{_parameter_type(interface, one)} {one.name}" for one in function.parameters)
        parts = code(f"{result} {function.name}({taken})", "")
        # A string over several lines is several strings.
        strings = [f"'{part.strip()} ' +" for part in parts[:-1]] + [f"'{parts[-1].strip()}',"]
        lines += [f"    {'    ' * (number > 0)}{one}" for number, one in enumerate(strings)]
    lines += ["];", "", "exports.structs = {"]
    for struct in selection.structs:
        lines.append(f"    {struct.name}: {{")
        lines += [f"        {one.name}: '{_field_type(interface, one)}'," for one in struct.fields]
        lines.append("    },")
    lines += ["};", "", "exports.enumerations = {"]
    for enumeration in selection.enumerations:
        constants = ", ".join(f"{name}: {value}" for name, value, _ in enumeration.constants)
        lines += [f"    {enumeration.name}: {{"]
        lines += block([constants], "        ", "", "", "")
        lines += ["    },"]
    lines += ["};", "", "// Of each option its field and what it takes.", "exports.options = {"]
    for struct in selection.options:
        lines.append(f"    {struct.name}: {{")
        lines += [
            f"        {camel(one.name)}: [{json.dumps(one.name)}, {json.dumps(_kind(struct, one))}],".replace('"', "'")
            for one in _choices(struct)
        ]
        lines.append("    },")
    return "\n".join([*lines, "};", ""])


def _choices(struct: Struct) -> list[Variable]:
    return [variable for variable in struct.choices if variable.name not in _WITHOUT]


def _kind(struct: Struct, variable: Variable) -> str:
    """uint32_t and the like, text, flag, or an enumeration's name."""
    kind = variable.type
    if kind.name == "char":
        return "text"
    return "flag" if kind.name == "int32_t" and is_flag(variable) else kind.name


def _type(interface: Interface, struct: Struct, variable: Variable) -> str:
    kind = _kind(struct, variable)
    if kind in interface.enumerations:
        return pascal(kind)
    return {"text": "string", "flag": "boolean", "uint64_t": "number | bigint"}.get(kind, "number")


def _types(interface: Interface, selection: Selection) -> str:
    lines = [f"// {NOTE}", ""]
    for enumeration in selection.enumerations:
        names = " | ".join(_constant(enumeration, name) for name, _, _ in enumeration.constants)
        listed = "".join(f"\n\n{_constant(enumeration, name)}: {doc}" for name, _, doc in enumeration.constants)
        lines += _doc(interface, enumeration.doc + listed)
        lines += block([f"export type {pascal(enumeration.name)} = {names};"], "", "", "", "")
        lines.append("")
    for struct in selection.options:
        lines += [*_doc(interface, struct.doc), f"export interface {pascal(struct.name)} {{"]
        for one in _choices(struct):
            lines += _doc(interface, option_doc(struct, one), "    ")
            lines.append(f"    {camel(one.name)}?: {_type(interface, struct, one)};")
        lines += ["}", ""]
    return "\n".join(lines)


def files(interface: Interface) -> dict[Path, str]:
    selection = select(interface, "node")
    selection.enumerations = [one for one in selection.enumerations if one.name != "lens_log_level"]
    return {
        _PACKAGE / "declarations.js": _declarations(interface, selection),
        _PACKAGE / "options.d.ts": _types(interface, selection),
    }
