"""Names and documentation of the C interface in another language's manner."""

from __future__ import annotations

import re
import textwrap
from typing import Callable

from interface import Enumeration, Interface, Struct, Variable, is_flag

# The class that takes these options has another name than the function.
_RENAMED = {"init_options": "context_options"}
# Where the languages have a function of the library.
_CLASSES = {"heatmap": "Heatmap", "context": "Context", "model": "Model", "image_file": "ImageFile"}
_METHODS = {"init": "Context", "classify": "Model.classify", "heatmap_compute": "Model.heatmap"}

NOTE = "Generated from bindings/interface.json by `make bindings`; do not edit."


def pascal(name: str) -> str:
    """lens_heatmap_resolution: HeatmapResolution."""
    name = name.removeprefix("lens_")
    return "".join(word.capitalize() for word in _RENAMED.get(name, name).split("_"))


def camel(name: str) -> str:
    """tile_size: tileSize."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def option_doc(struct: Struct, variable: Variable) -> str:
    """What C says of an option; of one that is 0 or 1 there, with the languages' words for these."""
    if variable.type.name != "int32_t" or not is_flag(variable):
        return variable.doc
    doc = re.sub(r"1: yes, 0: no, -1\s+\(default\): automatic", "Left out: automatic", " ".join(variable.doc.split()))
    return re.sub(r"(?<![-\w.])[01]\b(?!\.\d)", lambda found: "true" if found[0] == "1" else "false", doc)


def paragraphs(
    interface: Interface, doc: str, constant: Callable[[Enumeration, str], str], member: Callable[[str], str] = camel
) -> list[str]:
    """The text of a comment, with the language's names for constants and fields."""
    doc = re.sub(r"Fill with lens_\w+_init\(\), then change what you need\.", "What is not set has its default.", doc)
    for enumeration in interface.enumerations.values():
        doc = re.sub(rf"{enumeration.prefix}\.\.\.", pascal(enumeration.name), doc)
        for name, _, _ in sorted(enumeration.constants, key=lambda one: -len(one[0])):
            doc = re.sub(rf"\b{enumeration.prefix}{name.upper()}\b", constant(enumeration, name), doc)
    doc = re.sub(r"\blens_(\w+)\(\)", lambda found: _method(found[1], member), doc)
    doc = re.sub(r"\blens_(\w+_options)\b", lambda found: pascal(found[1]), doc)
    for struct in interface.structs.values():
        for variable in struct.fields:
            if "_" in variable.name:
                doc = re.sub(rf"\b{variable.name}\b", member(variable.name), doc)
    doc = doc.replace("NULL", "null")
    return [" ".join(part.split()) for part in doc.split("\n\n")]


def _method(function: str, member: Callable[[str], str]) -> str:
    if function == "model_load":
        return f"Context.{member('load_model')}"
    if function in _METHODS:
        return _METHODS[function]
    for kind, name in _CLASSES.items():
        if function.startswith(f"{kind}_"):
            return f"{name}.{member(function.removeprefix(f'{kind}_').removeprefix('get_'))}"
    return f"lens_{function}()"


def block(parts: list[str], indent: str, first: str = "/**", each: str = " * ", last: str = " */") -> list[str]:
    """Paragraphs as a comment: on one line where they fit, else with lines of at most 120 characters."""
    single = f"{indent}{first} {parts[0]}{last}"
    if len(parts) == 1 and last and len(single) <= 120:
        return [single]
    lines = [indent + first] if first else []
    for number, part in enumerate(parts):
        if number:
            lines.append((indent + each).rstrip())
        wrapped = textwrap.wrap(part, 119 - len(indent) - len(each), break_on_hyphens=False)
        lines += [f"{indent}{each}{line}" for line in wrapped]
    return [*lines, indent + last] if last else lines


def code(text: str, indent: str) -> list[str]:
    """A declaration, in lines of at most 110 characters that are broken between parameters."""
    lines = [indent]
    for part in re.split(r"(?<=,) ", text):
        if len(lines[-1]) + len(part) > 110:
            lines[-1] = lines[-1].rstrip()
            lines.append(indent + "    ")
        lines[-1] += part + " "
    return [line.rstrip() for line in lines]
