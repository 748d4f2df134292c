"""The page in Chromium: decoding, playing, selection, tables, hostile names, accessibility."""

import csv
import time

import numpy as np
import pytest
from tests.report.browser.conftest import Page, node_module
from tests.report.test_report import HOSTILE, block, data_of, hostile, written

from playNano.report.encode import decode_image


def at(times, time_s):
    """Frame that is shown at a time."""
    return int(np.searchsorted(times, time_s, side="right")) - 1


def test_it_opens_offline_without_a_message_or_request(page):
    assert page.state("drawn") > 0
    page.run("await window.__report.show(5)")
    assert page.messages() == []
    assert page.requests() == [page.path.as_uri()]


def test_every_pixel_is_decoded_as_by_the_twin_and_within_half_a_step(page, small):
    stack, _ = small
    text = page.path.read_text()
    movie = data_of(text)["movie"]
    shape = (movie["height"], movie["width"])
    for k in (0, 1, 11, 17, 23):
        levels = page.run("return Array.from((await window.__report.decoded(arguments[0])).levels)", k)
        levels = np.array(levels, np.uint16).reshape(shape)
        np.testing.assert_array_equal(levels, decode_image(block(text, f"f{k}"), shape, movie["axis"]))
        heights = movie["low"] + (levels.astype(float) - 1) * movie["step"]
        assert np.abs(heights - stack.get_frame(k)).max() <= movie["step"] / 2 * (1 + 1e-6)


def test_labels_are_decoded(page, small):
    _, record = small
    labels = next(o["labeled_masks"] for o in record["analysis"].values() if "labeled_masks" in o)
    shown = page.run("return Array.from((await window.__report.decoded(3)).labels)")
    np.testing.assert_array_equal(np.array(shown).reshape(labels[3].shape), labels[3])


def test_the_height_of_a_pixel(page, small):
    stack, _ = small
    page.run("await window.__report.show(12)")
    step = data_of(page.path.read_text())["movie"]["step"]
    for row, column in ((0, 0), (47, 63), (20, 31)):
        height = page.run("return window.__report.heightAt(...arguments)", row, column)
        assert height == pytest.approx(stack.get_frame(12)[row, column], abs=step / 2 * 1.001)


def test_it_plays_in_real_time(page, small):
    stack, _ = small
    page.run("await window.__report.show(0)")
    page.click("#play")
    reached = page.run(
        "const began = performance.now();"
        "await new Promise(done => setTimeout(done, 6000));"
        "return [window.__report.state.frame, (performance.now() - began) / 1000]"
    )
    assert abs(reached[0] - at(stack.get_frame_times(), 6.0)) <= 1
    page.click("#play")
    assert page.state("playing") is False


def test_at_another_speed_time_passes_faster(page, small):
    stack, _ = small
    page.run("await window.__report.show(0)")
    page.click("#speed option[value='5']")
    page.click("#play")
    frame = page.run("await new Promise(done => setTimeout(done, 1500)); return window.__report.state.frame")
    assert abs(frame - at(stack.get_frame_times(), 7.5)) <= 2


def test_it_is_scrubbed_by_keys_and_says_the_frame(page):
    from selenium.webdriver.common.keys import Keys

    scrub = page.find("#scrub")
    scrub.send_keys(Keys.HOME)
    for _ in range(3):
        scrub.send_keys(Keys.ARROW_RIGHT)
    time.sleep(0.3)
    assert page.state("frame") == 3
    assert page.find("#time").text == "frame 3 of 23, t = 1.90 s"
    assert scrub.get_attribute("aria-valuetext") == page.find("#time").text
    scrub.send_keys(Keys.END)
    time.sleep(0.3)
    assert page.state("frame") == 23


def test_a_frame_that_was_not_used_says_so(page):
    page.run("await window.__report.show(7)")
    assert "(not used: blank" in page.find("#time").text


def test_colours_follow_the_range_of_heights(page):
    page.run("await window.__report.show(2)")
    script = (
        "await window.__report.setZ(arguments[0], arguments[1]);"
        "const c = document.getElementById('movie');"
        "return Array.from(c.getContext('2d').getImageData(c.width / 2, 3, 1, 1).data)"
    )
    for name in ("outlines", "tracks"):
        page.click(f"#show-{name}")
    assert page.run(script, -500, -400) == [255, 255, 255, 255]
    assert page.run(script, 400, 500) == [0, 0, 0, 255]
    page.click("#z-reset")
    assert page.state("z") == pytest.approx(data_of(page.path.read_text())["movie"]["zrange"])


def selected_everywhere(page, track):
    """Whether a track is selected in state, words, chart and table."""
    assert page.state("track") == track
    words = page.find("#selected").text
    rows = [row.get_attribute("data-track") for row in page.browser.find_elements("css selector", "tr.sel")]
    if track < 0:
        return words == "no track selected" and not rows
    pressed = page.browser.find_elements("css selector", ".pick[aria-pressed='true']")
    return (
        words.startswith(f"track {track}: ")
        and set(rows) == {str(track)}
        and {button.text for button in pressed if button.text} == {str(track)}
        and page.run("return window.__report.charted()") == track
    )


