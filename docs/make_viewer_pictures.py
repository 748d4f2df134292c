"""Make the pictures of docs/viewer.md: python docs/make_viewer_pictures.py (needs napari, Qt and a display).

xvfb-run -a -s "-screen 0 1600x1000x24 +extension GLX" python docs/make_viewer_pictures.py
"""

import tempfile
import time
import warnings
from pathlib import Path

import numpy as np

from playNano.analysis.plan import Plan
from playNano.cli.job import Options, analyze_file
from playNano.io.export.bundle import write_bundle
from playNano.simulate.presets import simulate_preset
from playNano.viewer.inspect_dock import LINES
from playNano.viewer.results import results_in
from playNano.viewer.show import show

PICTURES = Path(__file__).parent / "pictures"
SIZE = (1500, 940)


def wait(condition, timeout=120.0):
    """Let Qt work until a condition holds."""
    from qtpy.QtWidgets import QApplication

    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("the viewer has not finished")
        QApplication.processEvents()
        time.sleep(0.01)
    for _ in range(20):
        QApplication.processEvents()
        time.sleep(0.01)


def open_docks(path):
    viewer = show(path)
    viewer.window.resize(*SIZE)
    docks = {name.partition(" ")[0]: widget for name, widget in viewer.window.dock_widgets.items()}
    viewer.reset_view()
    return viewer, docks


def picture(viewer, name, dock):
    dock.raise_dock()
    wait(lambda: True)
    viewer.screenshot(str(PICTURES / f"viewer_{name}.png"), canvas_only=False)


def settled(dock):
    preview = dock.preview
    return preview.shown is not None and preview._started == preview._generation and not dock.worker.running


def pipeline_picture(movie):
    viewer, docks = open_docks(movie)
    dock = docks["Pipeline"]
    dock.add("gaussian_filter", analysis=False)
    dock.add("feature_detection", analysis=True)
    dock.form.fields["mask_fn"].type_text("mask_threshold")
    dock.form.fields["threshold"].type_text("1.2")
    dock.add("particle_tracking", analysis=True)
    dock.run_panel.folder.setText("results")
    dock.entries.setCurrentRow(2)
    viewer.dims.set_current_step(0, 12)
    wait(lambda: settled(dock))
    viewer.layers["preview"].contrast_limits = (-0.5, 5.0)
    picture(viewer, "pipeline", dock)
    viewer.close()


def inspect_and_curate_pictures(results):
    viewer, docks = open_docks(results)
    docks["Pipeline"].live.setChecked(False)
    wait(lambda: not docks["Pipeline"].worker.running)
    viewer.dims.set_current_step(0, 12)
    tracks = results_in(viewer).analysed.tracks
    length = tracks.groupby("track_id")["frame"].transform("size")
    row = tracks[(tracks["frame"] == 12) & (length == length[tracks["frame"] == 12].max())].iloc[0]
    dock = docks["Inspect"]
    dock.clicks.at(viewer.layers["detections"].data_to_world((12, row["y"], row["x"])))
    dock.draw_line()
    place = np.array([[row["y"], row["x"] - 14], [row["y"], row["x"] + 14]])
    viewer.layers[LINES].add_paths([place])
    viewer.layers[LINES].mode = "pan_zoom"
    viewer.layers[LINES].edge_width = 0.7
    dock.show_profile()
    dock.show_kymograph()
    wait(lambda: dock.outputs is not None)
    picture(viewer, "inspect", dock)
    viewer.layers.remove(LINES)
    dock = docks["Curate"]
    dock.author.setText("A. Student")
    dock.start()
    for key in "NCNBN":
        dock.do(key)
    picture(viewer, "curate", dock)
    viewer.close()


def main():
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        movie = simulate_preset("membrane diffusion", n_frames=60, seed=1)
        file = write_bundle(movie.to_stack(), Path(folder) / "movie.h5")
        plan = Plan.from_options(
            "level;gaussian_filter",
            "feature_detection:mask_fn=mask_threshold,threshold=1.2;particle_tracking",
            None,
        )
        analyze_file(file, plan, Path(folder) / "results", Options(movie="none"))
        pipeline_picture(file)
        inspect_and_curate_pictures(Path(folder) / "results")


if __name__ == "__main__":
    main()
