"""Channels of real files that are not heights."""

import os
import re
from pathlib import Path

import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.errors import PlayNanoWarning

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


@pytest.mark.parametrize(
    ("name", "channel", "suffix"),
    [
        ("sample.h5-jpk", "phase_trace", "deg"),
        ("cases/nosens.spm", "Height", "V"),
        ("cases/pot.ibw", "NapPotentialRetrace", "V"),
    ],
)
@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
def test_heights_of_other_channels_are_named_after_their_unit(name, channel, suffix, lateral_names):
    if not (DATA / name).exists():
        pytest.skip(f"no real data at {DATA / name}; set PLAYNANO_TEST_DATA to the folder that holds them")
    stack = AFMImageStack.load_data(DATA / name, channel=channel)
    stack.apply(["zero_mean"])
    pipeline = AnalysisPipeline().add_steps(
        "feature_detection:mask_fn=mask_otsu,min_size=3;particle_tracking"
    )
    with pytest.warns(PlayNanoWarning, match=f"height_{suffix}"):
        record = pipeline.run(stack)
    for outputs in record["analysis"].values():
        columns = list(outputs["table"])
        assert {c for c in columns if re.search("_nm[23]?$", c)} <= lateral_names
        assert f"height_{suffix}" in columns
