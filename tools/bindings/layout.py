"""A C program that prints the size of every struct that the bindings have, and the offset of each of its fields."""

from __future__ import annotations

from interface import Interface, select


def program(interface: Interface, language: str) -> str:
    lines = ["#include <lesionlens.h>", "#include <stdio.h>", "", "int main(void)", "{"]
    for struct in select(interface, language).structs:
        lines.append(f'    printf("{struct.name} %zu\\n", sizeof({struct.name}));')
        for variable in struct.fields:
            place = f"offsetof({struct.name}, {variable.name})"
            lines.append(f'    printf("{struct.name}.{variable.name} %zu\\n", {place});')
    return "\n".join([*lines, "    return 0;", "}", ""])
