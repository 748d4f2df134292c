import json

import numpy as np
import pandas as pd
import pytest

from playNano.algorithms.measurement.comparison.options import ComparisonOptions
from playNano.analysis.measurement.compare_folders import compare_folders
from playNano.cli.app import run as run_command
from playNano.core.result_folder import sha256_of
from playNano.errors import ParameterError


def write_movie(folder, mean, rng, rate=None, **record):
    """Write the results of a movie: tracks, table of tracks, a rate, and a record."""
    folder.mkdir(parents=True)
    rows = [
        (track, frame, value, track == 0)
        for track, value in enumerate(mean + rng.normal(0, 0.3, 8))
        for frame in range(3 + track)
    ]
    pd.DataFrame(rows, columns=["track_id", "frame", "height_nm", "touches_edge"]).to_csv(
        folder / "tracks.csv", index=False
    )
    durations = pd.DataFrame({"track_id": range(8), "duration_s": rng.exponential(5, 8)})
    durations.to_csv(folder / "track_table.csv", index=False)
    if rate is not None:
        k, events = rate, rate > 0
        row = {
            "model": "exponential", "k_off_1_s": k, "k_off_low_1_s": 0.7 * k, "k_off_high_1_s": 1.4 * k + 0.01,
            "n_events": 8 * events, "exposure_s": 160.0, "n_tracks": 8, "n_detections": 52, "status": "ok",
        }  # fmt: skip
        pd.DataFrame([row]).to_csv(folder / "rates.csv", index=False)
    content = {"record_version": 1, "provenance": {"steps": [], "files": []}, **record}
    (folder / "record.json").write_text(json.dumps(content))


def run(*words):
    """Run the command; return its exit code."""
    with pytest.raises(SystemExit) as end:
        run_command(["compare", *map(str, words)])
    return end.value.code


@pytest.fixture
def folders(tmp_path):
    rng = np.random.default_rng(5)
    for condition, mean in (("A", 5.0), ("B", 6.0)):
        for n in range(3):
            write_movie(tmp_path / condition / f"m{n}", mean + 0.2 * n, rng, 0.05 * mean + 0.01 * n)
    return tmp_path


def test_the_command_writes_tables_figures_and_a_record(folders, capsys):
    out, both = folders / "out", (folders / "A", folders / "B")
    assert run(*both, "-o", out, "--figure-format", "svg") == 0
    printed = capsys.readouterr().out
    assert "3 + 3 movies can never be significant by permutation: the smallest p is 0.1" in " ".join(
        printed.split()
    )
    content = json.loads((out / "compare.json").read_text())
    assert [m["condition"] for m in content["movies"]] == ["A"] * 3 + ["B"] * 3
    assert content["movies"][0]["record_sha256"] == sha256_of(folders / "A" / "m0" / "record.json")
    assert content["parameters"]["unit"] == "movie"
    names = {entry["name"] for entry in content["files"]}
    expected = {
        "movies.csv",
        "conditions.csv",
        "comparison.csv",
        "comparison_height_nm.svg",
        "comparison_k_off_1_s.svg",
    }
    assert expected <= names
    table = pd.read_csv(out / "comparison.csv").set_index("quantity")
    assert table.loc["k_off_1_s", "ratio"] == pytest.approx(1.2, rel=0.05)
    # Tracks that the border cuts have no height, but a duration.
    assert table.loc[["height_nm", "duration_s"], "n_tracks"].tolist() == [42, 48]
    assert run(*both, "-o", out) == 2
    assert run(*both, "-o", out, "--overwrite") == 0
    assert not (out / "comparison_height_nm.svg").exists()


def test_conditions_of_a_batch_with_a_sheet(folders):
    batch = folders / "batch"
    rng = np.random.default_rng(0)
    lines = []
    for n, condition in enumerate(["drug", "control", "drug", "control", ""]):
        write_movie(batch / f"x{n}", 5.0, rng)
        lines.append(f"x{n},x{n}.asd,done,{condition},{n // 2}")
    write_movie(batch / "earlier", 5.0, rng)
    (batch / "batch.json").write_text(json.dumps({"movies": [f"x{n}" for n in range(5)]}))
    (batch / "summary.csv").write_text("movie,file,status,condition,replicate\n" + "\n".join(lines) + "\n")
    compared = compare_folders([batch])
    assert [(m.movie, m.condition, m.replicate) for m in compared.movies] == [
        ("x0", "drug", "0"), ("x1", "control", "0"), ("x2", "drug", "1"), ("x3", "control", "1")
    ]  # fmt: skip
    # Two batches are two conditions, whatever their sheets say.
    assert {m.condition for m in compare_folders([batch, folders / "A"]).movies} == {"batch", "A"}


def test_names_join_folders(folders):
    a, b = folders / "A", folders / "B"
    compared = compare_folders([f"wt={a / 'm0'}", f"wt={a / 'm1'}", f"mutant={b}"])
    assert [m.condition for m in compared.movies] == ["wt", "wt", *["mutant"] * 3]
    assert len({m.movie for m in compared.movies}) == 5


def test_pairs_of_a_sheet(folders):
    sheet = folders / "pairs.csv"
    sheet.write_text("movie,pair\n" + "".join(f"{c}/m{n},{n}\n" for c in "AB" for n in range(3)))
    compared = compare_folders([folders / "A", folders / "B"], pair=sheet)
    assert compared.tables["comparison"]["paired"].all()
    sheet.write_text("movie,pair\nA/m0,1\n")
    with pytest.raises(ParameterError, match="lacks the movie"):
        compare_folders([folders / "A", folders / "B"], pair=sheet)
    sheet.write_text("movie,pair\nm0,1\n")
    with pytest.raises(ParameterError, match="condition/movie"):
        compare_folders([folders / "A", folders / "B"], pair=sheet)
    sheet.write_text("name,pair\nm0,1\n")
    with pytest.raises(ParameterError, match="columns movie and pair"):
        compare_folders([folders / "A", folders / "B"], pair=sheet)


def test_rates_without_events_are_counts(folders):
    rng = np.random.default_rng(9)
    for n in range(3):
        write_movie(folders / "C" / f"m{n}", 5.0, rng, 0.05 if n else 0.0)
    tables = compare_folders([folders / "A", folders / "C"]).tables
    row = tables["conditions"].set_index(["quantity", "condition"]).loc[("k_off_1_s", "C")]
    assert (row["ci_method"], "Poisson" in row["remark"]) == ("profile", True)
    difference = tables["comparison"].set_index("quantity").loc["k_off_1_s"]
    assert difference["ratio_low"] < difference["ratio"] < difference["ratio_high"]


def test_wrong_folders(folders, tmp_path):
    with pytest.raises(ParameterError, match="one condition"):
        compare_folders([folders / "A"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ParameterError, match="contains no results"):
        compare_folders([folders / "A", tmp_path / "empty"])
    with pytest.raises(ParameterError, match="width_nm"):
        compare_folders([folders / "A", folders / "B"], options=ComparisonOptions(columns=("width_nm",)))
    (folders / "A" / "m0" / "tracks.csv").unlink()
    with pytest.raises(ParameterError, match=r"no tracks\.csv"):
        compare_folders([folders / "A", folders / "B"])
