"""``playnano simulate``."""

import numpy as np
import pandas as pd
import pytest

from playNano.cli.app import run
from playNano.io.loader import load_afm_stack
from playNano.simulate.presets import PRESETS


def call(*words):
    with pytest.raises(SystemExit) as stop:
        run(["simulate", *map(str, words)])
    return stop.value.code or 0


@pytest.mark.parametrize("name", ["a.npz", "a.h5", "a.asd"])
def test_what_is_written_can_be_opened(tmp_path, name, capsys):
    options = [
        "--frames",
        3,
        "--size",
        "32x48",
        "--pixel-size-nm",
        "3x2",
        "--frame-time-s",
        0.25,
        "--seed",
        5,
    ]
    assert call("--preset", "DNA binding", *options, "--set", "blank_frames=[1]", "-o", tmp_path / name) == 0
    stack = load_afm_stack(tmp_path / name)
    assert stack.data.shape == (3, 32, 48)
    assert stack.pixel_size_yx_nm == (3.0, 2.0)
    assert stack.get_frame_times()[2] == pytest.approx(0.5)
    assert np.ptp(stack.data[1]) == 0
    truth = pd.read_csv(tmp_path / "a_truth.csv")
    assert truth["frame"].max() == 2
    assert str(truth["particle"].nunique()) + " particles" in capsys.readouterr().out


def test_the_header_version_of_asd(tmp_path):
    words = ["--frames", 1, "--size", 32, "-o", tmp_path / "a.asd", "--asd-version"]
    for version in (0, 1):
        assert call(*words, version) == 0
        assert load_afm_stack(tmp_path / "a.asd").data.shape == (1, 32, 32)
    assert call(*words, 3) != 0


def test_presets_are_listed(capsys):
    assert call("--list") == 0
    said = capsys.readouterr().out
    assert all(name in said for name in PRESETS)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--preset", "mebrane"], "membrane diffusion"),
        (["--size", "axb"], "--size"),
        (["--size", "1x2x3"], "--size"),
        (["--set", "pixl_nm=2"], "pixel_nm"),
        (["--set", "7"], "name=value"),
        (["-o", "a.mp4"], ".npz"),
    ],
)
def test_wrong_options(tmp_path, monkeypatch, words, message, capsys):
    monkeypatch.chdir(tmp_path)
    assert call(*words) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
