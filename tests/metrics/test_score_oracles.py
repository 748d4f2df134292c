"""Scores of tracks against what motmetrics, trackeval and traccuracy say of the same tables.

`benchmarks/score_oracles.py` made the file; those programs need not be installed to run the tests.
"""

import json
from pathlib import Path

import pandas as pd
import pytest

from playNano.metrics import score_detections, score_hota, score_identity, score_links

ORACLES = json.loads((Path(__file__).parent / "score_oracles.json").read_text(encoding="utf-8"))
GATE = ORACLES["gate"]


@pytest.fixture(params=ORACLES["cases"], ids=range(len(ORACLES["cases"])))
def case(request):
    return request.param


def tables(case):
    return pd.DataFrame(case["truth"]), pd.DataFrame(case["found"])


def test_hota_is_trackevals(case):
    told, theirs = score_hota(*tables(case), gate=GATE), case["trackeval"]
    assert told.hota == pytest.approx(theirs["hota"], abs=1e-9)
    assert told.deta == pytest.approx(theirs["deta"], abs=1e-9)
    assert told.assa == pytest.approx(theirs["assa"], abs=1e-9)


def test_idf1_is_that_of_trackeval_and_motmetrics(case):
    half = score_identity(*tables(case), gate=GATE / 2)
    assert half.idf1 == pytest.approx(case["trackeval"]["idf1_at_half_the_gate"], abs=1e-9)
    assert score_identity(*tables(case), gate=GATE).idf1 == pytest.approx(
        case["motmetrics"]["idf1"], abs=1e-9
    )


def test_switches_and_mota_are_motmetrics(case):
    told, theirs = score_identity(*tables(case), gate=GATE), case["motmetrics"]
    assert told.switches == theirs["num_switches"]
    assert told.points.false_positives == theirs["num_false_positives"]
    assert told.points.false_negatives == theirs["num_misses"]
    assert told.mota == pytest.approx(theirs["mota"], abs=1e-9)


def test_points_and_links_are_traccuracys(case):
    truth, found = tables(case)
    counts, _ = score_detections(truth, found, max_distance=GATE)
    theirs = case["traccuracy"]
    assert counts.recall == pytest.approx(theirs["Node Recall"], abs=1e-9)
    assert counts.precision == pytest.approx(theirs["Node Precision"], abs=1e-9)
    links = score_links(truth, found, max_distance=GATE)
    assert links.recall == pytest.approx(theirs["Edge Recall"], abs=1e-9)
    assert links.precision == pytest.approx(theirs["Edge Precision"], abs=1e-9)
