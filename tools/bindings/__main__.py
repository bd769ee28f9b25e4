"""Writes the generated parts of bindings/python, bindings/java, bindings/node and bindings/csharp anew from bindings/interface.json.

python3 tools/bindings                    writes them
python3 tools/bindings check              says which are stale; exit status 1 when any is
python3 tools/bindings layout LANGUAGE    prints a C program that prints the layout of that language's structs
"""

from __future__ import annotations

import sys
from pathlib import Path

import csharp
import java
import node
import python
from interface import LANGUAGES, ROOT, Interface
from layout import program


def generated() -> dict[Path, str]:
    interface = Interface()
    return {**java.files(interface), **node.files(interface), **csharp.files(interface), **python.files(interface)}


def stale() -> list[str]:
    """The files that are not what the description asks for."""
    return [
        str(path.relative_to(ROOT))
        for path, text in generated().items()
        if not path.exists() or path.read_text() != text
    ]


def main(arguments: list[str]) -> int:
    if arguments == ["check"]:
        found = stale()
        if found:
            print(f"stale, run `make bindings`: {' '.join(found)}", file=sys.stderr)
        return 1 if found else 0
    if len(arguments) == 2 and arguments[0] == "layout" and arguments[1] in LANGUAGES:
        print(program(Interface(), arguments[1]), end="")
        return 0
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for path, text in generated().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
