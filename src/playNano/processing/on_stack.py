"""Run planned steps on a stack: pixels, snapshots, masks and record are stored in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal, get_args

from playNano.core.edits import PixelMark, mark_pixels, note_changed_pixels
from playNano.core.lazy import is_lazy
from playNano.core.lazy_mapping import LazyMapping
from playNano.core.provenance import collect_warnings, gather_environment_info
from playNano.core.stack import Stack
from playNano.core.step_cache import StepCache
from playNano.errors import ParameterError
from playNano.processing.edit_step import Edit
from playNano.processing.kept import pixels_after
from playNano.processing.run import PlannedStep, Run
from playNano.processing.steps import Step, step_registry

Keep = Literal["all", "last", "none"]


def run_steps(
    stack: Stack,
    steps: tuple[PlannedStep, ...],
    keep: Keep,
    *,
    workers: int | None,
    block_frames: int | None,
    cache: StepCache | None = None,
) -> None:
    """Run steps on a stack and store pixels, snapshots, masks and record in it; on failure it is left unchanged.

    Parameters
    ----------
    stack
        The movie; its pixels, snapshots, masks and processing record are replaced.
    steps
        Steps, in order.
    keep
        Snapshots and masks kept in memory; see `playNano.processing.pipeline.ProcessingPipeline.run`.
    workers
        Number of threads; None for one per processor.
    block_frames
        Frames in a block; None for as many as fit into the cache.
    cache
        Cache of the results of steps; None for none.

    Raises
    ------
    StepError
        If a step fails; the message names step and frame.
    """
    if keep not in get_args(Keep):
        raise ParameterError(f"keep must be one of {', '.join(get_args(Keep))}, not {keep!r}")
    note_changed_pixels(stack)
    if "raw" not in stack.processed:
        stack.marks["raw"] = stack.marks["data"]
    first = len(stack.provenance["processing"]["steps"])
    run = Run(
        stack.file_path.name, first, workers, block_frames, stack.geometry, channel=stack.channel_pixels
    )
    with collect_warnings(stack.provenance["warnings"]):
        data = pixels_after(cache, stack, steps, run)
    _commit(stack, steps, data, run.records, keep, run)
    mark_pixels(stack)
    for text in run.warnings:
        stack.warn(text)


def _commit(
    stack: Stack,
    steps: tuple[PlannedStep, ...],
    data: Any,
    records: list[dict[str, Any]],
    keep: Keep,
    run: Run,
) -> None:
    """Store pixels, snapshots, masks and records in the stack."""
    processed, masks = LazyMapping(stack.processed), LazyMapping(stack.masks)
    processed.setdefault("raw", stack.data)
    last = max((i for i, step in enumerate(steps) if step.kind in ("filter", "video", "edit")), default=-1)
    last_edit = max(run.edits, default=-1)
    earlier = stack.provenance["processing"]["steps"]
    if run.edits:
        # Snapshots and masks of other frames or another field would not belong to the movie any more.
        turns = [step_registry()[step["name"]] for step in earlier if step.get("scan_before")]
        raw = _edited_raw(processed["raw"], turns, steps[: last_edit + 1], run.edits)
        stack.marks["raw"] = PixelMark.of(raw)
        processed, masks = LazyMapping({"raw": raw}), LazyMapping()
        for record in [*earlier, *records[:last_edit]]:
            for name in ("scan_before", "rows_reversed"):  # raw pixels lie as those of the movie now
                record.pop(name, None)
    keys: dict[str, list[str]] = {}
    for position, (step, record) in enumerate(zip(steps, records, strict=True)):
        key = f"step_{record['index']}_{step.name}"
        if step.kind == "clear" or keep == "none" or position < last_edit:
            continue
        is_mask = step.kind == "mask"
        record["mask_key" if is_mask else "processed_key"] = key
        keys.setdefault(step.name, []).append(key)
        make = partial(run_again, run, stack.data, steps[: position + 1], is_mask)
        if position == last:
            processed[key] = data
        else:
            (masks if is_mask else processed)[key] = make() if keep == "all" or is_lazy(data) else make
    processing = stack.provenance["processing"]
    if records and _mask_in_force(processing["steps"]):
        records[0]["mask_cleared"] = True  # a mask does not apply to the steps of a later run
    merged = {name: [*processing["keys_by_name"].get(name, []), *new] for name, new in keys.items()}
    if not stack.provenance["environment"]:
        stack.provenance["environment"] = gather_environment_info()
    stack.processed, stack.masks = processed, masks
    stack.replace_movie(data, run.geometry or stack.geometry)
    stack.provenance["processing"] = {
        "steps": [*processing["steps"], *records],
        "keys_by_name": {**processing["keys_by_name"], **merged},
    }


def _edited_raw(
    raw: Any, turns: Sequence[Step], steps: Sequence[PlannedStep], edits: Mapping[int, Edit]
) -> Any:
    """Return the raw pixels of the frames and field that edits leave, in the orientation of the movie."""
    for step in turns:
        raw = _turned(raw, step)
    for position, planned in enumerate(steps):
        if position in edits:
            raw = edits[position].apply(raw)
        elif planned.step is not None and planned.step.scan is not None:
            raw = _turned(raw, planned.step)
    return raw


def _turned(raw: Any, step: Step) -> Any:
    """Apply a step without parameters that puts the rows in another order."""
    return raw.map_blocks(step.function, dtype=raw.dtype) if is_lazy(raw) else step.function(raw)


def _mask_in_force(steps: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether a mask was in force at the end of recorded steps."""
    in_force = False
    for step in steps:
        in_force = step["kind"] == "mask" or (
            in_force and step["kind"] != "clear" and not step.get("mask_cleared")
        )
    return in_force


def run_again(run: Run, data: Any, steps: tuple[PlannedStep, ...], is_mask: bool) -> Any:
    """Recompute a snapshot or mask by running the recorded steps again on the input of the run.

    Parameters
    ----------
    run
        The run whose source, numbering and block size are used.
    data
        Input pixels of the run.
    steps
        The steps up to the snapshot or mask.
    is_mask
        Whether to return the mask after the steps instead of the pixels.
    """
    again = Run(run.source, run.first, run.workers, run.block_frames, run.given, channel=run.channel)
    return again.mask(data, steps) if is_mask else again.pixels(data, steps)
