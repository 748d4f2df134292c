"""The tables of docs/formats.md are those of the declarations; `python -m tests.docs.test_formats` writes them."""

from pathlib import Path

from playNano.analysis.convert import PROPERTIES
from playNano.analysis.exporters import BUILTIN_EXPORTERS
from playNano.io.formats import BUILTIN_READERS
from playNano.io.formats.facts import FORMAT_FACTS
from playNano.io.formats.known import KNOWN_FORMATS

PAGE = Path(__file__).parents[2] / "docs" / "formats.md"


def row(*cells):
    return f"| {' | '.join(cells)} |"


def table(titles, rows):
    return "\n".join([row(*titles), row(*["---"] * len(titles)), *(row(*cells) for cells in rows)])


def suffixes(names):
    return ", ".join(f"`{name.replace('[0-9][0-9][0-9]', '000')}`" for name in names)


def read_table():
    titles = ("format", "files", "made by", "read besides pixels, their unit and the pixel size", "tested on")
    return table(
        titles,
        (
            (f.name, suffixes(BUILTIN_READERS[f.name].suffixes), f.vendor, f.keeps, f.tested_on)
            for f in FORMAT_FACTS.values()
        ),
    )


def scan_table():
    titles = ("format", "line stored first", "direction of the scan", "times of the frames")
    by_source = "as in the movie's source"
    return table(
        titles,
        (
            (
                f.name,
                f.first_line or ("not known" if f.name == "ardf" else "by file"),
                f.direction or (by_source if f.own else "not known"),
                f.times or (by_source if f.own else "none"),
            )
            for f in FORMAT_FACTS.values()
        ),
    )


def known_table():
    return table(("format", "files"), ((known.name, suffixes(known.suffixes)) for known in KNOWN_FORMATS))


def written_table():
    written = [exporter for exporter in BUILTIN_EXPORTERS.values() if exporter.keeps or exporter.limits]
    titles = ("exporter", "file", *PROPERTIES, "limits")
    return table(
        titles,
        (
            (
                exporter.name,
                f"`{exporter.suffix}`",
                *("yes" if name in exporter.keeps else "no" for name in PROPERTIES),
                exporter.limits,
            )
            for exporter in written
        ),
    )


TABLES = {"read": read_table, "scan": scan_table, "known": known_table, "written": written_table}


def split(text, name):
    """Return the text before, within and behind the marks of a table."""
    begin, end = f"<!-- table: {name} -->\n", f"\n<!-- end: {name} -->"
    before, _, rest = text.partition(begin)
    within, found, behind = rest.partition(end)
    assert found, f"{PAGE} has no table {name}"
    return before + begin, within, end + behind


def test_the_tables_are_those_of_the_declarations():
    text = PAGE.read_text(encoding="utf-8")
    for name, make in TABLES.items():
        assert split(text, name)[1] == make(), (
            f"run `python -m tests.docs.test_formats` to write table {name}"
        )


def test_every_reader_has_its_facts():
    assert set(FORMAT_FACTS) == set(BUILTIN_READERS) - {"folder"}


if __name__ == "__main__":
    page = PAGE.read_text(encoding="utf-8")
    for title, maker in TABLES.items():
        first, _, last = split(page, title)
        page = first + maker() + last
    PAGE.write_text(page, encoding="utf-8")