def test_a_click_in_the_movie_selects_the_track_everywhere(page, small):
    from selenium.webdriver.common.action_chains import ActionChains

    stack, record = small
    table = next(o["table"] for key, o in record["analysis"].items() if key.endswith("particle_tracking"))
    page.run("await window.__report.show(3)")
    row = table[table["frame"] == 3].iloc[0]
    canvas = page.find("#movie")
    page.browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
    x = ((row["x"] + 0.5) / stack.width - 0.5) * canvas.size["width"]
    y = ((row["y"] + 0.5) / stack.height - 0.5) * canvas.size["height"]
    ActionChains(page.browser).move_to_element_with_offset(canvas, x, y).click().perform()
    time.sleep(0.3)
    assert selected_everywhere(page, int(row["track_id"]))
    page.click("#none")
    assert selected_everywhere(page, -1)


def test_a_click_in_the_table_selects_the_track_everywhere(page):
    track = int(page.find(".datatable .pick").text)
    page.click(".datatable .pick")
    time.sleep(0.3)
    assert selected_everywhere(page, track)


def test_a_click_in_the_chart_selects_the_track_everywhere(page):
    from selenium.webdriver.common.action_chains import ActionChains

    track, x, y = page.run("return window.__report.placeInChart(10)")
    over = page.find("#heights .u-over")
    page.browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", over)
    size = over.size
    ActionChains(page.browser).move_to_element_with_offset(
        over, x - size["width"] / 2, y - size["height"] / 2
    ).click().perform()
    time.sleep(0.3)
    assert selected_everywhere(page, track)


