"""Reads include/lesionlens.h for the ABI gate.

interface.py stub HEADER    a C file that defines every function with the header's prototype: compiled with -g it gives
                            abidw the types of the interface, which the library's own DWARF does not have (rustc
                            writes Rust's types, and release builds only line tables)
interface.py layout HEADER  a C program that prints the size of every struct, the offset of every field and the value
                            of every constant
"""

import os
import re
import subprocess
import sys


def preprocessed(header: str, *options: str) -> str:
    command = [*os.environ.get("CC", "cc").split(), "-std=c11", "-E", *options, header]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def declarations(text: str) -> list[str]:
    """What stands between semicolons outside of braces."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if character == ";" and depth == 0:
            parts.append(" ".join(text[start:position].split()))
            start = position + 1
    return [part for part in parts if re.search(r"\blens_", part)]


def functions(header: str) -> dict[str, str]:
    """Prototypes by name."""
    found = {}
    for declaration in declarations(preprocessed(header, "-P")):
        if not declaration.startswith("typedef") and "{" not in declaration:
            match = re.fullmatch(r"[\w\s*]*?\b(lens_\w+) ?\([^()]*\)", declaration)
            if match is None:
                sys.exit(f"interface.py: cannot read this declaration of {header}: {declaration}")
            found[match.group(1)] = declaration
    return dict(sorted(found.items()))


def structs(header: str) -> dict[str, list[str]]:
    """Field names by struct."""
    found = {}
    for declaration in declarations(preprocessed(header, "-P")):
        if "{" not in declaration:
            continue
        match = re.fullmatch(r"typedef struct (lens_\w+) \{(.*)\} \1", declaration)
        fields = match and [re.fullmatch(r"[\w\s*]*?\b(\w+)(\[\w+\])*", field.strip())
                            for field in match.group(2).split(";")[:-1]]
        if not fields or None in fields:
            sys.exit(f"interface.py: cannot read this struct of {header}: {declaration}")
        found[match.group(1)] = [field.group(1) for field in fields]
    return dict(sorted(found.items()))


def constants(header: str) -> list[str]:
    return sorted(re.findall(r"^#define (LENS_\w+) \S", preprocessed(header, "-dM"), re.MULTILINE))


def stub(header: str) -> list[str]:
    bodies = [f"{prototype} {{ __builtin_trap(); }}" for prototype in functions(header).values()]
    return ["#include <lesionlens.h>", *bodies]


def layout(header: str) -> list[str]:
    known = functions(header)
    lines = []
    for name, fields in structs(header).items():
        lines.append(f'printf("LENS_SIZE({name}, %zu)\\n", sizeof({name}));')
        lines += [f'printf("LENS_OFFSET({name}, {field}, %zu)\\n", offsetof({name}, {field}));' for field in fields]
        if f"{name}_init" in known:
            lines.append(f'puts("LENS_OPTIONS({name})");')
    lines += [f'printf("LENS_VALUE({name}, %lld)\\n", (long long)({name}));' for name in constants(header)]
    return ["#include <lesionlens.h>", "#include <stdio.h>", "int main(void) {", *lines, "return 0; }"]


if __name__ == "__main__":
    what = {"stub": stub, "layout": layout}[sys.argv[1]]
    print("\n".join(what(sys.argv[2])))
