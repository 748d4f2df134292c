"""Lists of contents that go on working when pages are added.

Within a `toctree`, a line `% if there: name` lists a page once it exists, and a line `% other pages` (or
`% other pages in folder`) lists the pages of `docs/` (or of the folder) that no list names.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx


DOCS = Path(__file__).parents[1]
OTHERS = re.compile(r"^% other pages(?: in (\S+))?$", re.M)
OPTIONAL = re.compile(r"^% if there: (\S+)$", re.M)


def listed_pages(docs: Path) -> set[str]:
    """Return the names, from the root of the site, in the lists of contents of all pages."""
    names: set[str] = set()
    for page in docs.rglob("*.md"):
        for block in re.findall(r"^```\{toctree\}\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            for line in OPTIONAL.sub(r"\1", block).splitlines():
                name = re.sub(r".*<(.*)>$", r"\1", line.strip()).removesuffix(".md")
                if name and not name.startswith((":", "%")):
                    base = docs if name.startswith("/") else page.parent
                    path = (base / name.removeprefix("/")).resolve()
                    names.add(
                        str(path.relative_to(docs.resolve())) if path.is_relative_to(docs.resolve()) else name
                    )
    return names


def other_pages(docs: Path, folder: str = "") -> list[str]:
    """Return the pages directly in a folder, from the root of the site, that no list of contents names."""
    pages = {str(page.relative_to(docs).with_suffix("")) for page in (docs / folder).glob("*.md")}
    return sorted(pages - listed_pages(docs) - {"index"})


def filled_in(text: str, page: Path, docs: Path) -> str:
    """Return the text of a page with its lists of contents completed."""
    text = OPTIONAL.sub(lambda m: m[1] if (page.parent / f"{m[1]}.md").exists() else "", text)
    return OTHERS.sub(lambda m: "\n".join(f"/{name}" for name in other_pages(docs, m[1] or "")), text)


def fill_in(app: Sphinx, docname: str, source: list[str]) -> None:
    """Complete the lists of contents of a page as it is read."""
    source[0] = filled_in(source[0], DOCS / f"{docname}.md", DOCS)


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the filling in to the reading of pages."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True}
