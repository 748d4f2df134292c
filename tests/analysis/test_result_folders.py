"""Results of different pipelines are no comparison of conditions, and are named."""

from __future__ import annotations

from pathlib import Path

from playNano.analysis.measurement.result_folders import MovieResults, pipelines_that_differ

FIRST = "processing:\n- level: {}\nanalysis:\n- feature_detection: {}\n"


def _movies(folder: Path, *texts: str) -> list[MovieResults]:
    movies = []
    for number, text in enumerate(texts):
        (folder / f"m{number}").mkdir()
        (folder / f"m{number}" / "pipeline.yaml").write_text(text)
        movies.append(MovieResults(folder / f"m{number}", f"m{number}"))
    return movies


def test_movies_of_different_pipelines_are_named(tmp_path: Path) -> None:
    said = pipelines_that_differ(_movies(tmp_path, FIRST, FIRST, FIRST.replace("level", "remove_plane")))
    assert "2 different pipelines (m0, m1 | m2)" in said


def test_comments_frames_and_rectangles_are_no_difference(tmp_path: Path) -> None:
    part = FIRST.replace("- level", "- select_frames: {frames: '3:9'}\n- level")
    assert pipelines_that_differ(_movies(tmp_path, FIRST, "# threshold 0.4 nm\n" + FIRST, part)) == ""
    assert pipelines_that_differ([MovieResults(tmp_path / "none", "none")]) == ""
