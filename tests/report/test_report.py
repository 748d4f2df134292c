"""The report of a movie: what it says, that it is safe, and that it is always the same."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest
from tests.report.conftest import analysed, small_movie

from playNano import AnalysisPipeline
from playNano.plots.analysed import AnalysedMovie
from playNano.report import ReportOptions, write_report
from playNano.report.encode import decode_image
from playNano.report.page import static

HOSTILE = (
    "</script><script>window.PWNED=1</script>",
    '"><img src=x onerror="window.PWNED=2">',
    "<svg/onload=window.PWNED=3>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt;\u2028'\"`",
)


def data_of(text):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text)[1])


def block(text, name):
    return re.search(rf'<script type="text/plain" id="{name}">(.*?)</script>', text)[1]


def test_every_pixel_of_five_frames_is_decoded_within_half_a_step(small, make_report):
    stack, _ = small
    text = make_report().read_text()
    movie = data_of(text)["movie"]
    for k in (0, 3, 12, 20, 23):
        levels = decode_image(block(text, f"f{k}"), (movie["height"], movie["width"]), movie["axis"])
        heights = movie["low"] + (levels.astype(float) - 1) * movie["step"]
        assert levels.min() > 0
        assert levels.max() <= movie["count"]
        assert np.abs(heights - stack.get_frame(k)).max() <= movie["step"] / 2 * (1 + 1e-6)


def test_the_same_record_gives_the_same_bytes(make_report):
    assert make_report().read_bytes() == make_report().read_bytes()


def test_scripts_and_styles_are_allowed_by_hash_alone_and_nothing_is_loaded(make_report):
    text = make_report().read_text()
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', text)[1].replace("&#39;", "'")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for tag in ("script", "style"):
        for body in re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S):
            digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
            assert f"'sha256-{digest}'" in policy
    assert text.index("Content-Security-Policy") < text.index("charset")
    assert not re.search(r"\son\w+=", re.sub(r"<script.*?</script>", "", text, flags=re.S))
    assert not re.search(r"\sstyle=", re.sub(r"<script.*?</script>", "", text, flags=re.S))
    sources = re.findall(r'(?:src|href)="([^"]*)"', re.sub(r"<script.*?</script>", "", text, flags=re.S))
    assert all(s.startswith(("data:", "#", "https://doi.org/")) for s in sources)
    assert not re.search(r'src="https?:', text)


def test_hostile_texts_are_text(small):
    stack, record = hostile(*small)
    page = written(stack, record)
    plain = re.sub(r"<script.*?</script>", "", page, flags=re.S)
    assert "<img src=x" not in plain
    assert "<svg/onload" not in plain
    assert page.count("<script") == page.count("</script>") == 3 + len(re.findall('type="text/plain"', page))
    assert "{{ 7 * 7 }}" in plain
    assert "49" not in re.search(r"<title>(.*?)</title>", page)[1]
    data = data_of(page)
    assert data["tables"]


def hostile(stack, record):
    """Return a movie and record with hostile names: file, channel, parameter, warning, column."""
    record = {**record, "analysis": dict(record["analysis"]), "provenance": dict(record["provenance"])}
    provenance = record["provenance"]
    provenance["input"] = {**provenance["input"], "file": HOSTILE[0], "channel": HOSTILE[1]}
    provenance["steps"] = [
        {**step, "params": {**step["params"], HOSTILE[2]: HOSTILE[3]}} for step in provenance["steps"]
    ]
    provenance["warnings"] = [HOSTILE[3], HOSTILE[4], HOSTILE[0]]
    key = next(key for key in record["analysis"] if key.endswith("particle_tracking"))
    outputs = dict(record["analysis"][key])
    outputs["track_table"] = outputs["track_table"].assign(**{HOSTILE[1]: HOSTILE[0], HOSTILE[4]: HOSTILE[2]})
    record["analysis"][key] = outputs
    return stack, record


def written(stack, record, **options):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        write_report(record, AnalysedMovie.of(stack, record), path, ReportOptions(**options))
        return path.read_text(encoding="utf-8")


def test_ids_are_unique_and_links_within_the_page_lead_somewhere(make_report):
    plain = re.sub(r"(<script[^>]*>).*?</script>", r"\1", make_report().read_text(), flags=re.S)
    ids = re.findall(r'\sid="([^"]*)"', plain)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]*)"', plain)) <= set(ids)
    assert set(re.findall(r'(?:for|aria-labelledby)="([^"]*)"', plain)) <= set(ids)


def test_warnings_come_before_results(small):
    stack, record = small
    record = {**record, "provenance": {**record["provenance"], "warnings": ["small.asd: heed me"]}}
    text = written(stack, record)
    assert text.index("heed me") < text.index("Results of the measurements")
    assert "small.asd: heed me" not in text
    assert "1 warning:" in text


def test_headlines_have_interval_unit_and_what_they_rest_on(small, make_report):
    _, record = small
    text = make_report().read_text()
    summary = next(o["summary"] for key, o in record["analysis"].items() if key.endswith("diffusion"))
    headline = summary["headlines"][0]
    assert headline["name"] == "D"
    row = re.search(r'<th scope="row" class="symbol">D</th>.*?</tr>', text, re.S)[0]
    assert f"{headline['n']} tracks" in row
    assert "nm²/s" in row
    if np.isfinite(headline["value"]):
        assert " to " in row
    else:
        assert "<b>-</b>" in row
        assert headline["status"].replace("_", " ") in row


def test_unusable_frames_are_marked_with_their_reasons(make_report):
    text = make_report().read_text()
    data = data_of(text)
    assert [k for k, why in enumerate(data["unusable"]) if why] == [7, 8]
    assert "2 of 24 frames were left out" in text
    assert "<b>frame 7</b>" in text


def test_the_range_of_colours_does_not_come_from_bad_frames():
    stack = small_movie()
    record = analysed(stack)
    before = data_of(written(stack, record))["movie"]
    data = np.asarray(stack.data).copy()
    data[7:9] = np.random.default_rng(0).normal(0, 400, data[7:9].shape)
    wild = small_movie()
    wild.data = data
    after = data_of(written(wild, record))["movie"]
    assert after["zrange"] == pytest.approx(before["zrange"], rel=0.1)
    assert after["step"] == before["step"]
    assert after["count"] == before["count"]


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda table: table.head(0), "There are no tracks: nothing was detected, or nothing was linked."),
        (
            lambda table: table.assign(track_id=np.arange(len(table))),
            "There are no tracks of use: each of the",
        ),
    ],
)
def test_a_movie_without_tracks_of_use_says_so(small, change, words):
    stack, record = small
    key = next(key for key in record["analysis"] if key.endswith("particle_tracking"))
    outputs = record["analysis"][key]
    changed = {**outputs, "table": change(outputs["table"]), "track_table": outputs["track_table"].head(0)}
    text = written(stack, {**record, "analysis": {**record["analysis"], key: changed}})
    assert words in text
    assert '<canvas id="map"' not in text
    assert '<div id="heights"' not in text


def test_a_movie_too_large_is_reduced_with_a_word(small):
    stack, record = small
    full = written(stack, record)
    without = len(written(stack, record, movie=False))
    assert data_of(full)["movie"]["numbers"] == list(range(24))
    assert "The movie is reduced" not in full
    budget = (without + 100_000 + 0.5 * (len(full) - without)) / 1e6
    reduced = written(stack, record, size_mb=budget)
    assert len(reduced) <= budget * 1e6
    assert "The movie is reduced" in reduced
    movie = data_of(reduced)["movie"]
    assert movie["step"] == pytest.approx(2 * data_of(full)["movie"]["step"])


def test_a_movie_far_too_large_leaves_out_pixels_and_frames_with_a_word(small):
    stack, record = small
    tiny = written(stack, record, size_mb=0.01)
    movie = data_of(tiny)["movie"]
    assert movie["bin"] == 2
    assert movie["numbers"][0] == 0
    assert len(movie["numbers"]) < 24
    assert "2 x 2 pixels are shown as one" in tiny
    assert re.search(r"one of \d+ frames is shown", tiny)


def test_without_the_movie_everything_else_is_there(small, make_report):
    text = make_report(movie=False).read_text()
    assert data_of(text)["movie"] is None
    assert "the movie was left out (--no-movie)" in text
    assert '<canvas id="movie"' not in text
    assert "Table of tracks" in text


def test_the_table_of_tracks_is_the_csv_file(small, make_report, tmp_path):
    import zlib

    from playNano.io.export.tables import write_tables

    record = small[1]
    text = make_report().read_text()
    info = next(t for t in data_of(text)["tables"] if t["file"] == "track_table.csv")
    assert info["sort"] == "length"
    content = zlib.decompress(base64.b64decode(block(text, f"t-{info['id']}")))
    write_tables(record, tmp_path)
    assert content == (tmp_path / "track_table.csv").read_bytes()


@pytest.mark.parametrize("name", ["validation.json", "validate.json"])
def test_a_validation_is_read_whatever_its_form(make_report, tmp_path, name):
    rows = [{"quantity": "D", "value": 3.21, "low": 2.5, "high": None, "reason": "as simulated <b>"}]
    (tmp_path / "validated").mkdir()
    (tmp_path / "validated" / name).write_text(json.dumps({"deep": {"results": rows}}))
    text = make_report(folder=tmp_path).read_text()
    row = re.search(r'<th scope="row">D</th><td>3.21</td><td>2.5</td><td>-</td>.*?</tr>', text, re.S)
    assert "as simulated &lt;b&gt;" in row[0]


def test_without_a_validation_the_report_says_how_to_get_one(make_report, tmp_path):
    assert "was not validated" in make_report(folder=tmp_path).read_text()


def test_the_report_says_what_the_curation_says(small):
    stack, _ = small
    steps = "frame_quality;feature_detection;particle_tracking"
    outputs = AnalysisPipeline().add_steps(steps).run(stack)["analysis"]["step_3_particle_tracking"]
    tracks = outputs["table"].sort_values(["track_id", "frame"])
    longest = tracks[tracks["track_id"] == tracks["track_id"].mode()[0]]
    edits = [
        {"edit": edit, "frame": int(row["frame"]), "y_nm": row["y_nm"], "x_nm": row["x_nm"]}
        for edit, (_, row) in zip(("break", "confirm"), longest.iterrows(), strict=False)
    ]
    pipeline = AnalysisPipeline().add_steps(steps)
    pipeline.add("curation", edits=edits)
    record = pipeline.run(stack)
    assert f"Curated by hand: 1 link edited of {len(outputs['links'])}, 1 link confirmed." in written(
        stack, record
    )


def test_settings_versions_and_methods_are_there(small, make_report):
    text = make_report().read_text()
    assert "playnano replay FOLDER" in text
    assert "numpy_version" in text
    assert "doi.org/10.1038/nmeth.1237" in text
    assert "max_components" in text


@pytest.mark.parametrize(
    "name, digest",
    [
        ("uPlot.iife.min.js", "19c8d4c6ad88929a79f4ae49d6f7161566dfd0ba3d15cc495e974f787eb78f1f"),
        ("uPlot.min.css", "df630c6a8d6f8eeaff264b50f73ce5b114f646ffd9a0bb74f049b0a00135fa04"),
        ("LICENSE.uPlot", "8f989229699b4fe2f1a0432d0e9edc338a8a911e250e2d1b01ecd770a5f5b1bd"),
    ],
)
def test_the_library_is_as_published(name, digest):
    assert hashlib.sha256(static(name).encode()).hexdigest() == digest


def test_the_own_script_stays_short():
    lines = static("report.js").splitlines()
    assert len(lines) < 500
    assert max(map(len, lines)) <= 170
    assert "</script" not in static("report.js")
