"""Time of the steps of a job with and without the step cache: ``python benchmarks/step_cache.py MOVIE``."""

import sys
import tempfile
import time
import warnings

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.edits import PixelMark
from playNano.processing.pipeline import ProcessingPipeline


def job(path, search_range_px, cache):
    """Return processor time and wall time of all steps, s."""
    stack = AFMImageStack.load_data(path, lazy=False)
    modules = f"frame_quality;feature_detection;particle_tracking:max_distance={search_range_px}"
    began = time.process_time(), time.perf_counter()
    ProcessingPipeline(stack).add_steps("level").run(cache=cache)
    AnalysisPipeline().add_steps(modules).run(stack, cache=cache)
    return time.process_time() - began[0], time.perf_counter() - began[1]


def main(path):
    """Print a line for each run."""
    warnings.simplefilter("ignore")
    job(path, 7, None)  # loads the kernels
    with tempfile.TemporaryDirectory() as folder:
        for name, search_range_px, cache in (
            ("without", 8, None),
            ("first run", 8, folder),
            ("another search range", 9, folder),
            ("the same again", 9, folder),
        ):
            cpu_s, wall_s = job(path, search_range_px, cache)
            print(f"{name:22} {cpu_s:6.2f} CPU s {wall_s:6.2f} s")
    pixels = AFMImageStack.load_data(path, lazy=False).data
    began = time.perf_counter()
    PixelMark.of(pixels)
    print(
        f"fingerprint of the pixels {1e3 * (time.perf_counter() - began):.1f} ms for {pixels.nbytes / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main(sys.argv[1])
