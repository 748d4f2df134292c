"""The first run says what it compiles; warm-up leaves nothing to compile."""

import subprocess
import sys

from playNano import _jit
from playNano.cli.compiling import report_compiling

DEMO = """
import sys
from playNano._jit import on_compile
from playNano.cli.app import run
with on_compile(lambda name: print("compiled", name)):
    try:
        run(["demo", "-o", sys.argv[1]])
    except SystemExit as stop:
        assert not stop.code
"""


def announce(kernel):
    for listener in _jit._listeners:
        listener(f"playNano.{kernel}")


def test_each_stage_is_named_once_in_the_order_of_the_job(capsys):
    with report_compiling(["quality", "detection", "detection", "tracking"]):
        announce("algorithms._common._median_kernels.median")
        announce("algorithms.regions._label_kernels.label_runs")
        announce("algorithms.regions._annulus_kernels.annulus_medians")
        announce("algorithms.linking._kernels.frames.link_block")
    announce("algorithms.clustering._kmeans_kernels.assign")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(", once")[0] for line in lines] == [
        "compiling detection, 1 of 2",
        "compiling tracking, 2 of 2",
    ]


def test_after_warm_up_the_demo_compiles_nothing(tmp_path):
    # With the cache of this session: .ci/run does the same with an empty one.
    done = subprocess.run(
        [sys.executable, "-m", "playNano", "warm-up"], capture_output=True, text=True, check=True
    )
    assert str(_jit.kernel_cache_folder()) in done.stdout
    demo = [sys.executable, "-c", DEMO, str(tmp_path / "demo")]
    done = subprocess.run(demo, capture_output=True, text=True, check=True)
    assert "of 20 true tracks recovered" in done.stdout
    assert "compiled" not in done.stdout
    assert "compiling" not in done.stderr
