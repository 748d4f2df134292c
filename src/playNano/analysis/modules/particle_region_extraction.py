"""Boxes of whole pixels around tracked regions, in nested lists per track."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.measurement.region_boxes import Box, BoxOptions
from playNano.analysis.measurement.source import DEFAULT_TRACKING
from playNano.analysis.points import DEFAULT_DETECTION, detection_outputs, resolve_detection
from playNano.analysis.previous import of_kind
from playNano.core.lazy import FrameArray, is_lazy
from playNano.errors import MissingInputError, ParameterError

_EDGES = ("minr", "minc", "maxr", "maxc")


class ParticleRegionExtractionModule(AnalysisModule):
    """Cut the box of whole pixels around each tracked region; for stabilised crops see `particle_regions`."""

    name = "particle_region_extraction"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_tracking",)
    automatic = (
        "tracking_module",
        "detection_module",
    )
    options_type = BoxOptions

    def resolve_defaults(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Set the tracking and the detection module if they are not given.

        Parameters
        ----------
        params
            Values in effect.
        previous_results
            Outputs of earlier modules by name.
        """
        module = resolve_detection({**params, "coord_key": ""}, previous_results)["detection_module"]
        ran = of_kind(previous_results, "tracking") or [DEFAULT_TRACKING]
        return {"tracking_module": ran[-1], **params, "detection_module": module}

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        tracking_module: str = DEFAULT_TRACKING,
        detection_module: str = DEFAULT_DETECTION,
        include_image: bool = True,
        include_mask: bool = True,
        include_bbox: bool = True,
        label_key: str = "label",
        **options: Any,
    ) -> AnalysisOutputs:
        """Cut the box of whole pixels around each tracked region.

        All crops are in memory at once, and boxes jump by whole pixels: `particle_regions` has neither limit.

        Parameters
        ----------
        stack
            The movie, as processed.
        previous_results
            Outputs of earlier modules, among them those of tracking and detection.
        tracking_module
            Module whose tracks are used. By default the latest tracking.
        detection_module
            Module whose regions were tracked; it returns label images, as feature_detection does. By default that
            which has run.
        include_image
            Whether each region has the pixels of its box.
        include_mask
            Whether each region has its mask in the box.
        include_bbox
            Whether each region, and the flat table, have the boxes.
        label_key
            Key of the label in the dict of a detection.
        **options
            See `playNano.analysis.measurement.region_boxes.BoxOptions`.

        Returns
        -------
        dict
            ``per_track``: a list of dicts: ``track_id``, ``frames`` (first to last), ``timestamps`` (s), ``regions``,
            and ``fixed_box_size`` (px or None). A region is None where the particle was not detected, else a dict with
            ``frame, timestamp, label``, ``bbox_tight``, ``bbox_padded`` (min_row, min_col, max_row, max_col; half
            open), ``image_crop`` and ``mask_crop``. ``flat_table``: a list of dicts, one per track and frame, without
            the crops. ``summary``: counts and parameters.

        Raises
        ------
        MissingInputError
            Tracking or a detection with label images has not run.
        """
        box_options = BoxOptions(**options)
        tracks = detection_outputs(previous_results, tracking_module, "tracks")["tracks"]
        detected = detection_outputs(previous_results, detection_module, "features_per_frame")
        labels = detected.get("labeled_masks")
        if labels is None:
            raise MissingInputError(
                f"{self.name} needs a detection with label images, as feature_detection, not {detection_module!r}"
            )
        times = np.asarray(stack.get_frame_times(), dtype=np.float64)
        features = [_plain(points, label_key) for points in detected["features_per_frame"]]
        per_track = [_track(track, features, times, stack.image_shape, box_options) for track in tracks]
        _cut_crops(per_track, stack.data if include_image else None, labels if include_mask else None)
        places = [(track, n) for track in per_track for n in range(len(track["frames"]))]
        rows = [_row(track["track_id"], n, track, include_bbox) for track, n in places]
        for track in per_track:
            for region in filter(None, track["regions"]):
                for key in () if include_bbox else ("bbox_tight", "bbox_padded"):
                    del region[key]
        return {
            "per_track": per_track,
            "flat_table": rows,
            "summary": {
                "n_tracks": len(per_track),
                "n_rows": len(rows),
                "n_skipped_index_errors": 0,
                "n_missing_region_measurements": sum(r is None for t in per_track for r in t["regions"]),
                **options,
                "include_image": include_image,
                "include_mask": include_mask,
                "include_bbox": include_bbox,
            },
        }


