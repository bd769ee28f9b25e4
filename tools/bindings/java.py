"""The generated half of bindings/java: the library's functions and structs for JNA, enumerations, options."""

from __future__ import annotations

import re
from pathlib import Path

from interface import ROOT, Enumeration, Function, Interface, Selection, Struct, Variable, is_flag, select
from prose import NOTE, block, camel, code, option_doc, paragraphs, pascal

_PACKAGE = ROOT / "bindings" / "java" / "src" / "main" / "java" / "org" / "lesionlens"
_SCALARS = {
    "int32_t": "int",
    "uint32_t": "int",
    "uint64_t": "long",
    "size_t": "long",
    "float": "float",
    "double": "double",
    "void": "void",
}
# Fields of C's options that are objects of their own in Java: what they take, and what it is for.
_OBJECTS = {
    "progress": ("ProgressListener", "Told about once a batch how far the call is; default null: nobody."),
    "cancel": ("CancelToken", "Stops the call from any thread; default null: nothing does."),
    "log": (
        "LogListener",
        "Receives log messages, from any thread that calls the library, also that of models; default null: nobody.",
    ),
}
# Numbers of these come from the library, and have to be turned into constants.
_FROM_C = (
    "lens_status",
    "lens_phase",
    "lens_log_level",
    "lens_pixel_format",
    "lens_window_function",
    "lens_display",
)
_BY_REFERENCE = {
    "size_t": "LongByReference",
    "uint64_t": "LongByReference",
    "uint32_t": "IntByReference",
    "int32_t": "IntByReference",
    "double": "DoubleByReference",
    "float": "FloatByReference",
}
_JNA = ("Callback", "Library", "Pointer", "Structure", *(f"ptr.{one}" for one in sorted(set(_BY_REFERENCE.values()))))


def _constant(enumeration: Enumeration, name: str) -> str:
    return f"{pascal(enumeration.name)}.{name.upper()}"


def _doc(interface: Interface, doc: str, indent: str = "") -> list[str]:
    parts = [part.replace("&", "&amp;").replace("<", "&lt;") for part in paragraphs(interface, doc, _constant)]
    return block([parts[0], *[f"<p>{part}" for part in parts[1:]]], indent)


def _field_type(interface: Interface, variable: Variable) -> str:
    kind = variable.type
    if kind.stars:
        return "Pointer"
    if kind.name in interface.enumerations:
        return "int"
    return _SCALARS.get(kind.name, kind.name)


def _parameter_type(interface: Interface, variable: Variable) -> str:
    kind = variable.type
    if kind.stars == 0:
        return _field_type(interface, variable)
    if kind.name == "char":
        return "PointerByReference" if kind.stars == 2 else "byte[]" if variable.is_const else "Pointer"
    if kind.name in interface.structs and kind.stars == 1:
        return kind.name + ("[]" if variable.is_array else "")
    if kind.name in _BY_REFERENCE and kind.stars == 1:
        return _BY_REFERENCE[kind.name]
    if kind.stars == 2:
        return "Pointer[]" if variable.is_array else "PointerByReference"
    return "Pointer"


def _function(interface: Interface, function: Function) -> list[str]:
    result = _field_type(interface, Variable("", function.result))
    parameters = ", ".join(f"{_parameter_type(interface, one)} {camel(one.name)}" for one in function.parameters)
    return [*code(f"{result} {function.name}({parameters});", "    "), ""]


def _read_in_place(interface: Interface, selection: Selection) -> set[str]:
    """The structs that the library hands out the address of."""
    handed = [one for parameters in interface.callbacks.values() for one in parameters]
    handed += [one for function in selection.functions for one in function.parameters if one.type.stars == 2]
    return {one.type.name for one in handed if one.type.name in interface.structs}


def _struct(interface: Interface, struct: Struct, in_place: bool) -> list[str]:
    names = ", ".join(f'"{variable.name}"' for variable in struct.fields)
    lines = [f"    @Structure.FieldOrder({{{names}}})"]
    if len(lines[0]) > 120:
        lines = ["    @Structure.FieldOrder({", *block([names], "        ", "", "", ""), "    })"]
    lines.append(f"    class {struct.name} extends Structure {{")
    lines += [f"        public {_field_type(interface, variable)} {variable.name};" for variable in struct.fields]
    if in_place:
        lines += [
            "",
            f"        public {struct.name}() {{}}",
            "",
            f"        {struct.name}(Pointer address) {{",
            "            super(address);",
            "            read();",
            "        }",
        ]
    return [*lines, "    }", ""]


