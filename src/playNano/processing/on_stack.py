"""Run planned steps on a stack: pixels, snapshots, masks and record are stored in it."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal, get_args

from playNano.core.edits import mark_pixels, note_changed_pixels
from playNano.core.lazy import is_lazy
from playNano.core.lazy_mapping import LazyMapping
from playNano.core.provenance import collect_warnings, gather_environment_info
from playNano.core.stack import Stack
from playNano.errors import ParameterError
from playNano.processing.run import PlannedStep, Run

Keep = Literal["all", "last", "none"]


def run_steps(
    stack: Stack,
    steps: tuple[PlannedStep, ...],
    keep: Keep,
    *,
    workers: int | None,
    block_frames: int | None,
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
    run = Run(stack.file_path.name, len(stack.provenance["processing"]["steps"]), workers, block_frames)
    with collect_warnings(stack.provenance["warnings"]):
        data, records = run.pixels(stack.data, steps), run.records
    _commit(stack, steps, data, records, keep, run)
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
    last = max((i for i, step in enumerate(steps) if step.kind in ("filter", "video")), default=-1)
    keys: dict[str, list[str]] = {}
    scan = stack.scan
    for position, (step, record) in enumerate(zip(steps, records, strict=True)):
        if scan is not None and step.step is not None and step.step.scan is not None:
            record["scan_before"] = scan.to_dict()
            scan = step.step.scan(scan)
        key = f"step_{record['index']}_{step.name}"
        if step.kind == "clear" or keep == "none":
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
    merged = {name: [*processing["keys_by_name"].get(name, []), *new] for name, new in keys.items()}
    if not stack.provenance["environment"]:
        stack.provenance["environment"] = gather_environment_info()
    stack.processed, stack.masks, stack.data, stack.scan = processed, masks, data, scan
    stack.provenance["processing"] = {
        "steps": [*processing["steps"], *records],
        "keys_by_name": {**processing["keys_by_name"], **merged},
    }


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
    again = Run(run.source, run.first, run.workers, run.block_frames)
    return again.mask(data, steps) if is_mask else again.pixels(data, steps)
