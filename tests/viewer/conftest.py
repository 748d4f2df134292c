"""A real viewer where napari, a binding of Qt and a display exist; else the tests are skipped with the reason."""

import os
import sys
from functools import cache
from pathlib import Path

import pytest

INSTALL = 'pip install "playNano[viewer]" "napari[pyqt6]" pytest-qt'


@cache
def missing():
    """Return what is missing for a widget, or an empty text."""
    try:
        import napari  # noqa: F401
        import npe2  # noqa: F401
        import pytestqt  # noqa: F401
        import qtpy.QtWidgets  # noqa: F401
    except ImportError as error:
        return f"the viewer is not installed ({error}): {INSTALL}"
    return ""


def without_display():
    """Return why there is no display for a viewer, or an empty text."""
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        return "a viewer needs a display: xvfb-run -a -s '-screen 0 1600x1000x24 +extension GLX' pytest tests/viewer"
    return ""


if missing():
    # Their imports would fail; `test_available.py` says why they are left out.
    names = [path.name for path in Path(__file__).parent.glob("test_*.py")]
    collect_ignore = [name for name in names if name != "test_available.py"]


@pytest.fixture
def reason():
    """Why there is no viewer here; empty if there is one."""
    return missing() or without_display()


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents:
            continue
        if "make_napari_viewer" in getattr(item, "fixturenames", ()) and without_display():
            item.add_marker(pytest.mark.skip(reason=without_display()))


@pytest.fixture
def movie_file(make_stack, make_spots, tmp_path):
    """A bundle with a movie of three moving particles, a frame every half second."""
    from playNano.io.export.bundle import write_bundle

    return write_bundle(make_stack(make_spots((12, 48, 64))[0]), tmp_path / "movie.h5")


@pytest.fixture
def results(movie_file, tmp_path):
    """A result folder of the movie, as the command line writes it."""
    from playNano.analysis.plan import Plan
    from playNano.cli.job import Options, analyze_file

    plan = Plan.from_options(
        "zero_mean", "feature_detection:threshold=1,min_size=3; particle_tracking:max_distance=5", None
    )
    analyze_file(movie_file, plan, tmp_path / "results", Options(movie="none"))
    return tmp_path / "results"


@pytest.fixture
def viewer(make_napari_viewer):
    """A viewer in which the plugin is found, also where it is not installed."""
    return make_napari_viewer()
