"""Words, methods, references, tables and pictures of a report."""

import math
import re

import numpy as np
import pandas as pd
import pytest

from playNano.analysis.pipeline import module_registry
from playNano.report.methods import ALGORITHMS, algorithm, methods_text, references, references_of
from playNano.report.svg import LEFT, RIGHT, WIDTH, histogram, quality_strip, runs, ticks
from playNano.report.tables import MAX_CELLS, report_tables
from playNano.report.words import headline_row, number


def test_every_algorithm_has_references():
    for name, places in ALGORITHMS.items():
        for place in places:
            found = references_of(algorithm(place))
            assert found, (name, place)
            assert all(re.search(r"\b(1[89]|20)\d\d\b", text) for text in found), found


def test_references_come_apart_with_their_doi():
    found = references_of(module_registry()["particle_tracking"].run)
    assert [text.split(":")[0].split(",")[0] for text in found] == ["Jaqaman et al.", "Jonker", "Hall"]


def test_each_reference_stands_once(small):
    found = references(small[1])
    dois = [entry["doi"].lower() for entry in found if entry["doi"]]
    assert len(dois) == len(set(dois)) > 5
    assert all(re.fullmatch(r"10\.\d{4,}/\S*[\w)]", doi) for doi in dois)
    assert [e["text"].lower() for e in found] == sorted(e["text"].lower() for e in found)


def test_methods_name_changed_parameters_alone(small):
    record = small[1]
    steps = [dict(step) for step in record["provenance"]["steps"]]
    tracking = next(step for step in steps if step["name"] == "particle_tracking")
    tracking["params"] = {**tracking["params"], "max_distance_nm": 12.5}
    changed = {**record, "provenance": {**record["provenance"], "steps": steps}}
    text = next(text for text in methods_text(changed) if "(particle_tracking" in text)
    assert "max_distance_nm = 12.5 nm" in text
    assert "min_length" not in text
    plain = next(text for text in methods_text(record) if "(particle_tracking" in text)
    assert "All parameters at their defaults." in plain


def test_a_step_that_is_not_installed_here_is_named(small):
    record = small[1]
    step = {
        "name": "of_a_plugin",
        "params": {"gain": 3},
        "analysis_key": "step_9_of_a_plugin",
        "kind": "analysis",
    }
    more = {**record, "provenance": {**record["provenance"], "steps": [step]}}
    assert "Of a plugin (of_a_plugin): a step of its own. Parameters: gain = 3." in methods_text(more)
    references(more)


def test_a_number_without_a_value_keeps_its_limit_and_its_reason():
    row = headline_row({"name": "dwell", "value": math.nan, "low": 5.474, "high": math.nan, "unit": "s", "n": 1,
                        "n_of": "ends", "status": "all_censored"})  # fmt: skip
    assert (row["value"], row["interval"], row["rests_on"]) == ("-", "5.47 to no limit", "1 end")
    assert row["remark"] == "all censored"
    assert not row["given"]


@pytest.mark.parametrize(
    "value, text", [(0.1 + 0.2, "0.3"), (1e-7, "1e-07"), (True, "yes"), (None, "-"), ("a", "a")]
)
def test_numbers_are_short(value, text):
    assert number(value) == text


def test_a_histogram_counts_every_value_once():
    values = np.concatenate([np.random.default_rng(0).normal(3, 1, 500), [np.nan, np.inf]])
    svg = str(histogram(values, "height (nm)", "detections"))
    assert "Histogram of 500 detections" in svg
    bars = np.array(
        re.findall(r'class="bar" x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="([\d.]+)"', svg), float
    )
    known = values[np.isfinite(values)]
    x = LEFT + (known - known.min()) / np.ptp(known) * (WIDTH - RIGHT - LEFT)
    counts = np.array([((x >= left - 0.1) & (x < left + width + 0.7)).sum() for left, width, _ in bars])
    np.testing.assert_allclose(bars[:, 2] / bars[:, 2].max(), counts / counts.max(), atol=0.04)
    assert abs(counts.sum() - 500) <= 15


@pytest.mark.parametrize("values", [[2.0], [1.0, 1.0], [1.0, 1.0 - 1e-16], [0.0], [1e9, 1e9], [-5.0, -5.0]])
def test_values_that_are_equal_have_a_histogram(values):
    assert "bar" in histogram(values, "x", "y")


def test_without_values_there_is_no_histogram():
    assert histogram([np.nan], "x", "y") is None


def test_text_in_a_picture_is_text():
    assert "<b>" not in histogram([1.0, 2.0], "<b>", '"><b>')


def test_the_strip_marks_what_was_not_used():
    strip = str(quality_strip([True, True, False, True], {"torn": [False, False, True, False]}))
    unused = re.search(r'class="unused" x="([\d.]+)" y="\d+" width="([\d.]+)"', strip)
    assert (float(unused[1]), float(unused[2])) == (590.0, 250.0)
    assert strip.count('class="used"') == 2
    assert strip.count('class="flag"') == 1
    assert "1 of 4 frames" in strip


def test_runs_and_ticks():
    assert runs([]) == []
    assert runs([False, True, True]) == [(1, 3)]
    assert ticks(-0.3, 2.3, 5) == [0.0, 1.0, 2.0]
    assert ticks(-0.3, 2.1, 5) == [0.0, 0.5, 1.0, 1.5, 2.0]


def test_large_tables_are_named_and_left_to_their_files():
    table = pd.DataFrame(np.zeros((MAX_CELLS // 5 + 1, 5)), columns=list("abcde"))
    small = pd.DataFrame({"track_id": [0, 1, 2], "length": [1, 5, 3]})
    steps = [{"analysis_key": "step_1_t", "kind": "tracking", "name": "t"}]
    record = {
        "analysis": {"step_1_t": {"table": table, "track_table": small}},
        "provenance": {"steps": steps},
    }
    tables, left_out = report_tables(record)
    assert left_out == [f"tracks.csv ({len(table)} rows)"]
    assert [t["file"] for t in tables] == ["track_table.csv"]
    assert [row[1] for row in tables[0]["shown"]] == ["5", "3", "1"]
    assert tables[0]["singles"] == "length"
