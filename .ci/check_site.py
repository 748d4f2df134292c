"""Check a built site: nothing is loaded from the network, every link and anchor exists, every page can be reached.

python .ci/check_site.py site
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "audio": "src",
    "embed": "src",
    "object": "data",
}
"""Element -> attribute from which a browser loads without being asked to; of `link` it is `href`."""


class Page(HTMLParser):
    """Links, anchors and loaded files of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what an element refers to."""
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if values.get(name)}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "form" and values.get("action"):
            self.links.append(values["action"])
        if tag == "link" and values.get("rel") not in (
            "canonical",
            "next",
            "prev",
            "search",
            "index",
            "author",
        ):
            self.loaded.append(values.get("href", ""))
        if tag in LOADED:
            self.loaded.append(values.get(LOADED[tag], ""))
        self.loaded += re.findall(r"url\(([^)]*)\)", values.get("style", ""))


def is_external(address: str) -> bool:
    """Return whether an address lies outside the site."""
    return bool(re.match(r"([a-zA-Z][a-zA-Z0-9+.-]*:)?//", address.strip(" '\"")))


def network_requests(site: Path, pages: dict[Path, Page]) -> list[str]:
    """Return what pages, style sheets and scripts load from elsewhere."""
    found = [
        f"{path.name} loads {name}"
        for path, page in pages.items()
        for name in page.loaded
        if is_external(name)
    ]
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        names = re.findall(r"url\(([^)]*)\)|@import\s+[\"']([^\"']*)", text)
        found += [f"{sheet.name} loads {a or b}" for a, b in names if is_external(a or b)]
    for script in site.rglob("*.js"):
        text = script.read_text(encoding="utf-8")
        names = re.findall(r"(?:fetch|import|importScripts)\(\s*[\"'`]([^\"'`]*)", text)
        found += [f"{script.name} loads {name}" for name in names if is_external(name)]
    return found


def broken_links(site: Path, pages: dict[Path, Page]) -> list[str]:
    """Return links to pages, files or anchors that do not exist."""
    found = []
    for path, page in pages.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            anchor = unquote(parts.fragment)
            if not target.exists():
                found.append(f"{path.relative_to(site)} links to {link}, which does not exist")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                found.append(f"{path.relative_to(site)} links to {link}, an anchor that does not exist")
    return found


def unreachable_pages(site: Path, pages: dict[Path, Page]) -> list[str]:
    """Return pages to which no chain of links leads from the first page."""
    first = site / "index.html"
    seen, left = {first}, [first]
    while left:
        path = left.pop()
        for link in pages[path].links:
            parts = urlsplit(link)
            if not parts.netloc and parts.path:
                target = (path.parent / unquote(parts.path)).resolve()
                if target in pages and target not in seen:
                    seen.add(target)
                    left.append(target)
    return [f"no link leads to {path.relative_to(site)}" for path in sorted(set(pages) - seen)]


def check(site: Path) -> list[str]:
    """Return all faults of a site."""
    site = site.resolve()
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    return [*network_requests(site, pages), *broken_links(site, pages), *unreachable_pages(site, pages)]


if __name__ == "__main__":
    faults = check(Path(sys.argv[1]))
    print("\n".join(faults) or "the site needs no network, and all links lead somewhere")  # noqa: T201
    sys.exit(bool(faults))
