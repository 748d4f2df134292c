"""The registry of exporters of analysed stacks, and the exporters of label images and tracks."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.analysis.plan import Plan
from playNano.analysis.utils.tracks import last_tracking, to_trackmate_xml
from playNano.core.provenance import outputs_of_kind
from playNano.core.registry import Registry, accept_declared, by_name, plugin_groups
from playNano.core.step_text import parse_steps
from playNano.errors import MissingInputError, ParameterError
from playNano.io.export import EXPORTER_ATTRIBUTE, Exporter
from playNano.io.export.ome_tiff import write_label_tiff, write_ome_tiff

_HERE = "playNano.analysis.exporters"
_TRACKS = "playNano.analysis.track_exporters"
_MOVIES = "playNano.io.export.movie_files"
_LABELS = "labeled_masks"
_PICTURES = "a picture for the eye, which cannot be read back"

KEPT_AS_MOVIE = (
    "values", "pixel size", "unit", "channel", "times", "frame metadata", "scan", "metadata", "warnings", "steps",
)  # fmt: skip
"""What formats of one movie without results keep; see `playNano.analysis.convert.PROPERTIES`."""

KEPT_BY_BUNDLES = (*KEPT_AS_MOVIE, "snapshots and masks", "results")

BUILTIN_EXPORTERS: dict[str, Exporter] = by_name(
    (
        Exporter("bundle", ".h5", "playNano.io.export.bundle:write_bundle", keeps=KEPT_BY_BUNDLES),
        Exporter(
            "ome-tiff",
            ".ome.tif",
            "playNano.io.export.ome_tiff:write_ome_tiff",
            stem="processed",
            keeps=KEPT_AS_MOVIE,
            limits="processing steps come back as metadata; values are float32",
        ),
        Exporter(
            "mask-tiff",
            ".ome.tif",
            "playNano.io.export.ome_tiff:write_mask_tiff",
            stem="mask",
            limits="a mask alone: 255 within it, else 0",
        ),
        Exporter(
            "label-tiff",
            ".ome.tif",
            f"{_HERE}:write_labels",
            stem="labels",
            limits="the label images of a detection alone",
        ),
        Exporter(
            "ome-zarr",
            ".ome.zarr",
            "playNano.io.export.ome_zarr:write_ome_zarr",
            keeps=KEPT_AS_MOVIE,
            limits="processing steps come back as metadata",
        ),
        Exporter(
            "npz",
            ".npz",
            "playNano.io.export.numpy_files:write_npz",
            keeps=KEPT_AS_MOVIE,
            limits="processing steps come back as metadata; pixels are read as float32",
        ),
        Exporter(
            "npy",
            ".npy",
            "playNano.io.export.numpy_files:write_npy",
            keeps=("values",),
            limits="pixel size, unit and frame time are given when it is read; pixels are read as float32",
        ),
        Exporter(
            "asd",
            ".asd",
            f"{_MOVIES}:export_asd",
            keeps=("pixel size", "unit", "times"),
            limits="values are rounded to 12 bits of their range, and have no NaN; heights in nm or phases in degrees; "
            "an image has a size of whole nm; one frame time; a direction of the scan only if it is up",
        ),
        Exporter(
            "gif",
            ".gif",
            f"{_MOVIES}:export_gif",
            limits=_PICTURES,
        ),
        Exporter("mp4", ".mp4", f"{_MOVIES}:export_video", stem="movie", limits=_PICTURES),
        Exporter("webm", ".webm", f"{_MOVIES}:export_video", stem="movie", limits=_PICTURES),
        Exporter(
            "particle-movies",
            "_movies",
            "playNano.analysis.measurement.particle_movies:write_particle_movies",
            stem="particle",
            limits="pictures for the eye, which cannot be read back",
        ),
        Exporter("trackmate", ".xml", f"{_HERE}:write_trackmate", stem="tracks"),
        Exporter("trackpy", ".csv", f"{_TRACKS}:write_trackpy", stem="tracks_trackpy"),
        Exporter("btrack", ".csv", f"{_TRACKS}:write_btrack", stem="tracks_btrack"),
        Exporter("laptrack", ".csv", f"{_TRACKS}:write_laptrack", stem="tracks_laptrack"),
        Exporter("napari", ".csv", f"{_TRACKS}:write_napari", stem="tracks_napari"),
    )
)
"""Name -> built-in exporter."""


def _accept_exporter(name: str, target: Any) -> Exporter:
    """Return the exporter of a plugin's entry point."""
    return accept_declared(name, target, Exporter, EXPORTER_ATTRIBUTE)


@functools.cache
def exporter_registry() -> Registry[Exporter]:
    """Return the registry of exporters: built-ins and plugins."""
    return Registry("exporter", BUILTIN_EXPORTERS, plugin_groups("exporters", _accept_exporter))


