"""Links that are right in the repository are made right on the site.

Pages in `docs/` link to files beside it, such as `../benchmarks/results/memory.md`.
Some of these files are pages of the site as well; links to others are replaced by their text, since the site must be
readable by itself.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"(?<!!)\[((?:[^\[\]]|\[[^\]]*\])+)\]\(([^)\s#:]+)(#[^)\s]*)?\)")
IMAGE = re.compile(r"(!\[[^\]]*\]\()([^)\s:]+)\)")


def site_page(path: str) -> str | None:
    """Return the page of the site (from its root) for a file of the repository, or None if it has none.

    Examples
    --------
    >>> site_page("docs/drift.md"), site_page("benchmarks/results/memory.md"), site_page("src/playNano/_jit.py")
    ('/drift.md', '/generated/results/memory.md', None)
    """
    if path == "docs/decisions":
        return "/contribute/decisions.md"
    fixed = {
        "README.md": "/index.md",
        "CONTRIBUTING.md": "/generated/contributing.md",
        "CHANGELOG.md": "/generated/changelog.md",
        "CITATION.cff": "/citing.md",
        "benchmarks/README.md": "/generated/results/index.md",
    }
    if path in fixed:
        return fixed[path]
    if path.startswith("docs/"):
        return path.removeprefix("docs")
    if path.startswith("benchmarks/results/") and path.endswith(".md"):
        return f"/generated/results/{posixpath.basename(path)}"
    return None


def rewrite(text: str, file: str) -> str:
    """Return Markdown whose links to files of the repository lead to pages of the site.

    Parameters
    ----------
    text
        Markdown.
    file
        Its file, from the root of the repository.

    Returns
    -------
    str
        The same text with other links; a link to a file that does not exist is a warning of the build.
    """

    def target(link: str) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(file), link))
        if not (ROOT / path).exists():
            warn("%s links to %s, which does not exist", file, link)
        return path

    def replaced(match: re.Match[str]) -> str:
        words, link, anchor = match[1], match[2], match[3] or ""
        if link.startswith("/"):
            return match[0]
        path = target(link)
        page = site_page(path)
        if page is None:
            return words
        return (
            match[0]
            if file.startswith("docs/") and path.startswith("docs/")
            else f"[{words}]({page}{anchor})"
        )

    def picture(match: re.Match[str]) -> str:
        path = target(match[2])
        return match[0] if file.startswith("docs/") else f"{match[1]}/{path.removeprefix('docs/')})"

    parts = re.split(r"(^```.*?^```)", text, flags=re.MULTILINE | re.DOTALL)  # code stays as it is
    return "".join(
        part if part.startswith("```") else IMAGE.sub(picture, LINK.sub(replaced, part)) for part in parts
    )


def warn(text: str, *values: str) -> None:
    """Issue a warning of the build."""
    from sphinx.util import logging

    logging.getLogger(__name__).warning(text, *values)


def rewrite_page(app: Sphinx, docname: str, source: list[str]) -> None:
    """Rewrite the links of a page as it is read."""
    if not docname.startswith(("generated/", "tutorials/", "reference/", "contribute/")):
        source[0] = rewrite(source[0], f"docs/{docname}.md")


def setup(app: Sphinx) -> dict[str, Any]:
    """Connect the change of links to the reading of pages."""
    app.connect("source-read", rewrite_page)
    return {"parallel_read_safe": True}
