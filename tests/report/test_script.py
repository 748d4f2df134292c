"""The script is valid JavaScript, where node can be asked."""

import shutil
import subprocess
from importlib.resources import files

from tests.report.browser.conftest import missing


def test_the_script_is_valid():
    node = shutil.which("node")
    if node is None:
        missing("node is not installed")
    script = files("playNano.report").joinpath("static", "report.js")
    subprocess.run([node, "--check", str(script)], check=True)
