"""Keep the pixels after the last step of a pipeline, and the record of its steps, in a cache."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from playNano.core.geometry import MovieGeometry
from playNano.core.lazy import is_lazy
from playNano.core.provenance import array_fingerprint, collect_warnings, to_record, utc_now
from playNano.core.stack import Stack
from playNano.core.step_cache import StepCache, is_plain, key_of
from playNano.errors import PlayNanoWarning
from playNano.processing.run import PlannedStep, Run


def pixels_after(cache: StepCache | None, stack: Stack, steps: Sequence[PlannedStep], run: Run) -> Any:
    """Return the pixels after steps: from a cache if they have been run before, else run and kept in it.

    Run always: the steps of lazy movies, whose pixels are not computed here; those of plugins, whose code is not known;
    and edits, which change more than the pixels.

    Parameters
    ----------
    cache
        The cache; None to run the steps.
    stack
        The movie; not modified.
    steps
        Steps, in order.
    run
        Receives the entries of the record and the warnings of the steps.

    Returns
    -------
    ndarray or dask.array.Array
        Pixels, (n_frames, height, width).
    """
    began = time.perf_counter()
    key = None if cache is None else _key(stack, steps, run)
    kept = None if cache is None else cache.get(key)
    if kept is None:
        texts: list[str] = []
        with collect_warnings(texts):
            data = run.pixels(stack.data, steps)
        if cache is not None and key is not None and data.shape == stack.data.shape:
            cache.put(key, {"records": run.records, "texts": run.warnings, "warnings": texts}, data)
        return data
    for text in kept["warnings"]:
        warnings.warn(text, PlayNanoWarning, stacklevel=2)
    seconds = (time.perf_counter() - began) / len(steps)
    now = {"timestamp": utc_now(), "duration_s": seconds, "from_cache": True}
    run.records, run.warnings = [{**record, **now} for record in kept["records"]], kept["texts"]
    run.geometry = _geometry_after(run.given, steps)
    return kept["pixels"]


def is_builtin(step: PlannedStep) -> bool:
    """Return whether a step is one of playNano's own, with plain parameters, so that its name determines its result.

    Parameters
    ----------
    step
        The step.
    """
    own = step.step is None or str(step.step.function.__module__).startswith("playNano.")
    return own and is_plain(step.params)


def _key(stack: Stack, steps: Sequence[PlannedStep], run: Run) -> str | None:
    """Return the key of the pixels after steps, or None where they cannot be kept."""
    makes_pixels = any(step.kind in ("filter", "video") for step in steps)
    edits = any(step.kind == "edit" for step in steps)
    if is_lazy(stack.data) or edits or not makes_pixels or not all(map(is_builtin, steps)):
        return None
    return key_of(
        kind="processing",
        movie=run.source,
        first=run.first,
        pixels=array_fingerprint(stack.data),
        pixel_size_nm=list(stack.pixel_size_yx_nm),
        channel=stack.channel,
        unit=stack.unit,
        scan=None if stack.scan is None else stack.scan.to_dict(),
        steps=[[s.name, s.step.version if s.step else None, to_record(s.params)] for s in steps],
    )


def _geometry_after(geometry: MovieGeometry | None, steps: Sequence[PlannedStep]) -> MovieGeometry | None:
    """Return the geometry after steps that are no edits: of these, only the scan can be another."""
    for step in steps:
        if (
            geometry is not None
            and geometry.scan is not None
            and step.step is not None
            and step.step.scan is not None
        ):
            geometry = replace(geometry, scan=step.step.scan(geometry.scan, geometry.shape[0]))
    return geometry
