"""``playnano curate``, and edits in analyze and batch."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.curation.edits import Edit, Place, read_edits, write_edits
from playNano.analysis.record_file import read_record
from playNano.cli.app import run
from playNano.io.export.asd import write_asd

DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5"
STEPS = f"{DETECT};particle_tracking:max_distance=4;diffusion"


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


@pytest.fixture
def results(make_spots, tmp_path, monkeypatch):
    """Analyse a movie; return the folder of the results."""
    monkeypatch.chdir(tmp_path)
    write_asd(tmp_path / "data" / "m.asd", make_spots()[0], pixel_size_nm=2.0, frame_time_s=0.5)
    assert call("analyze", "data/m.asd", "-s", STEPS, "--no-gif", "-o", "one") == 0
    return tmp_path / "one"


def first_link(folder):
    """Return the places of the first link of a run."""
    rows = pd.read_csv(folder / "tracks.csv").sort_values(["track_id", "frame"]).iloc[:2]
    assert rows["track_id"].iloc[0] == rows["track_id"].iloc[1]
    return [Place(int(r.frame), y_nm=r.y_nm, x_nm=r.x_nm) for r in rows.itertuples()]


def test_edits_give_a_new_folder_that_replays(results, capsys):
    a, b = first_link(results)
    lost = Edit("delete", Place(2, y_nm=1.0, x_nm=1.0), reason="a streak")
    write_edits("edits.csv", [Edit("break", a, b, "ada"), lost])
    before = {path.name: path.read_bytes() for path in results.iterdir()}
    assert call("curate", results, "--edits", "edits.csv", "--no-gif") == 0
    assert {path.name: path.read_bytes() for path in results.iterdir()} == before
    said = capsys.readouterr()
    n_links = len(pd.read_csv(results / "links.csv"))
    assert f"1 link edited of {n_links}" in said.out
    assert "1 of 2 edits do not match" in said.err and "delete in frame 2" in said.err
    folder = results.with_name("one_curated")
    # The tables under the plain names are those after the edits.
    assert len(pd.read_csv(folder / "links.csv")) == n_links - 1
    assert len(pd.read_csv(folder / "links_step_2.csv")) == n_links
    pd.testing.assert_frame_equal(
        pd.read_csv(folder / "tracks_step_2.csv"), pd.read_csv(results / "tracks.csv")
    )
    listed = pd.read_csv(folder / "curation.csv", keep_default_na=False)
    assert listed["status"].tolist() == ["applied", "no match"]
    assert listed["author"].tolist() == ["ada", ""] and listed["reason"].tolist() == ["", "a streak"]
    measured = set(pd.read_csv(folder / "track_diffusion.csv")["track_id"])
    assert measured >= set(pd.read_csv(folder / "tracks.csv")["track_id"])
    assert call("replay", folder) == 0 and call("verify", folder) == 0
    assert "identical" in capsys.readouterr().out
    assert read_record(folder)["provenance"]["warnings"][-1].startswith("m.asd: curation: 1 of 2 edits")
    # pipeline.yaml contains the edits, and needs no other file.
    (results.parent / "edits.csv").unlink()
    assert call("analyze", "data/m.asd", "-p", folder / "pipeline.yaml", "--no-gif", "-o", "again") == 0
    assert (results.parent / "again" / "tracks.csv").read_bytes() == (folder / "tracks.csv").read_bytes()


def test_edits_of_a_curated_run_are_kept_unless_anew(results):
    a, b = first_link(results)
    write_edits("one.csv", [Edit("break", a, b)])
    write_edits("two.csv", [Edit("unusable", Place(4))])
    assert call("curate", results, "-e", "one.csv", "--no-gif") == 0
    assert call("curate", "one_curated", "-e", "two.csv", "-o", "both", "--no-gif") == 0
    # The table of a run is a file of edits as well, to which lines can be added.
    assert call("curate", "both", "-e", "both/curation.csv", "-o", "same", "--no-gif") == 0
    assert call("curate", "both", "-e", "two.csv", "--anew", "-o", "anew", "--no-gif") == 0
    kinds = {name: [e.kind for e in read_edits(f"{name}/curation.csv")] for name in ("both", "same", "anew")}
    assert kinds == {"both": ["break", "unusable"], "same": ["break", "unusable"], "anew": ["unusable"]}
    assert Path("both/tracks.csv").read_bytes() == Path("same/tracks.csv").read_bytes()


def test_doubtful_links_and_their_template(results, capsys):
    capsys.readouterr()
    assert call("curate", results, "--doubtful", 3, "--template", "doubts.csv") == 0
    said = capsys.readouterr().out
    links = pd.read_csv(results / "links.csv").sort_values("confidence", kind="stable")
    assert f"3 of {len(links)} links" in said and "confidence" in said
    with Path("doubts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(r["confidence"]) for r in rows] == pytest.approx(links["confidence"].tolist()[:3], abs=6e-4)
    tracks = pd.read_csv(results / "tracks.csv")
    for row in rows:
        for prefix in ("", "to_"):
            places = tracks[tracks["frame"] == int(row[f"{prefix}frame"])]
            distance = np.hypot(
                places["y_nm"] - float(row[f"{prefix}y_nm"]), places["x_nm"] - float(row[f"{prefix}x_nm"])
            )
            assert distance.min() < 1e-3
            assert len(row[f"{prefix}y_nm"].partition(".")[2]) <= 3  # a person reads this file
    assert read_edits("doubts.csv") == []  # nothing is decided yet
    assert call("curate", results, "-e", "doubts.csv", "--no-gif") == 2
    assert "doubts.csv: there is no edit in it" in capsys.readouterr().err
    filled = Path("doubts.csv").read_bytes()
    assert call("curate", results, "--doubtful", 1, "--template", "doubts.csv") == 2
    assert "doubts.csv exists, perhaps with edits" in capsys.readouterr().err
    assert Path("doubts.csv").read_bytes() == filled
    for row, kind in zip(rows, ("break", "confirm", ""), strict=True):
        row["edit"] = kind
    with Path("doubts.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    assert call("curate", results, "-e", "doubts.csv", "--no-gif") == 0
    assert "1 link edited of" in capsys.readouterr().out
    capsys.readouterr()
    assert call("curate", "one_curated", "--doubtful", 100) == 0
    assert f"{len(links) - 2} of {len(links) - 1} links" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give either --edits FILE, or --doubtful NUMBER"),
        (("-e", "e.csv", "--doubtful", "3"), "give either"),
        (("-e", "e.csv", "--template", "t.csv"), "--template goes with --doubtful"),
        (("-e", "e.csv", "-o", "one"), "give another folder with -o"),
        (("-e", "none.csv"), "none.csv"),
        (("-e", "bad.csv"), "bad.csv, line 2: edit must be one of"),
    ],
)
def test_wrong_calls(results, capsys, words, message):
    write_edits("e.csv", [Edit("unusable", Place(1))])
    Path("bad.csv").write_text("edit,frame\nspoil,3\n")
    assert call("curate", results, *words) == 2
    assert message in capsys.readouterr().err
    assert not results.with_name("one_curated").exists()


def test_results_without_tracks(results, capsys):
    assert call("analyze", "data/m.asd", "-s", DETECT, "--no-gif", "-o", "detected") == 0
    write_edits("e.csv", [Edit("unusable", Place(1))])
    assert call("curate", "detected", "-e", "e.csv") == 2
    assert "no tracking among the steps: add particle_tracking" in capsys.readouterr().err
    assert call("curate", "detected", "--doubtful", 3) == 2


def test_analyze_with_edits(results, capsys):
    write_edits("e.csv", [Edit("unusable", Place(1))])
    assert call("analyze", "data/m.asd", "-s", STEPS, "--edits", "e.csv", "--no-gif", "-o", "two") == 0
    assert "1 frame marked unusable" in capsys.readouterr().out
    steps = f"{DETECT};particle_tracking:max_distance=4;curation:edits=e.csv;diffusion"
    assert call("analyze", "data/m.asd", "-s", steps, "--no-gif", "-o", "three") == 0
    for name in ("tracks.csv", "track_diffusion.csv", "curation.csv"):
        assert Path("two", name).read_bytes() == Path("three", name).read_bytes()
    assert call("analyze", "data/m.asd", "--edits", "e.csv", "--no-gif", "-o", "four") == 0
    assert "1 frame marked unusable" in capsys.readouterr().out


def test_a_sheet_names_the_edits_of_each_movie(results, tmp_path, capsys):
    write_edits(tmp_path / "data" / "e.csv", [Edit("unusable", Place(1))])
    (tmp_path / "data" / "n.asd").write_bytes((tmp_path / "data" / "m.asd").read_bytes())
    (tmp_path / "data" / "o.asd").write_bytes((tmp_path / "data" / "m.asd").read_bytes())
    sheet = tmp_path / "data" / "sheet.csv"
    sheet.write_text("file,condition,edits\nm.asd,a,e.csv\nn.asd,b,\no.asd,b,none.csv\n")
    assert call("batch", sheet, "-s", STEPS, "-o", "all") == 1
    summary = pd.read_csv("all/summary.csv", keep_default_na=False)
    assert summary["status"].tolist() == ["done", "done", "failed"]
    assert "edits" in summary["reason"].iloc[2] and "none.csv" in summary["reason"].iloc[2]
    assert pd.read_csv("all/curation.csv")["movie"].tolist() == ["m"]
    tracks = pd.read_csv("all/tracks.csv")
    assert 1 not in set(tracks[tracks["movie"] == "m"]["frame"])
    assert 1 in set(tracks[tracks["movie"] == "n"]["frame"])
    assert "edits" not in tracks.columns
    # Other edits are another pipeline; the same ones are not run again.
    assert call("batch", sheet, "-s", STEPS, "-o", "all", "--resume") == 1
    assert pd.read_csv("all/summary.csv")["status"].tolist() == ["done before", "done before", "failed"]
    write_edits(tmp_path / "data" / "e.csv", [Edit("unusable", Place(2))])
    assert call("batch", sheet, "-s", STEPS, "-o", "all", "--resume") == 1
    assert pd.read_csv("all/summary.csv")["status"].tolist() == ["done", "done before", "failed"]
