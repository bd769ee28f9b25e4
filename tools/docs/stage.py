"""Lays out what mdBook reads: the pages of docs/SUMMARY.md where they lie in the repository, and the files that they
link to, show or include, so that a link means the same in the tree and on the site: stage.py DIRECTORY.

Fails when a page links to something that is not there, to a directory, or to a page that SUMMARY.md does not have.
Links to api/ lead to references that are built beside the pages; links.py checks them.
"""

from __future__ import annotations

import posixpath
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LINK = re.compile(r"\]\(([^)\s]+)\)|<img[^>]* src=\"([^\"]+)\"")
INCLUDE = re.compile(r"\{\{#include ([^}:\s]+)")
CODE = re.compile(r"^```.*?^```|`[^`\n]*`", re.MULTILINE | re.DOTALL)


def index(path: str) -> str:
    """mdBook makes index.html of a README.md, but leaves links to it as they are."""
    return re.sub(r"(^|[/(])README\.md\b", r"\1index.md", path)


def targets(text: str) -> list[str]:
    """Local files that a page links to, shows or includes."""
    links = [first or second for first, second in LINK.findall(CODE.sub("", text))]
    local = [link.split("#")[0] for link in links if not re.match(r"[a-z]+:|#", link)]
    return local + INCLUDE.findall(text)


def main(output: Path) -> int:
    summary = (ROOT / "docs/SUMMARY.md").read_text()

    def of_root(match: re.Match[str]) -> str:
        return f"]({posixpath.normpath(posixpath.join('docs', match[1]))})"

    summary = re.sub(r"\]\(([^)]+)\)", of_root, summary)
    pages = set(re.findall(r"\]\(([^)]+)\)", summary))
    faults, files = [], set(pages)
    for page in sorted(pages):
        if not (ROOT / page).is_file():
            faults.append(f"docs/SUMMARY.md: there is no {page}")
            continue
        for target in targets((ROOT / page).read_text()):
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
            if path.startswith("api/"):
                continue
            if not (ROOT / path).is_file():
                faults.append(f"{page}: {target} is not a file")
            elif path.endswith(".md") and path not in pages:
                faults.append(f"{page}: {target} is not in docs/SUMMARY.md")
            files.add(path)
    if faults:
        print("\n".join(faults), file=sys.stderr)
        return 1
    shutil.rmtree(output, ignore_errors=True)
    for path in files:
        place = output / "src" / index(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        if path in pages:
            place.write_text(LINK.sub(lambda match: index(match[0]), (ROOT / path).read_text()))
        else:
            shutil.copyfile(ROOT / path, place)
    (output / "src/SUMMARY.md").write_text(LINK.sub(lambda match: index(match[0]), summary))
    for name in ("book.toml", "site.css"):
        shutil.copyfile(ROOT / "docs" / name, output / name)
    return 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1])))
