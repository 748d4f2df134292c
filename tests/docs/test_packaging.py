"""Files for releases: what stands in them more than once must agree."""

import importlib.util
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from playNano._version import __version__

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RECIPE = ROOT / "packaging" / "conda" / "recipe.yaml"
CONDA_NAMES = {"opencv-python-headless": "py-opencv", "dask": "dask-core", "matplotlib": "matplotlib-base"}


def load(path):
    """Return a script of .ci as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def split(requirement):
    name, lowest = re.fullmatch(r"([\w.-]+?)(?:\[.*\])?>=([\d.]+)", requirement).groups()
    return name, lowest


def test_recipe_of_conda_agrees_with_pyproject():
    recipe = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    assert recipe["context"]["version"] == __version__
    needed = {CONDA_NAMES.get(n, n.lower()): v for n, v in map(split, PROJECT["dependencies"])}
    stated = dict(line.split(" >=") for line in recipe["requirements"]["run"])
    assert stated == {**needed, "python": PROJECT["requires-python"].removeprefix(">=")}
    assert recipe["build"]["python"]["entry_points"] == [
        f"{name} = {target}" for name, target in PROJECT["scripts"].items()
    ]
    assert recipe["about"]["license"] == PROJECT["license"]


def test_workflow_names_all_supported_versions_of_python():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8"))["jobs"]
    tested = jobs["tests"]["strategy"]["matrix"]
    supported = [c.rpartition(" ")[2] for c in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", c)]
    assert tested["python"] == supported
    assert {name.partition("-")[0] for name in tested["os"]} == {"ubuntu", "macos", "windows"}


def test_every_dependency_states_a_lowest_version_which_the_job_installs():
    lines = load(ROOT / ".ci" / "lowest.py").lowest_versions(PROJECT)
    pinned = {re.match(r"[\w.-]+", line)[0] for line in lines}
    assert {split(requirement)[0] for requirement in PROJECT["dependencies"]} <= pinned
    assert "numpy>=1.26,<1.26.1" in lines


def test_the_changes_of_this_version_are_listed():
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(__version__)}\] - \d{{4}}-\d\d-\d\d$", changes, re.M)


SITE = {
    "index.html": '<a href="b.html#there">b</a><img src="picture.png">',
    "b.html": '<h1 id="there">b</h1><a href="index.html">back</a>',
    "picture.png": "",
}


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        (
            "b.html",
            '<a id="there"></a><script src="https://cdn.test/a.js"></script>',
            "loads https://cdn.test/a.js",
        ),
        (
            "b.html",
            '<a id="there"></a><link rel="stylesheet" href="//cdn.test/a.css">',
            "loads //cdn.test/a.css",
        ),
        ("style.css", "@font-face {src: url(https://fonts.test/a.woff)}", "style.css loads"),
        ("code.js", 'fetch("https://data.test/x")', "code.js loads"),
        ("b.html", "<h1>b</h1>", "an anchor that does not exist"),
        ("b.html", '<a id="there" href="c.html">c</a>', "which does not exist"),
        ("c.html", '<a href="index.html">', "no link leads to c.html"),
    ],
)
def test_faults_of_a_site_are_found(file, text, fault, tmp_path):
    check = load(ROOT / ".ci" / "check_site.py").check
    for name, content in SITE.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
    assert check(tmp_path) == []
    (tmp_path / file).write_text(text, encoding="utf-8")
    (found,) = check(tmp_path)
    assert fault in found
