"""``playnano batch SHEET``: movies with conditions, channels and frames; wrong rows are reported, the rest runs."""

import csv

import numpy as np
import pandas as pd
import pytest
import yaml

from playNano.cli.app import run
from playNano.cli.batch_sheet import carried, read_sheet
from playNano.core.serialize import read_record_json
from playNano.io.export.asd import write_asd
from playNano.io.export.numpy_files import write_npz

STEPS = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5;particle_tracking:max_distance=4"


@pytest.fixture
def movies(make_spots, tmp_path):
    for name, seed in (("one", 1), ("two", 2)):
        write_asd(
            tmp_path / "in" / f"{name}.asd", make_spots(seed=seed)[0], pixel_size_nm=2.0, frame_time_s=0.5
        )
    return tmp_path


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


def written(folder, text, encoding="utf-8", name="sheet.csv"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


def in_batch(folder, text, *more):
    return call("batch", written(folder, text), "-s", STEPS, "-o", folder / "out", *more)


def summary(folder):
    return pd.read_csv(folder / "out" / "summary.csv", keep_default_na=False)


def test_columns_of_the_sheet_are_in_the_tables(movies, capsys):
    text = "file,condition,replicate,buffer,y\nin/one.asd,wild type,1,pH 7,a\nin/two.asd,mutant,2,,b\n"
    assert in_batch(movies, text) == 0
    assert "movie 2 of 2" in capsys.readouterr().out
    table = summary(movies)
    assert table["movie"].tolist() == ["one", "two"]
    assert table["condition"].tolist() == ["wild type", "mutant"]
    assert table["replicate"].tolist() == [1, 2]
    assert table["buffer"].tolist() == ["pH 7", ""]
    for name in ("features.csv", "tracks.csv"):
        joined = pd.read_csv(movies / "out" / name)
        assert joined.columns[:5].tolist() == ["movie", "condition", "replicate", "buffer", "sheet_y"]
        of_two = joined[joined["movie"] == "two"]
        assert set(of_two["condition"]) == {"mutant"}
        assert set(of_two["sheet_y"]) == {"b"}
        part = pd.read_csv(movies / "out" / "two" / name)
        np.testing.assert_array_equal(of_two["y"], part["y"])


def test_wrong_rows_are_reported_and_the_rest_runs(movies, capsys):
    rows = [
        "file,condition,frames",
        "in/one.asd,a,",
        "in/onee.asd,a,",
        ",a,",
        "in/two.asd,b,3:6",
        "",
        "in/one.asd,a,",
        "in/two.asd,b,0-99",
        "in/two.asd,b,1-2,more",
        "no/two.asd,b,",
        "in/two.asd,b,4-2",
    ]
    assert in_batch(movies, "\n".join(rows)) == 1
    said = capsys.readouterr().err
    for line, reason in (
        (3, "there is no file .*onee.asd; did you mean 'one.asd'"),
        (4, "no file is given"),
        (5, "write the first and the last frame, counted from 0, as 20-60"),
        (7, "the same movie as in line 2"),
        (9, "4 cells, but 3 columns"),
        (10, "there is no folder"),
        (11, "write the first"),
    ):
        assert pd.Series(said.splitlines()).str.contains(f"sheet.csv, line {line}: .*{reason}").any(), line
    table = summary(movies)
    assert table["status"].tolist() == ["done", *["failed"] * 8]
    assert "has 6 frames, 0 to 5; the pipeline is for frames 0 to 99" in table["reason"][5]
    assert pd.read_csv(movies / "out" / "tracks.csv")["movie"].unique().tolist() == ["one"]


def test_rows_that_contradict_each_other_are_not_run(movies, capsys):
    text = "file,condition\nin/one.asd,a\nin/two.asd,b\nin/../in/one.asd,b\n"
    assert in_batch(movies, text) == 1
    assert summary(movies)["status"].tolist() == ["failed", "done", "failed"]
    said = capsys.readouterr().err
    assert "line 2: the same movie as in line 4, with other values" in said
    assert "line 4: the same movie as in line 2, with other values" in said


def test_channel_and_frames_of_a_row(movies, make_stack, capsys):
    stack = make_stack()
    stack.channel = "other"
    write_npz(stack, movies / "in" / "other.npz")
    text = "file;channel;frames\nin/one.asd;;2-4\nin/one.asd;TP;1-\nin/other.npz;nothing;\nin/two.asd;;\n"
    assert in_batch(movies, text) == 1
    table = summary(movies)
    assert table["status"].tolist() == ["done", "done", "failed", "done"]
    assert "nothing" in table["reason"][2]
    for name, first, count in ((table["movie"][0], 2, 3), (table["movie"][1], 1, 5), ("two", 0, 6)):
        folder = movies / "out" / name
        expected = {"first": first, "step": 1, "count": count, "of": 6}
        assert read_record_json(folder / "record.json")["provenance"]["input"]["frames"] == expected
        assert yaml.safe_load((folder / "pipeline.yaml").read_text())["input"]["frames"] == expected
        capsys.readouterr()
        assert call("replay", folder) == 0
        assert "identical" in capsys.readouterr().out
    assert read_record_json(folder.parent / table["movie"][1] / "record.json")["provenance"]["input"][
        "requested_channel"
    ] == ("TP")


def test_resume_minds_the_frames_and_not_the_condition(movies):
    text = "file,condition,frames\nin/one.asd,a,1-4\nin/two.asd,b,\n"
    assert in_batch(movies, text) == 0
    assert in_batch(movies, text.replace("asd,a", "asd,c").replace("1-4", "1-3"), "--resume") == 0
    assert summary(movies)["status"].tolist() == ["done", "done before"]
    assert in_batch(movies, text.replace("asd,b", "asd,d"), "--resume") == 0
    assert summary(movies)["status"].tolist() == ["done", "done before"]
    joined = pd.read_csv(movies / "out" / "tracks.csv")
    assert set(joined["condition"]) == {"a", "d"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("before", ["", "sep={}\r\n"])
def test_sheets_as_spreadsheets_write_them(movies, encoding, mark, before):
    (movies / "in" / "für.asd").write_bytes((movies / "in" / "one.asd").read_bytes())
    rows = [
        ["File", "Condition", "note"],
        ["in/für.asd", "5 µM", "a"],
        ["in\\two.asd", '"x, y;\tz"', ""],
        [""] * 3,
    ]
    text = before.format(mark) + "".join(mark.join(row) + "\r\n" for row in rows)
    sheet = read_sheet(written(movies, text, encoding), movies / "out")
    assert sheet.columns == ["file", "condition", "note"]
    assert [row.problem for row in sheet.rows] == ["", ""]
    assert [row.values["condition"] for row in sheet.rows] == ["5 µM", "x, y;\tz"]
    assert [row.line for row in sheet.rows] == ([3, 4] if before else [2, 3])
    assert [row.file.name for row in sheet.rows] == ["für.asd", "two.asd"]
    assert ("Windows-1252" in " ".join(sheet.doubts)) == (encoding == "cp1252")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("movie,condition\na.asd,b\n", "needs a column 'file'; its columns are 'movie', 'condition'"),
        ("file,chanel\na.asd,b\n", "the column 'chanel' is nearly 'channel'"),
        ("file,x,x\na.asd,b,c\n", "two columns are called 'x'"),
        ("file,,x\na.asd,b,c\n", "a column has no name"),
        ("file,x\n,\n", "the sheet has no movies"),
        ("", "needs a column 'file'; its columns are missing"),
    ],
)
def test_sheets_that_are_refused(movies, text, reason, capsys):
    assert in_batch(movies, text) == 2
    assert reason in capsys.readouterr().err
    assert not (movies / "out").exists()