def _native(interface: Interface, selection: Selection) -> str:
    lines = [
        "/** The library's functions and structs under their C names. */",
        "interface Native extends Library {",
        f"    int ABI_VERSION = {interface.abi_version};",
        "",
    ]
    for function in selection.functions:
        lines += _function(interface, function)
    for name, parameters in interface.callbacks.items():
        result = "int" if name == "lens_progress_fn" else "void"
        taken = ", ".join(f"{_field_type(interface, one)} {camel(one.name)}" for one in parameters)
        lines += [
            f"    interface {name} extends Callback {{",
            f"        {result} invoke({taken});",
            "    }",
            "",
        ]
    in_place = _read_in_place(interface, selection)
    for struct in selection.structs:
        lines += _struct(interface, struct, struct.name in in_place)
    text = "\n".join([*lines[:-1], "}", ""])
    used = [one for one in _JNA if re.search(rf"\b{one.removeprefix('ptr.')}\b", text)]
    imports = "".join(f"import com.sun.jna.{one};\n" for one in [*used, "ptr.PointerByReference"])
    return f"// {NOTE}\npackage org.lesionlens;\n\n{imports}\n{text}"


def _enumeration(interface: Interface, enumeration: Enumeration) -> str:
    name = pascal(enumeration.name)
    lines = [f"// {NOTE}", "package org.lesionlens;", "", *_doc(interface, enumeration.doc), f"public enum {name} {{"]
    for number, (constant, value, doc) in enumerate(enumeration.constants):
        end = ";" if number + 1 == len(enumeration.constants) else ","
        lines += [*_doc(interface, doc, "    "), f"    {constant.upper()}({value}){end}", ""]
    lines += ["    final int value;", "", f"    {name}(int value) {{", "        this.value = value;", "    }"]
    if enumeration.name in _FROM_C:
        lines += [
            "",
            "    /** The constant of a number; null for one that only a newer library has. */",
            f"    static {name} of(int value) {{",
            f"        for ({name} one : values()) {{",
            "            if (one.value == value) {",
            "                return one;",
            "            }",
            "        }",
            "        return null;",
            "    }",
        ]
    return "\n".join([*lines, "}", ""])


def _choice(interface: Interface, struct: Struct, variable: Variable) -> tuple[str, str, str]:
    """What the setter takes, what the options keep, and the expression that goes into the struct."""
    name, kind = camel(variable.name), variable.type
    if kind.name in interface.enumerations:
        return pascal(kind.name), pascal(kind.name), f"{name}.value"
    if kind.name == "char":
        return "String", "String", f'Arguments.memory("{name}", {name})'
    if kind.name == "int32_t" and is_flag(variable):
        return "boolean", "Boolean", f"{name} ? 1 : 0"
    primitive = _SCALARS[kind.name]
    return primitive, {"int": "Integer"}.get(primitive, primitive.capitalize()), name


def _options(interface: Interface, struct: Struct) -> str:
    name = pascal(struct.name)
    lines = [f"// {NOTE}", "package org.lesionlens;", "", *_doc(interface, struct.doc), f"public final class {name} {{"]
    choices = [(variable, *_choice(interface, struct, variable)) for variable in struct.choices]
    lines += [f"    private {kept} {camel(variable.name)};" for variable, _, kept, _ in choices]
    objects = [variable.name for variable in struct.fields if variable.name in _OBJECTS]
    lines += [f"    {_OBJECTS[field][0]} {field};" for field in objects]
    for variable, taken, _, _ in choices:
        field = camel(variable.name)
        value = f'Arguments.notNegative("{field}", {field})' if variable.type.name.startswith("uint") else field
        lines += [
            "",
            *_doc(interface, option_doc(struct, variable), "    "),
            f"    public {name} {field}({taken} {field}) {{",
            f"        this.{field} = {value};",
            "        return this;",
            "    }",
        ]
    for field in objects:
        taken, doc = _OBJECTS[field]
        lines += [
            "",
            *block([doc], "    "),
            f"    public {name} {field}({taken} {field}) {{",
            f"        this.{field} = {field};",
            "        return this;",
            "    }",
        ]
    lines += [
        "",
        f"    Native.{struct.name} fill() {{",
        f"        Native.{struct.name} options = new Native.{struct.name}();",
        f"        LesionlensLibrary.library().{struct.name}_init(options);",
    ]
    for variable, _, _, expression in choices:
        lines += [
            f"        if ({camel(variable.name)} != null) {{",
            f"            options.{variable.name} = {expression};",
            "        }",
        ]
    return "\n".join([*lines, "        return options;", "    }", "}", ""])


def files(interface: Interface) -> dict[Path, str]:
    selection = select(interface, "java")
    made = {_PACKAGE / "Native.java": _native(interface, selection)}
    for enumeration in selection.enumerations:
        made[_PACKAGE / f"{pascal(enumeration.name)}.java"] = _enumeration(interface, enumeration)
    for struct in selection.options:
        made[_PACKAGE / f"{pascal(struct.name)}.java"] = _options(interface, struct)
    return made