def export_stack(stack: AFMImageStack, name: str, path: str | Path, **options: Any) -> Path:
    """Write a stack with its analysis, using a registered exporter.

    Parameters
    ----------
    stack
        The movie; the analysis that has run on it is in ``stack.analysis``.
    name
        Name of the exporter; `exporter_registry` lists them.
    path
        File to write; if it is an existing folder, a file in it that is named after the exporter.
    **options
        Options of the exporter.

    Returns
    -------
    Path
        The file or folder that was written.

    Raises
    ------
    UnknownNameError
        If there is no such exporter; the message has the most similar names.
    ParameterError
        If an option is unknown, or its value is not allowed.
    MissingInputError
        If the stack lacks the results to be written.
    OSError
        If the file cannot be written; an existing file is left unchanged.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> stack = AFMImageStack(np.zeros((2, 4, 4)), 2.0, "height_trace", "movie.npz")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_stack(stack, "bundle", folder).name
    'bundle.h5'
    """
    return exporter_registry()[name].export(stack, path, **options)


def plan_exports(texts: Sequence[str]) -> list[tuple[Exporter, dict[str, Any]]]:
    """Look up exporters and validate their options before any processing starts.

    Parameters
    ----------
    texts
        ``NAME`` or ``NAME:option=value,option=value``.

    Returns
    -------
    list of (Exporter, dict)
        The exporters and their options in effect.

    Raises
    ------
    UnknownNameError
        If there is no such exporter.
    ParameterError
        If an option is unknown or wrong, or two exporters would write the same file.

    Examples
    --------
    >>> [(exporter.file_name, options) for exporter, options in plan_exports(["trackmate"])]
    [('tracks.xml', {'image': False})]
    """
    planned = []
    for call in (call for text in texts for call in parse_steps(text)):
        exporter = exporter_registry()[call.name]
        planned.append((exporter, exporter.bind(call.params)))
    names = [exporter.file_name for exporter, _ in planned]
    for name in names:
        if names.count(name) > 1:
            raise ParameterError(f"two exports would write the same file, {name}")
    return planned


def check_exports(planned: Sequence[tuple[Exporter, Any]], stack: AFMImageStack, plan: Plan) -> None:
    """Raise an error if a run cannot make what is to be exported, before it starts.

    Parameters
    ----------
    planned
        Exporters and their options, from `plan_exports`.
    stack
        The movie, as loaded.
    plan
        Steps and modules that will be run on it.

    Raises
    ------
    MissingInputError
        If a mask is to be exported without a mask step, tracks without tracking, or movies of particles without
        their crops.
    """
    names = {exporter.name for exporter, _ in planned}
    processing, analysis = plan.bind()
    has_mask = stack.masks or any(step.kind == "mask" for step in processing.steps)
    if "mask-tiff" in names and not has_mask:
        raise MissingInputError(
            "--export mask-tiff writes the mask of a processing step, and there is none: add one, such as --process "
            '"mask_adaptive", or export the label images of a detection, label-tiff'
        )
    if "particle-movies" in names and "particle_regions" not in [name for name, _ in analysis.steps]:
        raise MissingInputError(
            "--export particle-movies writes crops of particles; add particle_regions to --steps"
        )
    tracks = plan.objects is not None or "tracking" in analysis.kinds
    for name in sorted(names & {"trackmate", "trackpy"}):
        if not tracks:
            raise MissingInputError(f"--export {name} writes tracks; add tracking, such as particle_tracking")


def write_labels(stack: AFMImageStack, path: str | Path, *, step: str | None = None) -> Path:
    """Write the label images of a detection as an OME-TIFF movie of whole numbers: 0 is no region.

    Parameters
    ----------
    stack
        The movie, on which a detection with label images (feature_detection) has been run.
    path
        File to write.
    step
        Key of the detection, as in ``"step_1_feature_detection"``, or the name of its module; by default the latest
        one that has label images.

    Returns
    -------
    Path
        The file. A label of a frame is the ``label`` of that frame's row in the table of the detection.

    Raises
    ------
    MissingInputError
        If there are no such label images.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    labelled = {
        key: outputs
        for key, outputs in outputs_of_kind(stack, "detection").items()
        if _LABELS in outputs
        and (step is None or step == key or key.partition("_")[2].partition("_")[2] == step)
    }
    if not labelled:
        module = "feature_detection" if step is None else step
        raise MissingInputError(f"there are no label images to export: run the detection {module}")
    key, outputs = list(labelled.items())[-1]
    table = outputs["table"]
    largest = int(table["label"].max()) if len(table) else 0
    return write_label_tiff(stack, outputs[_LABELS], path, name=f"labels of {key}", largest=largest)


def write_trackmate(stack: AFMImageStack, path: str | Path, *, image: bool = False) -> Path:
    """Write the tracks as a TrackMate file, which Fiji, pytrackmate and pycellin open.

    Parameters
    ----------
    stack
        The movie, on which tracking has been run.
    path
        File to write.
    image
        Whether the movie is written next to it as an OME-TIFF, which Fiji then opens with the tracks.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    MissingInputError
        If tracking has not been run.
    OSError
        If the file cannot be written; an existing file is left unchanged.
    """
    tracking, name = last_tracking(stack), None
    if image:
        name = f"{Path(path).stem}.ome.tif"
        write_ome_tiff(stack, Path(path).with_name(name))
    return to_trackmate_xml(path, tracking, stack, image_name=name)
