"""RO-Crates of results: files, description, and what is refused."""

import hashlib
import json
import shutil
import sys
import zipfile

import pytest
from rocrate.rocrate import ROCrate

from playNano.analysis import crate
from playNano.analysis.crate import METADATA, write_crate
from playNano.analysis.crate_entities import author_of, file_properties, licence_of, period_of
from playNano.analysis.replay import verify_record
from playNano.cli.app import run
from playNano.errors import MissingInputError, ParameterError, PlayNanoWarning, RecordError
from playNano.io.export.asd import write_asd

STEPS = "feature_detection:mask_fn=mask_threshold,threshold=1,min_size=5;particle_tracking:max_distance=4"
ADA = "Ada Lovelace <https://orcid.org/0000-0002-1694-233X>"


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run([str(word) for word in words])
    return stop.value.code or 0


@pytest.fixture(scope="module")
def analysed(tmp_path_factory):
    """A folder with a movie and the results of its analysis."""
    import numpy as np

    folder = tmp_path_factory.mktemp("crate")
    heights = np.zeros((4, 24, 24), np.float32)
    for frame in range(4):
        heights[frame, 4:8, 4 + frame : 8 + frame] = 5.0
        heights[frame, 14:18, 10:14] = 4.0
    write_asd(folder / "my movie.asd", heights, pixel_size_nm=2.0, frame_time_s=0.5)
    words = ("--process", "zero_median", "-s", STEPS, "--no-gif", "-o", folder / "out")
    assert call("analyze", folder / "my movie.asd", *words) == 0
    return folder


@pytest.fixture
def folder(analysed, tmp_path):
    """A copy of the folder, in which the movie has another absolute path."""
    shutil.copytree(analysed, tmp_path / "work")
    return tmp_path / "work"


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def test_a_crate_is_read_back(folder, tmp_path):
    target = write_crate(
        folder / "out", tmp_path / "c", with_movie=True, licence="cc-by-4.0", authors=[ADA, "B. Author"]
    )
    read = ROCrate(target)
    assert read.version == "1.1"
    files = {entity["name"]: entity for entity in read.data_entities}
    assert set(files) == {path.name for path in (folder / "out").iterdir()} | {"my movie.asd"}
    for name, entity in files.items():
        content = (target / name).read_bytes()
        assert (entity["sha256"], entity["contentSize"]) == (sha256(content), str(len(content)))
    assert files["tracks.csv"]["encodingFormat"] == "text/csv"
    action = read.get("#run")
    assert read.root_dataset["mentions"] is action
    assert action["object"] is files["my movie.asd"]
    assert {entity["name"] for entity in action["result"]} == set(files) - {"my movie.asd"}
    assert action["startTime"] <= action["endTime"]
    assert action["description"].startswith("playnano analyze ")
    record = json.loads((folder / "out" / "record.json").read_text())
    assert action["instrument"]["softwareVersion"] == record["environment"]["playNano_version"]
    assert read.license.id == "https://creativecommons.org/licenses/by/4.0/"
    assert [(a.type, a["name"]) for a in read.root_dataset["author"]] == [
        ("Person", "Ada Lovelace"),
        ("Person", "B. Author"),
    ]
    assert "4 frames analysed, 24 x 24 px, 2 x 2 nm" in files["my movie.asd"]["description"]
    # The folder is that of a run, too: its movie lies next to the record.
    shutil.rmtree(folder)
    assert verify_record(target) == []
    assert call("replay", target) == 0


def test_a_zip_file_without_the_movie(folder, tmp_path, monkeypatch):
    (tmp_path / "None").mkdir()
    (tmp_path / "None" / "private.txt").write_text("not of the run")
    monkeypatch.chdir(tmp_path)
    movie = (folder / "my movie.asd").read_bytes()
    assert call("crate", folder / "out", "--license", "https://example.org/terms", "--title", "T") == 0
    target = folder / "out.crate.zip"
    with zipfile.ZipFile(target) as archive:
        assert archive.testzip() is None
        assert set(archive.namelist()) == {path.name for path in (folder / "out").iterdir()} | {METADATA}
    read = ROCrate(target)
    reference = read.get("#run")["object"]
    assert (reference.id, reference.type) == ("#movie", "MediaObject")
    assert (reference["name"], reference["sha256"]) == ("my movie.asd", sha256(movie))
    assert reference["contentSize"] == str(len(movie))
    assert (read.name, read.license.id) == ("T", "https://example.org/terms")
    assert call("crate", folder / "out") == 2
    assert call("crate", folder / "out", "--overwrite") == 0


def test_changed_files_are_refused(folder, capsys):
    table = folder / "out" / "tracks.csv"
    table.write_text(table.read_text().replace("1", "2", 1))
    with pytest.raises(RecordError, match=r"tracks\.csv was changed"):
        write_crate(folder / "out")
    (folder / "out" / "tracks.csv").unlink()
    assert call("crate", folder / "out") == 2
    assert "tracks.csv is missing" in capsys.readouterr().err
    assert not (folder / "out.crate.zip").exists()


