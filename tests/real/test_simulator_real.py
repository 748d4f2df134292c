"""A movie simulated to resemble a real one has its noise and its line offsets."""

import os
from pathlib import Path

import numpy as np
import pytest
from benchmarks.simulator import sbccd_like, texture

from playNano.io.loader import load_afm_stack

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


def test_statistics_within_fifteen_per_cent():
    path = DATA / "asd" / "sbccd_v1.asd"
    if not path.exists():
        pytest.skip(f"no real data at {path}; set PLAYNANO_TEST_DATA to the folder that holds them")
    real = texture(np.asarray(load_afm_stack(path, channel="TP").data[:60]))
    ours = texture(sbccd_like(60))
    # The fraction of background is not a statistic of the noise.
    names = [name for name in real if name != "fraction of background"]
    assert len(names) == 10
    assert {n: ours[n] for n in names} == pytest.approx({n: real[n] for n in names}, rel=0.15)
