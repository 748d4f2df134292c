"""The longer edge of the box around each tracked region, through time."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.points import detection_outputs
from playNano.errors import MissingInputError


class TrackedParticleBoundarySizeModule(AnalysisModule):
    """Measure the longer edge of the box around each tracked region, through time."""

    name = "tracked_particle_boundary_size"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_region_extraction",)

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        extraction_module: str = "particle_region_extraction",
        threshold: float | None = None,
        measure: Literal["bbox_max_dim"] = "bbox_max_dim",
    ) -> AnalysisOutputs:
        """Measure the longer edge of the box around each tracked region.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them those of particle_region_extraction.
        extraction_module
            Name of that module.
        threshold
            Edge, px, above which a particle is in state 1, else in state 0. None: no states.
        measure
            What is measured: the longer edge of the box.

        Returns
        -------
        dict
            ``measure``, ``threshold``. ``per_track``: a list of dicts with ``track_id, frames, timestamps``, and one
            value per frame: ``max_dim`` (px), ``max_dim_nm`` (the longer edge in nm), ``state`` (with a threshold); NaN
            where the particle was not detected. ``flat_table``: a list of dicts, one per track and frame.
            ``plot_hints``: empty. ``summary``: counts.

        Raises
        ------
        MissingInputError
            particle_region_extraction has not run, or without its boxes.
        """
        extracted = detection_outputs(previous_results, extraction_module, "per_track")
        if not extracted["summary"].get("include_bbox", True):
            raise MissingInputError(f"{self.name} needs {extraction_module!r} with include_bbox=True")
        tall, wide = (float(size) for size in stack.pixel_size_yx_nm)
        per_track, rows = [], []
        for track in extracted["per_track"]:
            edges = [_edges(region) for region in track["regions"]]
            in_px = [max(edge) for edge in edges]
            in_nm = [max(edge[0] * tall, edge[1] * wide) for edge in edges]
            entry = {
                **{key: track[key] for key in ("track_id", "frames", "timestamps")},
                "max_dim": in_px,
                "max_dim_nm": in_nm,
            }
            if threshold is not None:
                entry["state"] = [np.nan if np.isnan(edge) else int(edge > threshold) for edge in in_px]
            per_track.append(entry)
            for n, region in enumerate(track["regions"]):
                row = {
                    "track_id": track["track_id"],
                    "label": np.nan if region is None else region["label"],
                    "frame": track["frames"][n],
                    "timestamp": track["timestamps"][n],
                    "max_dim": in_px[n],
                    "max_dim_nm": in_nm[n],
                }
                rows.append(row if threshold is None else {**row, "state": entry["state"][n]})
        return {
            "measure": measure,
            "threshold": threshold,
            "per_track": per_track,
            "flat_table": rows,
            "plot_hints": {},
            "summary": {
                "n_tracks": len(per_track),
                "n_rows": len(rows),
                "n_missing_region_measurements": sum(np.isnan(row["max_dim"]) for row in rows),
                "state_included": threshold is not None,
            },
        }


def _edges(region: Any) -> tuple[float, float]:
    """Return height and width of a region's box, px; NaN for a missing one."""
    if region is None or region["bbox_tight"] is None:
        return np.nan, np.nan
    top, left, bottom, right = region["bbox_tight"]
    return float(bottom - top), float(right - left)