def test_the_movie_is_compared(folder, tmp_path):
    (folder / "my movie.asd").rename(folder / "moved.asd")
    record = folder / "out" / "record.json"
    content = json.loads(record.read_text())
    content["provenance"]["input"]["raw"]["path"] = content["provenance"]["input"]["file"] = "/gone/my.asd"
    record.write_text(json.dumps(content))
    with pytest.warns(PlayNanoWarning, match="its checksum was not compared"):
        write_crate(record)
    with pytest.raises(MissingInputError, match="does not exist; give the movie"):
        write_crate(record, tmp_path / "c", with_movie=True)
    write_crate(record, tmp_path / "c", movie=folder / "moved.asd", with_movie=True)
    assert (tmp_path / "c" / "my.asd").exists() is False
    assert (tmp_path / "c" / "my movie.asd").exists()
    (folder / "moved.asd").write_bytes(b"another one")
    with pytest.raises(RecordError, match="is not the movie of"):
        write_crate(record, tmp_path / "d", movie=folder / "moved.asd")
    assert not (tmp_path / "d").exists()


def test_targets_that_are_refused(folder, tmp_path):
    for target in (folder / "out" / "c.zip", folder / "out", folder):
        with pytest.raises(ParameterError, match="lies in the folder of results"):
            write_crate(folder / "out", target, overwrite=True)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "kept.txt").write_text("kept")
    (tmp_path / "mine.zip").write_text("no zip file")
    (tmp_path / "text").write_text("kept")
    for name in ("mine", "mine.zip", "text"):
        with pytest.raises(FileExistsError, match="is not an RO-Crate"):
            write_crate(folder / "out", tmp_path / name, overwrite=True)
        with pytest.raises(FileExistsError, match="exists; give another name"):
            write_crate(folder / "out", tmp_path / name)
    write_crate(folder / "out", tmp_path / "c")
    write_crate(folder / "out", tmp_path / "c", overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c", "mine", "mine.zip", "text", "work"]
    assert (tmp_path / "mine" / "kept.txt").exists()


def test_a_run_that_wrote_its_movie(tmp_path):
    assert call("demo", "-o", tmp_path / "demo") == 0
    read = ROCrate(write_crate(tmp_path / "demo", tmp_path / "c", with_movie=True))
    action = read.get("#run")
    assert action["object"].id == "movie.npz"
    assert "movie.npz" not in {entity.id for entity in action["result"]}
    assert read.license.startswith("No licence is given")


def test_a_processed_movie_in_a_folder(folder, tmp_path):
    words = ("-s", "zero_mean", "--zarr", "--no-gif", "-o", folder / "zarr")
    assert call("process", folder / "my movie.asd", *words) == 0
    target = write_crate(folder / "zarr", tmp_path / "c.zip")
    entity = ROCrate(target).get("processed.ome.zarr/")
    assert (entity.type, entity["description"]) == ("Dataset", "Processed movie, OME-Zarr")
    with zipfile.ZipFile(target) as archive:
        assert any(name.startswith("processed.ome.zarr/0/c/") for name in archive.namelist())


def test_a_movie_with_the_name_of_a_result(folder, tmp_path):
    assert call("process", folder / "my movie.asd", "-s", "zero_mean", "--no-gif", "-o", folder / "one") == 0
    movie = folder / "one" / "processed.h5"
    assert call("process", movie, "-s", "zero_mean", "--no-gif", "-o", folder / "two") == 0
    target = write_crate(folder / "two", tmp_path / "c", with_movie=True)
    assert ROCrate(target).get("#run")["object"].id == "movie/processed.h5"
    assert (target / "movie" / "processed.h5").read_bytes() == movie.read_bytes()
    assert (target / "processed.h5").read_bytes() == (folder / "two" / "processed.h5").read_bytes()


def test_without_the_library(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "rocrate.rocrate", None)
    with pytest.raises(ParameterError, match=r'RO-Crates need `pip install "playNano\[crate\]"`'):
        crate.write_crate(folder / "out")


@pytest.mark.parametrize("text", ["", "<0000-0002-1825-0097>", "A <0000-0002-1825-0098>", "A <b>", "A <x> y"])
def test_wrong_authors(text, folder):
    with pytest.raises(ParameterError, match="author"):
        write_crate(folder / "out", authors=[text])


def test_authors_and_licences():
    assert author_of("A B <0000-0002-1694-233X>")["@id"] == "https://orcid.org/0000-0002-1694-233X"
    assert author_of("Ábel, C.") == {"@id": "#%C3%81bel%2C%20C.", "name": "Ábel, C."}
    with pytest.raises(ParameterError, match="given twice"):
        crate.Description(authors=["A B", " A B"])
    with pytest.raises(ParameterError, match=r"one of CC0-1\.0, CC-BY-4\.0"):
        licence_of("CC-BY")


def test_properties_of_files():
    entry = {"name": "tracks_step_3.csv", "bytes": 3, "sha256": "a"}
    assert file_properties(entry) == {
        "name": "tracks_step_3.csv",
        "description": "Tracks: one row per detection, with its track",
        "contentSize": "3",
        "sha256": "a",
        "encodingFormat": "text/csv",
    }
    assert file_properties({"name": "x.asd", "bytes": None, "sha256": None}) == {
        "name": "x.asd",
        "encodingFormat": "application/octet-stream",
    }
    assert period_of([]) is None
