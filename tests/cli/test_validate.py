"""``playnano validate``, with little effort."""

import html
import json
import shutil
from hashlib import sha256
from pathlib import Path

import pytest

from playNano.cli import validate as of
from playNano.cli.app import run
from playNano.errors import RecordError
from playNano.simulate import simulate_movie
from playNano.simulate.save import save_movie
from playNano.validate import Effort, validation

LEVEL = "remove_plane;row_median_align"
DETECT = "feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=8"


pytestmark = pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")


@pytest.fixture(autouse=True)
def little(monkeypatch):
    monkeypatch.setattr(validation, "QUICK", Effort(1, 14, (1.0,)))


@pytest.fixture(scope="module")
def movie(tmp_path_factory):
    path = tmp_path_factory.mktemp("movie") / "m.npz"
    save_movie(simulate_movie(14, (64, 64), n_particles=6, seed=3), path)
    return path


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


def test_a_movie_and_steps(movie, tmp_path, capsys):
    words = ["--process", LEVEL, "--steps", DETECT, "--quick", "--density", "1.5", "-o", tmp_path / "v"]
    assert call("validate", movie, *words) == 0
    said = capsys.readouterr().out
    assert "1.5 times as dense" in said
    assert "recall" in said
    assert "sensitive: feature_detection" in said
    assert json.loads((tmp_path / "v" / "validate.json").read_text())["replanted"]["n_copies"] == 1
    assert (tmp_path / "v" / "validate.png").stat().st_size > 10_000


def test_a_record_names_its_movie_and_pipeline(movie, tmp_path, capsys):
    made = tmp_path / "made"
    assert call("analyze", movie, "--process", LEVEL, "-s", DETECT, "-o", made, "--no-gif") == 0
    assert call("validate", made, "--quick", "-o", tmp_path / "v") == 0
    written = json.loads((tmp_path / "v" / "validate.json").read_text())
    assert written["pipeline"][0]["feature_detection"]["threshold"] == 1.5
    capsys.readouterr()
    text = (made / "record.json").read_text()
    (made / "record.json").write_text(text.replace("m.npz", "gone.npz"))
    assert call("validate", made / "record.json", "--quick", "-o", tmp_path / "w") == 2
    assert "gone.npz" in capsys.readouterr().err


def test_by_default_the_scores_are_among_the_results_where_the_report_finds_them(
    movie, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    tracked = f"{DETECT};particle_tracking"
    assert call("analyze", movie, "--process", LEVEL, "-s", tracked, "-o", "made", "--no-gif") == 0
    edits = "edit,frame,y_nm,x_nm\nunusable,3,,\n"
    Path("edits.csv").write_text(edits)
    assert call("curate", "made", "--edits", "edits.csv", "--no-gif") == 0
    assert call("validate", "made_curated", "--quick") == 0
    said = capsys.readouterr().out
    assert "1 copy)" in said
    assert "edits of the tracks by hand are left out" in said
    written = json.loads(Path("made_curated/validation/validate.json").read_text())
    assert [name for step in written["pipeline"] for name in step] == [
        "feature_detection",
        "particle_tracking",
    ]
    assert written["record_sha256"] == sha256(Path("made_curated/record.json").read_bytes()).hexdigest()
    assert call("verify", "made_curated") == 0
    assert call("report", "made_curated", "-o", "r.html") == 0
    text = Path("r.html").read_text()
    assert "Status" in text
    assert written["scores"]["recall"]["reason"].split("; ")[0] in html.unescape(text)
    assert "edits of the tracks by hand are left out" in text
    assert "written anew" not in text


def test_without_a_record_there_is_a_folder_of_its_own(movie, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call("validate", movie, "--process", LEVEL, "--steps", DETECT, "--quick") == 0
    assert json.loads(Path("playnano_validate/validate.json").read_text())["record_sha256"] is None


@pytest.mark.parametrize("named", ["gone/m.npz", "m.npz", "in/m.npz", "absolute"])
def test_a_record_finds_its_movie(movie, tmp_path, monkeypatch, named):
    """The movie is where the record says, or relative to the record's folder, or beside the record."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "moved"
    here = folder / "in" / "m.npz" if named == "in/m.npz" else folder / "m.npz"
    here.parent.mkdir(parents=True)
    shutil.copy(movie, here)
    record = {
        "provenance": {
            "input": {
                "file": str(tmp_path / "gone" / "m.npz") if named == "absolute" else named,
                "channel": "c",
            },
            "processing": [{"index": 1, "name": "remove_plane", "kind": "filter", "params": {}}],
            "steps": [{"index": 1, "name": "count_nonzero", "kind": "measurement", "params": {}}],
        }
    }
    (folder / "record.json").write_text(json.dumps(record))
    for path in (folder, folder / "record.json"):
        file, plan = of.movie_and_plan(path)
        assert file.resolve() == here
        assert plan.input == {"channel": "c"}
        assert [call.name for call in plan.processing + plan.analysis] == ["remove_plane", "count_nonzero"]
    here.unlink()
    with pytest.raises(RecordError, match="does not exist"):
        of.movie_and_plan(folder)


def test_another_movie_of_the_same_name_is_refused(movie, tmp_path, capsys):
    own = tmp_path / "m.npz"
    shutil.copy(movie, own)
    made = tmp_path / "made"
    assert call("analyze", own, "-s", "count_nonzero", "-o", made, "--no-gif") == 0
    save_movie(simulate_movie(14, (64, 64), n_particles=6, seed=4), own)
    capsys.readouterr()
    assert call("validate", made, "--quick", "-o", tmp_path / "v") == 2
    assert "is not the movie of" in capsys.readouterr().err
    assert not (tmp_path / "v").exists()


def test_no_record(tmp_path, capsys):
    (tmp_path / "a.json").write_text("[1]")
    assert call("validate", tmp_path / "a.json", "-o", tmp_path) == 2
    assert "not a record" in capsys.readouterr().err
