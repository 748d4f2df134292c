"""Movies and plugins that many tests share."""

import importlib.metadata
import math
import os
import subprocess
import sys
from types import ModuleType

import numpy as np
import pytest
from hypothesis import settings

from playNano.afm_stack import AFMImageStack
from playNano.simulate.shapes import Gaussian


def pytest_configure(config):
    """Compile the kernels of the main job once before several workers begin, which would each compile them.

    Where that cannot be kept, the tests compile for themselves.
    """
    controls_workers = not hasattr(config, "workerinput") and config.getoption("numprocesses", None)
    if controls_workers:
        subprocess.run([sys.executable, "-m", "playNano", "warm-up"], check=False, stdout=subprocess.DEVNULL)


# A gate must not fall by chance; at a desk every run tries new cases.
settings.register_profile("desk", deadline=None)
settings.register_profile("gate", deadline=None, derandomize=True)
settings.load_profile("gate" if os.environ.get("CI") else "desk")


def spots(shape=(6, 32, 40), *, height=5.0, sigma=2.0, seed=0, noise=0.02):
    """Three of the simulator's Gaussian particles that move by known steps over a noisy plane at 0 nm.

    Returns the movie, float32, and the true places, (particle, frame, (y, x)).
    """
    n, rows, columns = shape
    shape_of_one = Gaussian(height, sigma * math.sqrt(2 * math.log(2)))
    starts = np.array([[8.0, 8.0], [22.0, 9.0], [14.0, 28.0]])
    steps = np.array([[0.5, 0.7], [0.2, 0.6], [0.4, -0.9]])
    truth = starts[:, None] + steps[:, None] * np.arange(n)[None, :, None]
    y, x = np.mgrid[:rows, :columns]
    data = np.random.default_rng(seed).normal(0, noise, shape)
    for track in truth:
        for frame, (row, column) in enumerate(track):
            data[frame] += shape_of_one.surface(y - row, x - column)
    return data.astype(np.float32), truth


def stack_of(data=None, **change):
    """Make a stack of a movie with a frame every half second; any constructor argument can be changed."""
    data = spots()[0] if data is None else data
    values = {
        "pixel_size_nm": 2.0,
        "channel": "height_trace",
        "file_path": "movie.asd",
        "frame_metadata": [{"timestamp": 0.5 * i} for i in range(len(data))],
    }
    return AFMImageStack(data, **{**values, **change})


@pytest.fixture
def make_stack():
    return stack_of


@pytest.fixture
def make_spots():
    return spots


LATERAL = frozenset({
    "y_nm", "x_nm", "area_nm2", "min_area_nm2", "max_area_nm2", "sigma_nm", "radius_nm", "y_weighted_nm",
    "x_weighted_nm", "perimeter_nm", "major_axis_nm", "minor_axis_nm", "pixel_size_nm", "displacement_nm",
    "net_displacement_nm", "path_length_nm", "distance_nm", "extent_y_nm", "extent_x_nm", "density_per_nm2",
    "max_distance_nm", "min_distance_nm", "step_nm", "area_scale_nm2", "scale_nm", "eps_nm", "separate_radius_nm",
    "step_rms_nm", "step_rms_of_share_nm", "neighbour_distance_nm", "min_sigma_nm", "max_sigma_nm", "pixel_nm",
    "y_corrected_nm", "x_corrected_nm", "separate_depth_nm", "estimated_range_nm",
    "edge_nm", "dr_nm", "r_max_nm", "exclusion_nm", "resolution_nm", "r_nm", "r_low_nm", "r_high_nm", "k_nm2", "l_nm",
    "max_shear_nm", "density_1_nm2",
    "neighbour_band_nm", "site_radius_nm", "spread_nm",
    "msd_nm2", "msd_low_nm2", "msd_high_nm2", "localization_nm", "localization_y_nm", "localization_x_nm",
    "confinement_radius_nm", "confinement_radius_low_nm", "confinement_radius_high_nm", "tether_nm",
    "max_pair_nm", "pair_distance_nm", "line_nm", "width_nm",
    "jitter_nm",
    "run_length_nm", "run_length_low_nm", "run_length_high_nm", "travelled_nm", "step_error_nm", "path_rms_nm",
    "size_nm", "max_dim_nm", "scale_bar_length_nm", "to_y_nm", "to_x_nm",
})  # fmt: skip
"""Names in nm that are measured along the surface, in every channel; all others need a channel of heights."""


@pytest.fixture
def lateral_names():
    return LATERAL


class Plugins:
    """Entry points and the objects behind them, as if packages had been installed."""

    def __init__(self, monkeypatch):
        self._monkeypatch = monkeypatch
        self._points = []
        self._real = importlib.metadata.entry_points

    def _show(self, points):
        """Let `importlib.metadata` find these beside what is installed."""
        self._points = points

        def entry_points(**selection):
            if "group" not in selection:  # numba looks for its own extensions when it compiles
                return self._real(**selection)
            mine = [p for p in points if p.group == selection["group"]]
            return [*self._real(**selection), *mine]

        self._monkeypatch.setattr(importlib.metadata, "entry_points", entry_points)

    def clear(self):
        """Uninstall what was added."""
        self._show([])

    def point(self, group, name, value):
        """Add an entry point that says `value`, whether or not there is such a thing."""
        self._show([*self._points, importlib.metadata.EntryPoint(name, value, group)])

    def add(self, group, name, target):
        """Add an entry point for an object."""
        module = ModuleType(f"plugin_module_{name}_{id(target)}")
        module.target = target
        self._monkeypatch.setitem(sys.modules, module.__name__, module)
        self.point(group, name, f"{module.__name__}:target")
        return f"{module.__name__}:target"


@pytest.fixture
def plugins(monkeypatch):
    return Plugins(monkeypatch)
