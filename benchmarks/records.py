"""Measure size and time of records: ``python benchmarks/records.py --output benchmarks/results/records.md``."""

from __future__ import annotations

import argparse
import platform
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.analysis.record_file import read_record, write_record, write_record_hdf5
from playNano.core.result_folder import result_folder
from playNano.core.tables import RowsByFrame
from playNano.io.export.tables import write_tables
from playNano.processing.pipeline import ProcessingPipeline
from playNano.simulate.movie import simulate_movie

LEVEL = "remove_plane;row_median_align;gaussian_filter:sigma=1"
STEPS = (
    "frame_quality;feature_detection:mask_fn=mask_threshold,threshold=1.5,min_size=12;"
    "particle_tracking:max_distance_nm=24,max_missing=2"
)


def stack_of(frames: int) -> AFMImageStack:
    """Return a simulated and levelled movie of 12 particles on 128 x 128 px."""
    stack = simulate_movie(n_frames=frames, shape=(128, 128), n_particles=12, seed=1).to_stack()
    ProcessingPipeline(stack).add_steps(LEVEL).run()
    return stack


def synthetic(rows: int) -> dict[str, Any]:
    """Return a record of a detection with many rows, without pixels."""
    random, frames = np.random.default_rng(0), rows // 100
    table = pd.DataFrame({f"column_{i}_nm": random.normal(size=rows) for i in range(25)})
    table.insert(0, "frame", np.repeat(np.arange(frames), 100))
    tiny = AFMImageStack(np.zeros((1, 2, 2)), 1.0, "height_trace", "none")
    record = AnalysisPipeline().add_steps("count_nonzero").run(tiny)
    view = RowsByFrame(table, frames, {"y": "column_0_nm", "x": "column_1_nm"})
    record["analysis"]["step_1_count_nonzero"] |= {"table": table, "features_per_frame": view}
    return record


def measure(record: dict[str, Any]) -> dict[str, float]:
    """Write and read a record in a new folder; return sizes in kB and times in s."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "out"
        with result_folder(folder) as run:
            tables = write_tables(record, run.path)
            csv = sum(
                path.stat().st_size for name, path in tables.items() if name in ("features.csv", "tracks.csv")
            )
            began = time.perf_counter()
            write_record(run, record, write_record_hdf5(run.path, record))
            written = time.perf_counter() - began
        began = time.perf_counter()
        read_record(folder)
        read = time.perf_counter() - began
        sizes = {name: (folder / name).stat().st_size / 1e3 for name in ("record.json", "record.h5")}
    return {
        "csv": csv / 1e3,
        "json": sizes["record.json"],
        "h5": sizes["record.h5"],
        "write": written,
        "read": read,
    }


def main() -> None:
    """Measure movies of several lengths and a table of a million rows; print or write a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--frames", type=int, nargs="*", default=[5, 20, 50, 200, 1000])
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    lines = [
        "# Records: size and time",
        "",
        "`python benchmarks/records.py --output benchmarks/results/records.md`",
        "",
        "Simulated movies of 12 particles on 128 x 128 px; writing of record.h5 (compressed, with label images) and",
        "record.json together, with the checksums of all files; reading of both. Bar: record.json at most 1.5 times",
        f"features.csv plus tracks.csv. {platform.machine()}, other jobs ran beside it.",
        "",
        "| movie | detections | features.csv + tracks.csv, kB | record.json, kB | ratio | record.h5, kB | write, s | "
        "read, s |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for frames in given.frames:
        record = AnalysisPipeline().add_steps(STEPS).run(stack_of(frames))
        measure(record)
        got = measure(record)
        count = len(record["analysis"]["step_2_feature_detection"]["table"])
        lines.append(
            f"| {frames} frames | {count} | {got['csv']:.0f} | {got['json']:.0f} | {got['json'] / got['csv']:.2f} | "
            f"{got['h5']:.0f} | {got['write']:.2f} | {got['read']:.2f} |"
        )
    got = measure(synthetic(given.rows))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    lines.append(
        f"| table of 26 columns | {given.rows} | | {got['json']:.0f} | | {got['h5']:.0f} | {got['write']:.2f} | "
        f"{got['read']:.2f} |"
    )
    lines += ["", f"Peak memory of the process: {peak:.2f} GB."]
    text = "\n".join(lines) + "\n"
    if given.output:
        given.output.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
