"""CITATION.cff, which GitHub, Zenodo and reference managers read."""

import tomllib
from pathlib import Path

import yaml

from playNano._version import __version__

ROOT = Path(__file__).parents[2]


def test_citation_has_the_required_keys_and_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    # Required by version 1.2.0 of the format; all values but lists are text.
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert all(type(value) is str for key, value in citation.items() if key not in ("authors", "keywords"))
    assert (citation["cff-version"], citation["type"], citation["version"]) == (
        "1.2.0",
        "software",
        __version__,
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert (citation["title"], citation["license"]) == (project["name"], project["license"])
    assert citation["authors"] == project["authors"]
    assert citation["keywords"] == project["keywords"]
    assert len(set(citation["keywords"])) == len(citation["keywords"])
