"""The examples of CONTRIBUTING.md, installed as a package and used from Python and from the command line."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(?:python|toml)\n# (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LEVELS = (2.0, 4.0, 20.0)


def blocks():
    """Return the files that the page shows."""
    return dict(BLOCK.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")))


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Install the package: its modules, and the dist-info that an installer makes of its pyproject.toml."""
    folder = tmp_path_factory.mktemp("site")
    files = blocks()
    project = tomllib.loads(files.pop("pyproject.toml"))["project"]
    assert set(files) == {f"lab_afm/{name}.py" for name in ("steps", "modules", "readers", "exporters")}
    for name, source in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(source, encoding="utf-8")
    (folder / "lab_afm" / "__init__.py").touch()
    info = folder / "lab_afm-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = (
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""])
        for group, points in project["entry-points"].items()
    )
    (info / "entry_points.txt").write_text("\n".join(groups))
    return folder


@pytest.fixture
def images(tmp_path):
    """A folder of three frames of the format that the example reads, in px of 5 nm x 2 nm."""
    folder = tmp_path / "images"
    folder.mkdir()
    for number, level in enumerate(LEVELS):
        header = "Gwyddion Simple Field 1.0\nXRes = 4\nYRes = 3\nXReal = 8e-9\nYReal = 15e-9\nXYUnits = m\n"
        header += "ZUnits = nm\nTitle = Height\n"
        content = header.encode()
        content += bytes(4 - len(content) % 4)
        pixels = np.zeros((3, 4), "<f4")
        pixels[1, :2] = level
        (folder / f"{number}.gsf").write_bytes(content + pixels.tobytes())
    return folder


def in_process(site, *command, cwd):
    """Run Python with the package on the path; return its output."""
    path = os.pathsep.join([str(site), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, *map(str, command)],
        env={**os.environ, "PYTHONPATH": path},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_all_four_from_python(site, images, tmp_path):
    code = f"""
from playNano.afm_stack import AFMImageStack
from playNano.analysis.exporters import export_stack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.io.loader import open_movie

movie = open_movie({str(images / "1.gsf")!r})
assert (movie.format, movie.unit, movie.shape) == ("gsf", "nm", (1, 3, 4))
assert all(abs(a - b) < 1e-9 for a, b in zip(movie.pixel_size_nm, (5, 2)))
stack = AFMImageStack.load_data({str(images)!r})
stack.apply(["clip_heights"], high=10)
pipeline = AnalysisPipeline()
pipeline.add("high_pixels", level=3)
record = pipeline.run(stack)
assert record["provenance"]["steps"][0]["version"] == "1.0"
assert stack.provenance["processing"]["steps"][0]["params"] == {{"low": -10.0, "high": 10.0}}
print(export_stack(stack, "heights", {str(tmp_path)!r}, digits=3))
"""
    said = in_process(site, "-W", "error", "-W", "ignore::UserWarning", "-c", code, cwd=tmp_path)
    assert said.strip() == str(tmp_path / "heights.csv")
    table = pd.read_csv(tmp_path / "heights.csv")
    assert table["z_max"].tolist() == [2, 4, 10]
    assert table["fraction"].tolist() == [0, 0.167, 0.167]
    assert "time_s" not in table  # the images state no times


def test_all_four_from_the_command_line(site, images, tmp_path):
    words = [
        "analyze",
        images,
        "--process",
        "clip_heights:high=5",
        "--steps",
        "high_pixels:level=3",
        "--no-gif",
    ]
    playnano = ("-m", "playNano")
    said = in_process(
        site, *playnano, *words, "--export", "heights:digits=2", "-o", tmp_path / "out", cwd=tmp_path
    )
    assert "mean_fraction 0.1111" in said
    table = pd.read_csv(tmp_path / "out" / "heights.csv")
    assert table["z_max"].tolist() == [2, 4, 5]
    assert table["fraction"].tolist() == [0, 0.17, 0.17]
    listed = in_process(site, *playnano, "modules", cwd=tmp_path)
    for line in (
        "clip_heights +Clip heights to a range",
        "high_pixels +Measure the fraction",
        "gsf +Read `.gsf` images",
        "heights +Write a table",
    ):
        assert re.search(rf"^  {line}", listed, re.MULTILINE)
    shown = in_process(site, *playnano, "modules", "clip_heights", cwd=tmp_path)
    assert re.search(
        r"^high +nm +float +10\.0 +Ends of the range, in the unit of the pixels\.", shown, re.MULTILINE
    )


def test_the_contract_holds_for_them(site, tmp_path):
    """What every registered step, module and reader is held to."""
    words = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "clip_heights or high_pixels or gsf")
    tests = [f"tests/contract/test_every_{kind}.py" for kind in ("step", "module", "reader")]
    said = in_process(site, *words, *tests, cwd=ROOT)
    passed = int(re.search(r"(\d+) passed", said)[1])
    assert passed > 20
    assert "skipped" not in said
    assert "failed" not in said


def test_a_damaged_file_of_the_reader(site, images, tmp_path):
    content = (images / "1.gsf").read_bytes()
    code = f"""
from pathlib import Path
from playNano.errors import FileFormatError
from playNano.io.loader import open_movie

content = {content!r}
for length in range(len(content)):
    Path("cut.gsf").write_bytes(content[:length])
    try:
        open_movie("cut.gsf")
    except FileFormatError as error:
        assert "cut.gsf" in str(error)
    else:
        raise AssertionError(length)
"""
    in_process(site, "-c", code, cwd=tmp_path)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("XRes = 4", "XRes = -4", "3 x -4 px"),
        ("XRes = 4", "XRes = 0", "3 x 0 px"),
        ("YRes = 3", "YRes = -3", "-3 x 4 px"),
        ("XRes = 4\nYRes = 3", "XRes = -4\nYRes = -3", "-3 x -4 px"),
        ("XRes = 4", "XRes = four", "header"),
        ("XRes = 4", "XRes = 400", "image"),
        ("XReal = 8e-9", "XReal = 0", "size of the image"),
        ("XReal = 8e-9", "XReal = nan", "size of the image"),
        ("XYUnits = m\n", "", "size of the image"),
        ("XYUnits = m", "XYUnits = V", "size of the image"),
        ("Gwyddion", "Gwyddian", "begin"),
    ],
)
def test_a_wrong_header_of_the_reader(old, new, words, site, images, tmp_path):
    content = (images / "1.gsf").read_bytes()
    end = content.index(b"\0")
    assert old.encode() in content[:end]
    header = content[:end].replace(old.encode(), new.encode())
    (tmp_path / "wrong.gsf").write_bytes(header + bytes(4 - len(header) % 4) + content[-48:])
    code = """
from playNano.errors import FileFormatError
from playNano.io.loader import open_movie

try:
    open_movie("wrong.gsf", None)
except FileFormatError as error:
    print(error)
"""
    said = in_process(site, "-c", code, cwd=tmp_path)
    assert "wrong.gsf" in said
    assert words in said


def test_the_examples_are_short_and_clean(site):
    for name, source in blocks().items():
        lines = [line for line in source.splitlines() if line.strip()]
        assert len(lines) <= 45, name
        assert max(map(len, lines)) <= 110, name
