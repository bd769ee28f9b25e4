"""Checks the links of a built site: links.py DIRECTORY. Every local link must lead to a file, and its fragment to an
element of it. Links to other sites are not followed.
"""

from __future__ import annotations

import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: The server's own page for what is not there, whose links hold from the site's root; and what rustdoc checks itself, beside
#: documentation of other crates that it shows with links of theirs. Both may be linked to.
LEFT_OUT = ("404.html", "api/rust/")


class Page(HTMLParser):
    """The links and named elements of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.names: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.add(value)
            elif name == "id" or (name == "name" and tag == "a"):
                self.names.add(value or "")


def main(site: Path) -> int:
    parsed = cache(Page)
    faults, checked = [], 0
    pages = sorted(path for path in site.rglob("*.html") if not path.relative_to(site).as_posix().startswith(LEFT_OUT))
    if not pages:
        print(f"links: there are no pages in {site}", file=sys.stderr)
        return 1
    for path in pages:
        page = path.relative_to(site).as_posix()
        for link in sorted(parsed(path).links):
            address = urlsplit(link)
            if address.scheme or address.netloc:
                continue
            checked += 1
            target = (path.parent / unquote(address.path)).resolve() if address.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                faults.append(f"{page}: {link} leads nowhere")
            elif address.fragment and target.suffix == ".html":
                if unquote(address.fragment) not in parsed(target).names:
                    faults.append(f"{page}: {link} names nothing there")
    print("\n".join(faults) if faults else f"links: {checked} in {len(pages)} pages, all good", file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve()))
