"""The report of several movies."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from playNano.cli.app import run as run_command
from playNano.errors import ParameterError
from playNano.report.study import StudyMovie, movies_in, write_study
from playNano.report.study_svg import Dot, dots

HEADLINE = {"name": "D", "unit": "nm2_s", "n": 12, "n_of": "tracks", "status": "ok", "remark": ""}
HOSTILE = '</script><img src=x onerror="window.PWNED=1">'


def write_movie(folder, value, *, warnings=(), report=True, height=5.0):
    """Write what the report of a study reads of the results of a movie."""
    folder.mkdir(parents=True)
    headline = {**HEADLINE, "value": value, "low": value - 1, "high": value + 2}
    steps = [
        {"name": "frame_quality", "kind": "quality", "analysis_key": "step_1_frame_quality", "params": {}},
        {"name": "diffusion", "kind": "measurement", "analysis_key": "step_2_diffusion", "params": {}},
    ]
    record = {
        "environment": {},
        "analysis": {
            "step_1_frame_quality": {"summary": {"usable_frames": 8, "total_frames": 9}},
            "step_2_diffusion": {"summary": {"headlines": [headline]}},
        },
        "provenance": {
            "steps": steps,
            "warnings": list(warnings),
            "command": ["playnano", "analyze", f"{folder.name}.asd"],
            "input": {
                "file": f"{folder.name}.asd",
                "raw": {"name": f"{folder.name}.asd", "sha256": "ab" * 32},
            },
        },
    }
    (folder / "record.json").write_text(json.dumps(record))
    rows = [(t, f, height + 0.1 * t, False) for t in range(6) for f in range(4)]
    pd.DataFrame(rows, columns=["track_id", "frame", "height_nm", "touches_edge"]).to_csv(
        folder / "tracks.csv", index=False
    )
    pd.DataFrame({"track_id": range(6), "duration_s": np.arange(6.0)}).to_csv(
        folder / "track_table.csv", index=False
    )
    if report:
        (folder / "report.html").write_text("a report")
    return folder


@pytest.fixture
def batch(tmp_path):
    """The folder of a batch: four movies in two conditions, and one that failed."""
    folder = tmp_path / "study"
    lines = []
    for k, (condition, value) in enumerate((("A", 3.0), ("A", 4.0), ("B", 7.0), ("B", 8.5))):
        write_movie(
            folder / f"m{k}",
            value,
            warnings=[f"m{k}.asd: doubt {k}"] if k == 2 else [],
            height=5 + value / 10,
        )
        lines.append(
            {"movie": f"m{k}", "file": f"m{k}.asd", "status": "done", "reason": "", "condition": condition}
        )
    lines.append(
        {"movie": "", "file": "lost.asd", "status": "failed", "reason": "no such file", "condition": "B"}
    )
    pd.DataFrame(lines).to_csv(folder / "summary.csv", index=False)
    (folder / "batch.json").write_text(json.dumps({"movies": [f"m{k}" for k in range(4)], "files": []}))
    return folder


def run(*words):
    with pytest.raises(SystemExit) as end:
        run_command(["report", *map(str, words)])
    return end.value.code


def table_of(text):
    import base64
    import io
    import zlib

    content = re.search(r'<script type="text/plain" id="t-0">(.*?)</script>', text)[1]
    return pd.read_csv(io.BytesIO(zlib.decompress(base64.b64decode(content))))


def test_the_command_writes_movies_conditions_and_links(batch, tmp_path):
    out = tmp_path / "out" / "all.html"
    out.parent.mkdir()
    assert run(batch, "-o", out) == 0
    text = out.read_text()
    assert "4 of 5 movies analysed" in text
    assert "lost.asd" in text
    assert "no such file" in text
    assert "doubt 2" in text
    assert 'href="../study/m1/report.html"' in text
    table = table_of(text)
    assert table["movie"].tolist() == ["m0", "m1", "m2", "m3", "lost.asd"]
    np.testing.assert_allclose(table["D_nm2_s"], [3, 4, 7, 8.5, np.nan])
    np.testing.assert_allclose(table["D_low_nm2_s"], [2, 3, 6, 7.5, np.nan])
    np.testing.assert_allclose(table["frames_used"], [8, 8, 8, 8, np.nan])
    assert "Comparison of conditions" in text
    assert "height, B - A: 0.42" in text
    assert "D (nm²/s), a dot a movie." in text


def test_links_lead_to_reports_that_exist(batch, tmp_path):
    from urllib.parse import unquote

    (batch / "m0").rename(batch / "m 0#?")
    movies = [StudyMovie("m 0#?", batch / "m 0#?"), StudyMovie("m1", batch / "m1")]
    (batch / "m1" / "report.html").unlink()
    path = write_study(movies, tmp_path / "r.html", title="t")
    links = re.findall(r'href="([^"#]*report.html)"', path.read_text())
    assert {(tmp_path / unquote(link)).resolve() for link in links} == {
        (batch / "m 0#?" / "report.html").resolve()
    }


def test_the_same_study_gives_the_same_bytes(batch, tmp_path):
    assert run(batch, "-o", tmp_path / "a.html") == run(batch, "-o", tmp_path / "b.html") == 0
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


def test_an_existing_file_is_left(batch, tmp_path, capsys):
    (tmp_path / "mine.html").write_text("mine")
    assert run(batch, "-o", tmp_path / "mine.html") == 2
    assert "exists" in capsys.readouterr().err
    assert (tmp_path / "mine.html").read_text() == "mine"


def test_several_folders_are_one_study(batch, tmp_path):
    assert run(batch / "m0", batch / "m3", "-o", tmp_path / "two.html") == 0
    text = (tmp_path / "two.html").read_text()
    assert "2 of 2 movies analysed" in text
    assert "Comparison of conditions" not in text


def test_a_folder_of_compare_is_reported(batch, tmp_path):
    with pytest.raises(SystemExit):
        run_command(["compare", str(batch), "-o", str(tmp_path / "compared")])
    first = (tmp_path / "compared" / "report.html").read_text()
    assert "height, B - A: 0.42" in first
    assert 'href="../study/m0/report.html"' in first
    assert "report.html" in (tmp_path / "compared" / "compare.json").read_text()
    assert run(tmp_path / "compared", "-o", tmp_path / "again.html") == 0
    assert "height, B - A: 0.42" in (tmp_path / "again.html").read_text()


def test_conditions_that_cannot_be_compared_are_a_remark(batch, tmp_path):
    for k in range(4):
        (batch / f"m{k}" / "tracks.csv").unlink()
    assert run(batch, "-o", tmp_path / "r.html") == 0
    text = (tmp_path / "r.html").read_text()
    assert "the conditions are not compared" in text
    assert "no tracks.csv" in text


def test_hostile_names_are_text(tmp_path):
    folder = write_movie(tmp_path / "m", 2.0, warnings=[HOSTILE])
    movies = [
        StudyMovie(HOSTILE, folder, HOSTILE),
        StudyMovie("b", folder, "x", status="failed", reason=HOSTILE),
    ]
    text = write_study(movies, tmp_path / "r.html", title=HOSTILE, remarks=[HOSTILE]).read_text()
    plain = re.sub(r"<script.*?</script>", "", text, flags=re.S)
    assert "<img" not in plain
    assert "&lt;img src=x" in plain


def test_movies_of_the_same_name_keep_their_own_numbers(tmp_path):
    folders = [write_movie(tmp_path / day / "m1", value) for day, value in (("monday", 3.0), ("friday", 8.0))]
    path = write_study(movies_in(folders), tmp_path / "r.html", title="days")
    text = path.read_text(encoding="utf-8")
    assert "monday/m1: 3 (2 to 5)" in text and "friday/m1: 8 (7 to 10)" in text
    # Two that nothing tells apart are numbered.
    again = [StudyMovie("m", folders[0]), StudyMovie("m", folders[0].parent / "m1")]
    text = write_study(again, tmp_path / "s.html", title="days").read_text(encoding="utf-8")
    assert "monday/m (1): 3" in text and "monday/m (2): 3" in text


def test_results_count_once(tmp_path):
    folder = write_movie(tmp_path / "m1", 3.0)
    with pytest.raises(ParameterError, match="m1 is given twice: a movie counts once"):
        movies_in([folder, tmp_path / "m1" / ".." / "m1"])
    with pytest.raises(ParameterError, match="given twice"):
        movies_in([tmp_path, folder])


def test_a_folder_without_results_is_an_error(tmp_path):
    with pytest.raises(ParameterError, match="contains no results"):
        movies_in([tmp_path])


def test_dots_lie_at_their_values_and_name_their_movies():
    svg = str(dots([Dot("first", "A", 1.0, 0.5, 1.5), Dot("second", "B", 3.0), Dot("third", "B", 2.0)], "D"))
    y = {name: float(y) for name, y in re.findall(r"<title>(\w+):.*?cy=\"([\d.]+)\"", svg)}
    assert y["second"] < y["third"] < y["first"]
    assert (y["first"] + y["second"]) / 2 == pytest.approx(y["third"], abs=0.2)
    assert svg.count("stroke-width") == 1
    assert ">A</text>" in svg


def test_one_wide_interval_does_not_flatten_the_others():
    svg = str(dots([Dot("a", "", 1.0, -1e6, 1e6), Dot("b", "", 2.0, 1.5, 2.5)], "D"))
    y = {name: float(y) for name, y in re.findall(r"<title>(\w+):.*?cy=\"([\d.]+)\"", svg)}
    assert y["a"] - y["b"] > 20
