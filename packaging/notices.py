"""Writes the licences of everything that is inside the library, and of libtorch, to standard output.

A text that several components share stands there once. Components that come without a licence file are named.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import components
from components import Component

NAMES = re.compile(r"(un)?licen[sc]e|copying|copyright|notice|ofl|ufl", re.IGNORECASE)
# epaint_default_fonts names the licences of fonts after the fonts.
FONTS = re.compile(r"fonts/[\w-]+\.txt$")
TEXTS = {"", ".md", ".txt", ".html", ".rst"}
SEPARATOR = "=" * 120


def licence_files(component: Component) -> list[Path]:
    directory = component.directory
    if component.files is not None:
        return component.files
    if directory is None:
        return []
    return sorted(
        path
        for path in directory.rglob("*")
        # Programs' own files may begin with "license" too.
        if path.is_file()
        and (path.suffix.lower() in TEXTS or NAMES.match(path.suffix[1:]))
        and (NAMES.match(path.name) or FONTS.search(path.as_posix()) or path.parent.name.lower() == "licenses")
    )


class Page(HTMLParser):
    """A page's text, without its tags."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def read(path: Path) -> str:
    text = path.read_text(encoding="utf-8", errors="replace")
    if path.suffix == ".html":
        page = Page()
        page.feed(text)
        text = re.sub(r"\n\s*\n+", "\n\n", "".join(page.text))
    return text.strip()


def notices(everything: list[Component]) -> tuple[str, list[Component]]:
    """The document, and the components without a licence file."""
    owners: dict[str, list[str]] = {}
    first: dict[str, str] = {}
    without = []
    for component in everything:
        # Line ends and indentation do not make another licence.
        texts = {" ".join(text.split()): text for text in map(read, licence_files(component))}
        texts.pop("", None)
        for words, text in sorted(texts.items()):
            owners.setdefault(words, []).append(component.reference)
            first.setdefault(words, text)
        if not texts:
            without.append(component)
    parts = ["Third-party components of lesionlens, their licences as they declare them, and the texts.\n"]
    parts += [f"{component.reference}: {component.license}" for component in everything]
    if without:
        parts.append("\nThese components come without a licence file; the licence here is the one they declare:\n")
        parts += [f"{component.reference}: {component.license} {component.website}".rstrip() for component in without]
    for words, references in owners.items():
        parts.append(f"\n{SEPARATOR}\n{', '.join(references)}\n{SEPARATOR}\n\n{first[words]}")
    return "\n".join(parts) + "\n", without


def main() -> None:
    crates = components.crates()
    _, *linked = crates.values()
    others = [components.standard_library(), components.onnx_messages(), *components.bundled(crates)]
    everything = [*components.libtorch(), *others, *linked]
    document, without = notices(sorted(everything, key=lambda component: component.reference))
    print(document, end="")
    if without:
        names = ", ".join(component.reference for component in without)
        print(f"notices: without a licence file, so only named: {names}", file=sys.stderr)


if __name__ == "__main__":
    main()
