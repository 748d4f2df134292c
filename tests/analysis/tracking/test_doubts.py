"""Warnings about tracks."""

import numpy as np
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.tracking.doubts import tracking_doubts
from playNano.errors import PlayNanoWarning


@pytest.mark.parametrize(
    ("summary", "n_frames", "expected"),
    [
        ({"n_tracks": 5, "n_links": 0, "expected_wrong_links": 0.0}, 4, "length of one frame"),
        ({"n_tracks": 5, "n_links": 0, "expected_wrong_links": 0.0}, 1, None),
        ({"n_tracks": 0, "n_links": 0, "expected_wrong_links": 0.0}, 4, None),
        ({"n_tracks": 5, "n_links": 9, "expected_wrong_links": 0.101}, 4, "10 % of the links"),
        ({"n_tracks": 5, "n_links": 9, "expected_wrong_links": 0.099}, 4, None),
        ({"n_tracks": 5, "n_links": 9, "expected_wrong_links": float("nan")}, 4, None),
        (
            {
                "n_tracks": 5,
                "n_links": 9,
                "expected_wrong_links": 0.4,
                "trackability": {"verdict": "hopeless"},
            },
            4,
            "move too far between frames",
        ),
    ],
)
def test_each_doubt_has_its_limit(summary, n_frames, expected):
    doubts = tracking_doubts(summary, n_frames)
    assert doubts == [] if expected is None else expected in doubts[0]


def test_tracks_of_one_frame_are_warned_of():
    frames = np.zeros((3, 60, 60))
    for k in range(3):
        frames[k, 5 + 20 * k : 11 + 20 * k, 5:11] = 3.0
    stack = AFMImageStack(frames, 1.0, "height", "m.npy")
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", threshold=1.0)
    pipeline.add("particle_tracking", max_distance=3.0)
    with pytest.warns(PlayNanoWarning, match="all 3 tracks have a length of one frame.*max_distance_nm"):
        record = pipeline.run(stack)
    assert any("length of one frame" in text for text in record["provenance"]["warnings"])