def test_a_sheet_stands_alone(movies, capsys):
    sheet = written(movies, "file\nin/one.asd\n")
    assert call("batch", sheet, movies / "in" / "two.asd", "-s", STEPS, "-o", movies / "out") == 2
    assert "give it alone" in capsys.readouterr().err


def test_what_is_probably_a_mistake_is_said(movies):
    text = "file,condition,replicate\nin/one.asd,Ctrl,1\nin/two.asd,ctrl ,\nin/x.asd,,2\n"
    doubts = " | ".join(read_sheet(written(movies, text), movies / "out").doubts)
    assert "no condition in line 4" in doubts
    assert "no replicate in line 3" in doubts
    assert "line 3: condition 'ctrl' beside 'Ctrl'" in doubts


def test_movies_in_the_folder_of_the_results(movies):
    sheet = read_sheet(written(movies, "file\nin/one.asd\n"), movies / "in")
    assert "is in the folder of the results" in sheet.rows[0].problem


def test_names_of_columns_of_the_summary(movies):
    assert in_batch(movies, "file,status,movie\nin/one.asd,good,m1\n") == 0
    with (movies / "out" / "summary.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert (row["status"], row["sheet_status"], row["sheet_movie"]) == ("done", "good", "m1")
    assert carried({"file": "a", "x": "1"}, []) == {"x": "1"}


def test_a_sheet_that_is_not_there(tmp_path, capsys):
    assert call("batch", tmp_path / "sheet.csv", "-s", STEPS, "-o", tmp_path / "out") == 2
    assert "there is no file" in capsys.readouterr().err
