"""The generated half of bindings/csharp: P/Invoke declarations, enumerations, options."""

from __future__ import annotations

from pathlib import Path

from interface import ROOT, Enumeration, Interface, Struct, Variable, is_flag, select
from prose import NOTE, block, code, option_doc, paragraphs, pascal

_FILE = ROOT / "bindings" / "csharp" / "Native.cs"
# What options take: signed numbers, of which C cannot hold the negative ones.
_OPTIONS = {"uint32_t": "int", "uint64_t": "long"}
_SCALARS = {
    "int32_t": "int",
    "uint32_t": "uint",
    "uint64_t": "ulong",
    "size_t": "UIntPtr",
    "float": "float",
    "double": "double",
    "void": "void",
}


def _constant(enumeration: Enumeration, name: str) -> str:
    return f"{pascal(enumeration.name)}.{pascal(name)}"


def _doc(interface: Interface, doc: str, indent: str) -> list[str]:
    text = " ".join(paragraphs(interface, doc, _constant, pascal)).replace("&", "&amp;").replace("<", "&lt;")
    single = f"{indent}/// <summary>{text}</summary>"
    if len(single) <= 120:
        return [single]
    return [f"{indent}/// <summary>", *block([text], indent, "", "/// ", ""), f"{indent}/// </summary>"]


def _field_type(interface: Interface, variable: Variable) -> str:
    kind = variable.type
    if kind.stars or kind.name in interface.callbacks:
        return "IntPtr"
    if kind.name in interface.enumerations:
        return "int"
    return _SCALARS.get(kind.name, kind.name)


def _parameter_type(interface: Interface, function: str, variable: Variable) -> str:
    kind = variable.type
    if kind.stars == 0:
        return _field_type(interface, variable)
    if kind.name in interface.opaque:
        if kind.stars == 2:
            return ("IntPtr[]" if variable.is_const else "[Out] IntPtr[]") if variable.is_array else "out IntPtr"
        return "IntPtr" if function.endswith("_free") else "Handle"
    if kind.name == "char" and kind.stars == 1:
        return "byte[]" if variable.is_const else "IntPtr"
    if kind.stars == 2:
        return "out IntPtr"
    if kind.name == "uint8_t":
        return "byte[]"
    name = _SCALARS.get(kind.name, kind.name)
    if variable.is_array:
        return f"{name}[]" if variable.is_const else f"[Out] {name}[]"
    return f"ref {name}" if variable.is_const else f"out {name}"


def _native(interface: Interface) -> list[str]:
    selection = select(interface, "csharp")
    lines = [
        "    /// <summary>The library's functions and structs under their C names.</summary>",
        "    internal static class Native",
        "    {",
        "        // By its SONAME: what Lesionlens.Load() loaded from elsewhere is found by this name.",
        '        internal const string Library = "liblesionlens.so.0";',
        f"        internal const uint AbiVersion = {interface.abi_version};",
    ]
    for function in selection.functions:
        result = _field_type(interface, Variable("", function.result))
        taken = ", ".join(f"{_parameter_type(interface, function.name, one)} {one.name}" for one in function.parameters)
        lines += ["", "        [DllImport(Library, CallingConvention = CallingConvention.Cdecl)]"]
        lines += code(f"internal static extern {result} {function.name}({taken});", "        ")
    for name, parameters in interface.callbacks.items():
        result = "int" if name == "lens_progress_fn" else "void"
        taken = ", ".join(f"{_field_type(interface, one)} {one.name}" for one in parameters)
        lines += [
            "",
            "        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]",
            f"        internal delegate {result} {name}({taken});",
        ]
    for struct in selection.structs:
        lines += ["", "        [StructLayout(LayoutKind.Sequential)]"]
        lines += [f"        internal struct {struct.name}", "        {"]
        lines += [f"            public {_field_type(interface, one)} {one.name};" for one in struct.fields]
        lines.append("        }")
    return [*lines, "    }"]


def _enumeration(interface: Interface, enumeration: Enumeration) -> list[str]:
    lines = [*_doc(interface, enumeration.doc, "    "), f"    public enum {pascal(enumeration.name)}", "    {"]
    for name, value, doc in enumeration.constants:
        lines += [*_doc(interface, doc, "        "), f"        {pascal(name)} = {value},"]
    return [*lines, "    }"]


def _choice(interface: Interface, struct: Struct, variable: Variable) -> tuple[str, str]:
    """The property's type, and the expression that goes into the struct."""
    name, kind = pascal(variable.name), variable.type
    if kind.name == "char":
        return "string", f'memory.Text("{name}", {name})'
    if kind.name in interface.enumerations:
        return f"{pascal(kind.name)}?", f"(int){name}.Value"
    if kind.name == "int32_t" and is_flag(variable):
        return "bool?", f"{name}.Value ? 1 : 0"
    if kind.name in _OPTIONS:
        return f"{_OPTIONS[kind.name]}?", f"Arguments.NotNegative(nameof({name}), {name}.Value)"
    return f"{_SCALARS[kind.name]}?", f"{name}.Value"


def _options(interface: Interface, struct: Struct) -> list[str]:
    lines = [*_doc(interface, struct.doc, "    "), f"    public sealed class {pascal(struct.name)}", "    {"]
    choices = [(one, *_choice(interface, struct, one)) for one in struct.choices]
    for one, taken, _ in choices:
        doc = _doc(interface, option_doc(struct, one), "        ")
        lines += [*doc, f"        public {taken} {pascal(one.name)} {{ get; set; }}", ""]
    lines += [
        f"        internal Native.{struct.name} Fill(CallMemory memory)",
        "        {",
        f"            Native.{struct.name} options;",
        f"            Native.{struct.name}_init(out options);",
    ]
    for one, _, into in choices:
        condition, assignment = f"            if ({pascal(one.name)} != null)", f"options.{one.name} = {into};"
        joined = f"{condition} {assignment}"
        if len(joined) <= 120:
            lines.append(joined)
        else:
            lines += [condition, "            {", f"                {assignment}", "            }"]
    return [*lines, "            return options;", "        }", "    }"]


def files(interface: Interface) -> dict[Path, str]:
    selection = select(interface, "csharp")
    lines = [
        f"// {NOTE}",
        "#pragma warning disable 649",
        "using System;",
        "using System.Runtime.InteropServices;",
        "",
        "namespace Lesionlens",
        "{",
    ]
    parts = [_native(interface)]
    parts += [_enumeration(interface, one) for one in selection.enumerations]
    parts += [_options(interface, one) for one in selection.options]
    for number, part in enumerate(parts):
        lines += [*([""] if number else []), *part]
    return {_FILE: "\n".join([*lines, "}", ""])}
