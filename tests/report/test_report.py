"""The report of a movie: what it says, that it is safe, and that it is always the same."""

import base64
import hashlib
import json
import re

import numpy as np
import pytest
from tests.report.conftest import analysed, small_movie

from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.utils.tracks import last_tracking
from playNano.errors import FileFormatError, PlayNanoWarning
from playNano.plots.analysed import AnalysedMovie
from playNano.report import ReportOptions, write_report
from playNano.report.encode import decode_image
from playNano.report.page import static
from playNano.validate.statements import Measure

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


def validated(folder, measures, withheld=(), *, record=True, **more):
    """Write a record and what `playnano validate` writes of it by default, with its own classes."""
    from playNano.core.result_folder import sha256_of
    from playNano.validate.statements import MEASURES

    (folder / "record.json").write_text(json.dumps({"made": 1}))
    (folder / "validation").mkdir(exist_ok=True)
    scores = {
        name: {**m.to_dict(), "unit": MEASURES[name][0], "meaning": MEASURES[name][1]}
        for name, m in measures.items()
    }
    content = {"scores": scores, "withheld": list(withheld), **more}
    content |= {"record_sha256": sha256_of(folder / "record.json")} if record else {}
    content = json.loads(json.dumps(content).replace("NaN", "null"))
    (folder / "validation" / "validate.json").write_text(json.dumps(content))


def cells(text, quantity):
    row = re.search(rf'<tr><th scope="row">{quantity}</th>(.*?)</tr>', text, re.S)
    return re.findall(r"<td[^>]*>(.*?)</td>", row[1], re.S)


NAN = float("nan")


def test_scores_of_a_validation_have_intervals_status_and_reason(make_report, tmp_path):
    measures = {
        "recall": Measure(0.913, 0.87, 0.95),
        "height_bias_nm": Measure(-0.0512, -0.2, 0.1),
        "diffusion_bias": Measure(NAN, NAN, NAN, "withheld", "the two estimates differ: 0.1 <b>"),
    }
    parts = [{"low_nm": 0.5, "high_nm": 1.25, "n": 9, "recall": 0.5, "low": 0.25, "high": 0.75}]
    score = {"module": "diffusion", "name": "D", "measured": 8.0, "true": 10.0, "bias": -0.2}
    validated(
        tmp_path,
        measures,
        recall_by_class=parts,
        measurements=[{**score, "n_covered": 1, "n_copies": 4}],
        replanted={"n_copies": 4, "first_frame": 10, "n_frames": 60},
        caveats=["edits are left out"],
    )
    text = make_report(folder=tmp_path).read_text()
    assert cells(text, "recall")[:5] == ["91.3 %", "87.0 %", "95.0 %", "ok", ""]
    assert cells(text, "height bias")[:4] == ["-0.0512 nm", "-0.2 nm", "0.1 nm", "ok"]
    reason = "the two estimates differ: 0.1 &lt;b&gt;"
    assert cells(text, "diffusion bias")[:5] == ["-", "-", "-", "withheld", reason]
    assert cells(text, "recall, 0.5 to 1.2 nm high")[:4] == ["50.0 %", "25.0 %", "75.0 %", "ok"]
    assert "4 copies of frames 10 to 69" in text
    assert "diffusion: D is 8, from the true tracks 10 (-20 %); its interval contains" in text
    assert "<li>edits are left out</li>" in text
    assert "No scores are given" not in text


def test_reasons_that_all_scores_share_stand_once(make_report, tmp_path):
    withheld = ("the background is not flat", "the copy is unlike")
    measures = {n: Measure(NAN, NAN, NAN, "withheld", "; ".join(withheld)) for n in ("recall", "precision")}
    validated(tmp_path, measures, withheld)
    text = make_report(folder=tmp_path).read_text()
    assert text.count("the background is not flat") == 1
    assert cells(text, "precision")[:5] == ["-", "-", "-", "withheld", "see above"]


def test_a_validation_of_earlier_results_is_not_shown(make_report, tmp_path):
    validated(tmp_path, {"recall": Measure(0.913, 0.87, 0.95)})
    (tmp_path / "record.json").write_text(json.dumps({"made": 2}))
    text = make_report(folder=tmp_path).read_text()
    assert "validation/validate.json: the results were written anew after this validation" in text
    assert "91.3 %" not in text


def test_the_validation_of_these_results_is_taken_among_several(make_report, tmp_path):
    validated(tmp_path, {"recall": Measure(0.111, 0.0, 0.2)})
    (tmp_path / "validation").rename(tmp_path / "a")
    content = json.loads((tmp_path / "a" / "validate.json").read_text()) | {"record_sha256": "another"}
    (tmp_path / "a" / "validate.json").write_text(json.dumps(content))
    validated(tmp_path, {"recall": Measure(0.913, 0.87, 0.95)})
    text = make_report(folder=tmp_path).read_text()
    assert cells(text, "recall")[0] == "91.3 %"
    assert "written anew" not in text


def test_a_validation_that_names_no_results_says_so(make_report, tmp_path):
    validated(tmp_path, {"recall": Measure(0.913, 0.87, 0.95)}, record=False)
    text = make_report(folder=tmp_path).read_text()
    assert "validation/validate.json does not say of which results it is" in text
    assert cells(text, "recall")[0] == "91.3 %"


@pytest.mark.parametrize("content", ["{", "[]", '{"results": 1}'])
def test_a_damaged_validation_is_an_error(make_report, tmp_path, content):
    (tmp_path / "validate.json").write_text(content)
    with pytest.raises(FileFormatError, match=r"validate\.json"):
        make_report(folder=tmp_path)


def test_without_a_validation_the_report_says_how_to_get_one(make_report, tmp_path):
    assert "were not validated" in make_report(folder=tmp_path).read_text()


def test_curated_links_are_counted(small):
    """As the module says it: edits that were not applied are none."""
    stack, _ = small
    tracking = last_tracking(small[1])
    row = tracking["table"].iloc[tracking["links"]["source"].iloc[0]]
    edits = [
        {"edit": "break", "frame": int(row["frame"]), "y_nm": float(row["y_nm"]), "x_nm": float(row["x_nm"])},
        {"edit": "break", "frame": 2, "y_nm": -900.0, "x_nm": -900.0},
    ]
    pipeline = AnalysisPipeline()
    for step in small[1]["provenance"]["steps"]:
        pipeline.add(step["name"], **step["params"])
        if step["kind"] == "tracking":
            pipeline.add("curation", edits=edits)
    with pytest.warns(PlayNanoWarning, match="1 of 2 edits do not match"):
        edited = pipeline.run(stack)
    before = len(tracking["links"])
    text = written(stack, edited)
    assert f"1 link edited of {before}" in text
    assert "1 of 2 edits do not match and were not applied" in text


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
