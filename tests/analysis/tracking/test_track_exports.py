"""Tracking, and what other programs get of it."""

from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from playNano.afm_stack import AFMImageStack
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.analysis.utils.tracks import export_tracks, to_napari_tracks, to_trackmate_xml, to_trackpy
from playNano.errors import MissingInputError, ParameterError


@pytest.fixture
def stack():
    return AFMImageStack(
        np.zeros((12, 8, 8)),
        (2.0, 1.0),
        "height_trace",
        "movie.npz",
        frame_metadata=[{"timestamp": 0.5 * i} for i in range(12)],
    )


@pytest.fixture
def tracking(stack):
    """Two particles, one of which merges into the other half way, listed as plain dicts."""
    frames = [
        [{"y": 2.0, "x": 0.1 * t}, *([{"y": 2.0, "x": 6.0 - 0.7 * t}] if t < 7 else [])] for t in range(12)
    ]
    result = {"feature_detection": {"features_per_frame": frames}}
    return ParticleTrackingModule().run(stack, result, coord_columns=("x", "y"), max_distance=2.0)


def test_trackpy_gets_its_columns(tracking):
    table = to_trackpy(tracking)
    assert {"particle", "frame", "y", "x"} <= set(table.columns)
    assert table["particle"].value_counts().to_dict() == {0: 12, 1: 7}


def test_napari_gets_sorted_tracks(tracking):
    data, _, graph = to_napari_tracks(tracking)
    assert data.shape == (19, 4)
    assert np.all(np.diff(data[:, 0]) >= 0)
    assert graph == {}


def test_events_become_a_graph(tracking):
    events = pd.DataFrame(
        {"kind": ["merge"], "track_id": [1], "partner_id": [0], "source": [18], "target": [7]}
    )
    assert to_napari_tracks({**tracking, "events": events})[2] == {0: [1]}


def test_trackmate_gets_nm_and_seconds(tracking, stack, tmp_path):
    root = ElementTree.parse(to_trackmate_xml(tmp_path / "t.xml", tracking, stack)).getroot()
    assert root.find("Model").get("spatialunits") == "nm"
    assert root.find("Model").get("timeunits") == "sec"
    spots = list(root.iter("Spot"))
    assert len(spots) == 19
    last = next(s for s in spots if s.get("FRAME") == "11")
    assert float(last.get("POSITION_X")) == pytest.approx(1.1)
    assert float(last.get("POSITION_Y")) == pytest.approx(4.0)
    assert float(last.get("POSITION_T")) == pytest.approx(5.5)
    assert len(list(root.iter("Edge"))) == 17


def test_files_for_other_programs(tracking, stack, tmp_path):
    record = {
        "analysis": {"step_1_particle_tracking": tracking},
        "provenance": {"steps": [{"analysis_key": "step_1_particle_tracking", "kind": "tracking"}]},
    }
    written = export_tracks(record, stack, tmp_path / "new")
    assert len(pd.read_csv(written["trackpy"])) == 19
    assert written["trackmate"].name == "tracks.xml"
    assert export_tracks(record, stack, tmp_path, ["trackpy"]).keys() == {"trackpy"}
    assert export_tracks({}, stack, tmp_path, []) == {}


def test_what_cannot_be_exported(stack, tmp_path):
    with pytest.raises(ParameterError, match="'excel'"):
        export_tracks({}, stack, tmp_path, ["excel"])
    with pytest.raises(MissingInputError, match="particle_tracking"):
        export_tracks({}, stack, tmp_path)
    with pytest.raises(MissingInputError, match="counts"):
        to_trackpy({"counts": [1]})
    area = pd.DataFrame({"track_id": [0], "frame": [0], "area": [3.0]})
    with pytest.raises(MissingInputError, match="'y'"):
        to_trackpy({"table": area})