def test_a_click_on_the_map_selects_a_track(page, small):
    from selenium.webdriver.common.action_chains import ActionChains

    stack, record = small
    table = next(o["table"] for key, o in record["analysis"].items() if key.endswith("particle_tracking"))
    row = table.iloc[len(table) // 2]
    canvas = page.find("#map")
    page.browser.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", canvas)
    x = ((row["x"] + 0.5) / stack.width - 0.5) * canvas.size["width"]
    y = ((row["y"] + 0.5) / stack.height - 0.5) * canvas.size["height"]
    ActionChains(page.browser).move_to_element_with_offset(canvas, x, y).click().perform()
    time.sleep(0.3)
    assert selected_everywhere(page, int(row["track_id"]))


def column(page, name):
    """Cells of a column of the table of tracks, as they are shown."""
    return page.run(
        "const box = document.querySelector('#tracks .datatable');"
        "const k = [...box.querySelectorAll('th')].findIndex(th => th.dataset.column === arguments[0]);"
        "return [...box.querySelectorAll('tbody tr')].map(tr => tr.children[k].textContent)",
        name,
    )


def test_the_table_of_tracks_is_sorted_by_length_and_then_as_one_likes(page):
    lengths = [int(text) for text in column(page, "length")]
    assert lengths == sorted(lengths, reverse=True)
    header = page.find("#tracks th[data-column='mean_height_nm']")
    button = header.find_element("css selector", "button")
    for direction, reverse in (("descending", True), ("ascending", False)):
        page.browser.execute_script("arguments[0].click()", button)
        time.sleep(0.2)
        heights = [float(text) for text in column(page, "mean_height_nm") if text != "-"]
        assert heights == sorted(heights, reverse=reverse)
        assert header.get_attribute("aria-sort") == direction


def test_values_that_are_missing_are_last_and_have_a_reason(chrome, small):
    stack, record = small
    key = next(key for key in record["analysis"] if key.endswith("particle_tracking"))
    outputs = dict(record["analysis"][key])
    table = outputs["track_table"].copy()
    table.loc[table.index[1], "mean_confidence"] = np.nan
    outputs["track_table"] = table.assign(status=["ok", "too_short", *["ok"] * (len(table) - 2)])
    page = opened(chrome, written(stack, {**record, "analysis": {**record["analysis"], key: outputs}}))
    button = page.find("#tracks th[data-column='mean_confidence'] button")
    for _ in range(2):
        page.browser.execute_script("arguments[0].click()", button)
        time.sleep(0.2)
        assert column(page, "mean_confidence").index("-") == len(table) - 1
    cells = "[...document.querySelectorAll('#tracks .datatable td')]"
    cell = page.run(f"return {cells}.find(td => td.textContent === '-').title")
    assert cell == "no value: too short"


def test_tracks_of_one_detection_are_hidden_until_the_box_is_unchecked(chrome, small):
    stack, record = small
    key = next(key for key in record["analysis"] if key.endswith("particle_tracking"))
    outputs = dict(record["analysis"][key])
    table = outputs["track_table"].copy()
    table.loc[table.index[0], "length"] = 1
    outputs["track_table"] = table
    page = opened(chrome, written(stack, {**record, "analysis": {**record["analysis"], key: outputs}}))
    assert len(column(page, "length")) == len(table) - 1
    page.browser.execute_script("document.querySelector('#tracks .tools input').click()")
    time.sleep(0.2)
    assert len(column(page, "length")) == len(table)


def test_a_table_is_downloaded_as_its_csv_file(page, small):
    from playNano.report.tables import csv_bytes

    _, record = small
    table = next(o["track_table"] for o in record["analysis"].values() if "track_table" in o)
    for old in page.browser.downloads.iterdir():
        old.unlink()
    page.browser.execute_script("document.querySelector('#tracks .tools button').click()")
    file = page.browser.downloads / "track_table.csv"
    for _ in range(100):
        if file.exists():
            break
        time.sleep(0.1)
    assert file.read_bytes() == csv_bytes(table)
    assert len(list(csv.reader(file.read_text().splitlines()))) == len(table) + 1


def opened(chrome, text):
    path = chrome.downloads.parent / f"page{abs(hash(text))}.html"
    path.write_text(text, encoding="utf-8")
    return Page(chrome, path)


def test_hostile_names_do_nothing_and_are_shown_literally(chrome, small):
    page = opened(chrome, written(*hostile(*small)))
    page.run("for (const d of document.querySelectorAll('details')) d.open = true;")
    page.run("for (const t of Object.values(window.__report.tables)) await t.fill();")
    assert page.run("return window.PWNED === undefined")
    assert page.run("return document.querySelectorAll('#main img[src=x], #main svg[onload]').length") == 0
    text = page.run("return document.documentElement.textContent")
    for string in HOSTILE:
        assert string in text
    assert page.browser.title.startswith("movie.asd" if "/" not in HOSTILE[0] else "")
    assert page.messages() == []
    assert page.requests() == [page.path.as_uri()]


def test_nothing_can_be_added_to_the_page(page):
    """The policy blocks what an injection would need."""
    page.run(
        "const s = document.createElement('script'); s.textContent = 'window.PWNED = 1'; document.body.append(s);"
        "const i = new Image(); i.src = 'https://example.org/x.png'; document.body.append(i);"
        "document.body.insertAdjacentHTML('beforeend', '<p id=\"inline\" onclick=\"window.PWNED = 2\">x</p>');"
        "document.getElementById('inline').click();"
        "try { await fetch('https://example.org/'); window.PWNED = 3; } catch (error) { }"
    )
    assert page.run("return window.PWNED === undefined")
    assert page.unblocked() == []
    assert all("Content Security Policy" in m or "Refused" in m for m in page.messages())


@pytest.mark.parametrize("kind", ["movie", "no movie"])
def test_it_is_accessible(chrome, small, report_path, kind):
    axe = (node_module("axe-core") / "axe.min.js").read_text(encoding="utf-8")
    page = Page(chrome, report_path) if kind == "movie" else opened(chrome, written(*small, movie=False))
    page.run("for (const d of document.querySelectorAll('details')) d.open = true;")
    page.run("for (const t of Object.values(window.__report.tables)) await t.fill();")
    chrome.execute_script(axe)
    found = page.run("return (await axe.run(document)).violations")
    bad = [(v["id"], v["impact"], [n["html"][:150] for n in v["nodes"]][:3]) for v in found]
    assert [v for v in bad if v[1] != "minor"] == []


def test_it_prints_on_a_few_pages(page):
    import base64

    pdf = base64.b64decode(page.browser.print_page())
    assert pdf[:5] == b"%PDF-"
    assert 2 <= pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page/") + pdf.count(b"/Type /Page ") <= 20


def test_a_study_leads_to_its_movies(chrome, tmp_path):
    from tests.report.test_study import write_movie

    from playNano.report.study import StudyMovie, write_study

    movies = [
        StudyMovie(name, write_movie(tmp_path / name, value), "A")
        for name, value in (("m1", 3.0), ("m2", 1.0))
    ]
    page = Page(chrome, write_study(movies, tmp_path / "study.html", title="all"))
    assert page.messages() == []
    assert page.requests() == [page.path.as_uri()]
    values = "return [...document.querySelectorAll('#movies tbody tr')].map(tr => tr.children[0].textContent)"
    assert page.run(values) == ["m1", "m2"]
    page.browser.execute_script("arguments[0].click()", page.find("th[data-column='D_nm2_s'] button"))
    page.browser.execute_script("arguments[0].click()", page.find("th[data-column='D_nm2_s'] button"))
    time.sleep(0.2)
    assert page.run(values) == ["m2", "m1"]
    page.click("#movies tbody tr a")
    assert page.browser.current_url == (tmp_path / "m2" / "report.html").as_uri()


def test_a_study_is_accessible(chrome, tmp_path):
    from tests.report.test_study import write_movie

    from playNano.report.study import StudyMovie, write_study

    axe = (node_module("axe-core") / "axe.min.js").read_text(encoding="utf-8")
    movies = [
        StudyMovie(name, write_movie(tmp_path / name, 3.0, warnings=["x"]), "A") for name in ("m1", "m2")
    ]
    page = Page(chrome, write_study(movies, tmp_path / "study.html", title="all"))
    chrome.execute_script(axe)
    found = page.run("return (await axe.run(document)).violations")
    assert [(v["id"], v["impact"]) for v in found if v["impact"] != "minor"] == []