def _plain(points: Sequence[Mapping[str, Any]], label_key: str) -> list[tuple[int, Box]]:
    """Return label and box of the detections of a frame."""
    listed = []
    for point in points:
        if point.get(label_key) is None or point.get("bbox") is None:
            raise ParameterError(f"particle_region_extraction: the detections have no {label_key!r} and bbox")
        top, left, bottom, right = (int(edge) for edge in point["bbox"])
        listed.append((int(point[label_key]), (top, left, bottom, right)))
    return listed


def _track(
    track: Mapping[str, Any],
    features: Sequence[list[tuple[int, Box]]],
    times: npt.NDArray[np.float64],
    shape: tuple[int, int],
    options: BoxOptions,
) -> dict[str, Any]:
    """Return a track with its regions, without crops."""
    frames = [int(frame) for frame in track["frames"]]
    pairs = list(zip(frames, track["point_indices"], strict=True))
    detected_boxes = [None if index is None else features[frame][int(index)] for frame, index in pairs]
    size = options.size_of([entry[1] for entry in detected_boxes if entry is not None])
    regions = [
        None
        if entry is None
        else {
            "frame": frame,
            "timestamp": float(times[frame]),
            "label": entry[0],
            "bbox_tight": entry[1],
            "bbox_padded": options.around(entry[1], shape, size),
        }
        for frame, entry in zip(frames, detected_boxes, strict=True)
    ]
    timestamps = [float(times[frame]) for frame in frames]
    return {
        "track_id": int(track["id"]),
        "frames": frames,
        "timestamps": timestamps,
        "regions": regions,
        "fixed_box_size": size,
    }


def _cut_crops(per_track: list[dict[str, Any]], data: Any, labels: Any) -> None:
    """Add image and mask to the regions, frame by frame, so that each frame of a lazy movie is read once."""
    by_frame: dict[int, list[dict[str, Any]]] = {}
    for track in per_track:
        for region in filter(None, track["regions"]):
            by_frame.setdefault(region["frame"], []).append(region)
    images = FrameArray.of(data) if is_lazy(data) else data
    masks = FrameArray.of(labels) if is_lazy(labels) else labels
    for frame in sorted(by_frame):
        image = None if images is None else np.asarray(images[frame])
        label = None if masks is None else np.asarray(masks[frame])
        for region in by_frame[frame]:
            top, left, bottom, right = region["bbox_padded"]
            if image is not None:
                region["image_crop"] = image[top:bottom, left:right].copy()
            if label is not None:
                region["mask_crop"] = label[top:bottom, left:right] == region["label"]


def _row(track_id: int, position: int, track: Mapping[str, Any], include_bbox: bool) -> dict[str, Any]:
    """Return a row of the flat table; NaN where the particle was not detected."""
    region = track["regions"][position]
    row = {
        "track_id": track_id,
        "frame": track["frames"][position],
        "timestamp": track["timestamps"][position],
        "label": np.nan if region is None else region["label"],
    }
    for kind in ("tight", "padded") if include_bbox else ():
        box = (np.nan,) * 4 if region is None else region[f"bbox_{kind}"]
        row |= {f"bbox_{kind}_{edge}": value for edge, value in zip(_EDGES, box, strict=True)}
    return row
