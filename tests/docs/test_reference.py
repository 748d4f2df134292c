"""The reference is complete: every public function has an entry with an example, every parameter a meaning."""

import doctest
import importlib
import inspect
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_ext"))

from api_groups import GROUPS, exported  # noqa: E402
from unlisted_pages import filled_in, other_pages  # noqa: E402

from playNano.cli.modules import list_entries  # noqa: E402

PACKAGES = [
    "playNano",
    "playNano.measurement",
    "playNano.metrics",
    "playNano.simulate",
    "playNano.validate",
    "playNano.plots",
    "playNano.algorithms.regions",
    "playNano.algorithms.blobs",
    "playNano.algorithms.peaks",
    "playNano.algorithms.linking",
    "playNano.algorithms.segmentation",
    "playNano.errors",
]
"""Packages whose exported names are public."""

RUN_ON_A_PAGE = {
    "compare_folders": "docs/measurement/compare.md",
    "save_validation": "docs/validate.md",
}
"""Functions whose example needs results that take long; it stands on a page."""

ENTRIES = [entry for group in GROUPS for entry in group.entries()]


def test_every_exported_name_has_an_entry():
    listed = {id(target) for _, _, target in ENTRIES}
    missing = [
        f"{package}.{name}"
        for package in PACKAGES
        for name in exported(package)
        if name != "__version__" and id(getattr(importlib.import_module(package), name)) not in listed
    ]
    assert missing == []


@pytest.mark.parametrize(("module", "name", "target"), ENTRIES, ids=[f"{m}.{n}" for m, n, _ in ENTRIES])
def test_every_entry_is_described_with_an_example(module, name, target):
    if not callable(target):
        return
    doc = inspect.getdoc(target)
    assert doc, f"{module}.{name} has no docstring"
    if not inspect.isclass(target):
        where = RUN_ON_A_PAGE.get(name)
        example = doc if where is None else (ROOT / where).read_text(encoding="utf-8")
        assert (">>> " in doc) if where is None else (name in example), f"{module}.{name} has no example"


def test_every_step_and_module_has_a_summary_and_describes_its_parameters():
    undescribed = [
        f"{entry.name}: {parameter.name}"
        for entry in list_entries()[0]
        for parameter in entry.parameters
        if not parameter.description
    ]
    assert undescribed == []
    assert all(entry.summary for entry in list_entries()[0])


@pytest.mark.parametrize("name", ["architecture", "declared_types", "repository_links"])
def test_examples_of_the_extensions(name):
    module = importlib.import_module(name)
    assert doctest.testmod(module).attempted > 0
    assert doctest.testmod(module).failed == 0


def test_links_to_files_of_the_repository_become_links_to_pages():
    rewrite = importlib.import_module("repository_links").rewrite
    links = "[a](../benchmarks/results/memory.md#x) [b](drift.md) [c](../src/playNano/_jit.py)"
    text = f"{links}\n```\n[d](../README.md)\n```\n"
    expected = "[a](/generated/results/memory.md#x) [b](drift.md) c\n```\n[d](../README.md)\n```\n"
    assert rewrite(text, "docs/cache.md") == expected
    assert rewrite("![p](docs/pictures/frames.png)", "README.md") == "![p](/pictures/frames.png)"


def test_a_page_that_no_list_names_is_listed(tmp_path):
    for name in ("index", "guide", "listed", "new"):
        (tmp_path / f"{name}.md").write_text(f"# {name}\n", encoding="utf-8")
    guide = "```{toctree}\nlisted\n% if there: new_too\n% other pages\n```\n"
    (tmp_path / "guide.md").write_text(guide, encoding="utf-8")
    (tmp_path / "index.md").write_text("```{toctree}\nguide\n```\n", encoding="utf-8")
    assert other_pages(tmp_path) == ["new"]
    assert filled_in(guide, tmp_path / "guide.md", tmp_path) == "```{toctree}\nlisted\n\n/new\n```\n"
    (tmp_path / "new_too.md").write_text("# too\n", encoding="utf-8")
    assert "\nnew_too\n" in filled_in(guide, tmp_path / "guide.md", tmp_path)
    assert other_pages(tmp_path) == ["new"]
