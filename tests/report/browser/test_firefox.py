"""The page in Firefox, driven by puppeteer: Debian has no geckodriver for selenium."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.report.browser.conftest import missing, node_module
from tests.report.test_report import block, data_of

from playNano.report.encode import decode_image


@pytest.fixture(scope="module")
def shown(report_path):
    """What Firefox did with the report."""
    firefox, node = shutil.which("firefox-esr") or shutil.which("firefox"), shutil.which("node")
    if firefox is None:
        missing("Firefox is not installed: apt-get install firefox-esr")
    if node is None:
        missing("node is not installed")
    modules = node_module("puppeteer-core").parent
    script = Path(__file__).with_name("firefox.mjs")
    command = [node, str(script), str(modules.resolve()), firefox, str(report_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_opens_offline_without_a_message_or_request(shown, report_path):
    assert shown["messages"] == []
    # Firefox does not report the file itself.
    assert {url for url in shown["requests"] if not url.startswith("data:")} <= {report_path.as_uri()}


def test_a_frame_is_decoded_as_by_the_twin(shown, report_path):
    text = report_path.read_text()
    movie = data_of(text)["movie"]
    shape = (movie["height"], movie["width"])
    np.testing.assert_array_equal(
        np.array(shown["levels"], np.uint16).reshape(shape),
        decode_image(block(text, "f5"), shape, movie["axis"]),
    )


def test_it_plays_in_real_time(shown, small):
    times = small[0].get_frame_times()
    assert abs(shown["played"] - (int(np.searchsorted(times, 3.0, side="right")) - 1)) <= 1


def test_a_track_is_selected_everywhere(shown):
    assert shown["selected"] == shown["track"] == shown["charted"]
    assert shown["rows"] == [shown["track"]]
