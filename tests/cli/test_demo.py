"""The demo: the whole job on a movie whose truth is known."""

import pandas as pd

from playNano.cli.app import run
from playNano.cli.demo import recovered_tracks


def test_the_demo_finds_the_tracks_that_are_there(tmp_path, capsys):
    try:
        run(["demo", "-o", str(tmp_path / "demo")])
    except SystemExit as stop:
        assert not stop.code
    said = capsys.readouterr().out
    line = next(text for text in said.splitlines() if "true tracks recovered" in text)
    recovered, true = int(line.split()[0]), int(line.split()[2])
    assert true >= 12
    assert recovered >= 0.85 * true
    for name in (
        "movie.npz",
        "truth.csv",
        "record.json",
        "record.h5",
        "tracks.csv",
        "overview.png",
        "movie.gif",
    ):
        assert (tmp_path / "demo" / name).stat().st_size > 0


def test_a_track_in_two_pieces_is_not_recovered():
    truth = pd.DataFrame({"frame": range(10), "particle": 0, "y_nm": 0.0, "x_nm": 0.0})
    detected = truth.rename(columns={"particle": "track_id"})
    assert recovered_tracks(truth, detected, max_distance_nm=1.0) == (1, 1)
    detected.loc[5:, "track_id"] = 1
    assert recovered_tracks(truth, detected, max_distance_nm=1.0) == (0, 1)
    assert recovered_tracks(truth, detected[:0], max_distance_nm=1.0) == (0, 1)
