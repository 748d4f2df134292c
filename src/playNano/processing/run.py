"""Run planned steps over a movie in memory or a lazy one, and record what was done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from playNano.core.executor import map_frames
from playNano.core.lazy import is_lazy
from playNano.core.lazy_mapping import LazyMapping
from playNano.core.provenance import gather_environment_info, to_record, utc_now
from playNano.core.stack import Stack
from playNano.errors import ParameterError, StepError
from playNano.processing.chain import Chain, FinalMask, FinalPixels, Link, Notes
from playNano.processing.lazy_chain import fits_memory, lazy_mask, lazy_pixels
from playNano.processing.steps import Step, as_float_block

CLEAR = "clear_mask"
Keep = Literal["all", "last", "none"]


@dataclass(frozen=True)
class PlannedStep:
    """A step of a pipeline with the values in effect; `step` is None for `clear_mask`."""

    name: str
    params: dict[str, Any]
    step: Step | None

    @property
    def kind(self) -> str:
        """What the step is: "filter", "mask", "video", or "clear" for `clear_mask`."""
        return self.step.kind if self.step else "clear"


def run_steps(
    stack: Stack,
    steps: tuple[PlannedStep, ...],
    keep: Keep,
    *,
    workers: int | None,
    block_frames: int | None,
) -> None:
    """Run steps on a stack's pixels and put everything into the stack, or leave it as it was.

    Raises
    ------
    StepError
        If a step fails; the message names step and frame.
    """
    if keep not in get_args(Keep):
        raise ParameterError(f"keep must be one of {', '.join(get_args(Keep))}, not {keep!r}")
    run = Run(stack.file_path.name, len(stack.provenance["processing"]["steps"]), workers, block_frames)
    data, records = run.pixels(stack.data, steps), run.records
    _commit(stack, steps, data, records, keep, run)


@dataclass
class Run:
    """One pass of steps over pixels."""

    source: str
    first: int
    workers: int | None = None
    block_frames: int | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    carried: npt.NDArray[np.bool_] | None = None
    """The mask in force as steps over the whole movie begin; it stays in force after them."""

    def pixels(self, data: Any, steps: Sequence[PlannedStep]) -> Any:
        """Return the pixels after the steps; fill `records`."""
        self.records, self.carried = [], None
        for video, group in groupby(enumerate(steps), lambda item: item[1].kind == "video"):
            members = list(group)
            if video:
                for place, step in members:
                    data = self._whole_movie(data, place, step)
            else:
                before, data = data, self._frame_wise(data, members)
                if members[-1][0] + 1 < len(steps):
                    self.carried = self._mask_after(before, self._chain(members))
        return data

    def mask(self, data: Any, steps: Sequence[PlannedStep]) -> Any:
        """Return the mask in force after the steps."""
        cut = max((i + 1 for i, step in enumerate(steps) if step.kind == "video"), default=0)
        data = self.pixels(data, steps[:cut])
        chain = self._chain([(i, steps[i]) for i in range(cut, len(steps))])
        return lazy_mask(data, chain) if is_lazy(data) else self._mask_after(data, chain)

    def _mask_after(self, data: Any, chain: Chain) -> npt.NDArray[np.bool_] | None:
        """Return the mask in force after a chain, in memory; None where there is none."""
        if not chain.in_force(self.carried is not None):
            return None
        if is_lazy(data):
            return np.asarray(lazy_mask(data, chain))
        out = np.empty(data.shape, np.bool_)
        self._map(FinalMask(chain), data, out, "masks", chain.reach)
        return out

    def _chain(self, members: Sequence[tuple[int, PlannedStep]]) -> Chain:
        return Chain(
            self.source, tuple(Link(self.first + i + 1, step.step, step.params) for i, step in members)
        )

    def _frame_wise(self, data: Any, members: list[tuple[int, PlannedStep]]) -> Any:
        chain, began, started = self._chain(members), utc_now(), time.perf_counter()
        changes = any(step.kind == "filter" for _, step in members)
        notes: list[Notes] = []
        if is_lazy(data):
            data = lazy_pixels(data, chain) if changes else data
        elif any(step.kind != "clear" for _, step in members):
            out = np.empty(data.shape, chain.dtype(data.dtype)) if changes else None
            what = " + ".join(step.name for _, step in members if step.step)
            notes = self._map(FinalPixels(chain), data, out, what, chain.reach)
            data = data if out is None else out
        self._record(members, notes, began, time.perf_counter() - started)
        return data

    def _map(self, task: Any, data: Any, out: Any, what: str, overlap: int) -> list[Notes]:
        limits: dict[str, Any] = {
            "workers": self.workers,
            "block_frames": self.block_frames,
            "overlap": overlap,
        }
        movies = (data,) if self.carried is None else (data, self.carried)
        if out is None:
            return [notes for notes, _ in map_frames(task, *movies, what=what, **limits)]
        return map_frames(task, *movies, what=what, out=out, **limits)

    def _record(
        self, members: list[tuple[int, PlannedStep]], notes: list[Notes], began: str, elapsed: float
    ) -> None:
        shares = [sum(note.seconds.get(place, 0.0) for note in notes) for place in range(len(members))]
        total = sum(shares) or 1.0
        for place, (index, step) in enumerate(members):
            record = self._entry(index, step, began)
            skipped = [frame for note in notes for frame in note.skipped.get(place, [])]
            if skipped:
                record["skipped_frames"] = skipped
            record["duration_s"] = elapsed * shares[place] / total
            self.records.append(record)

    def _entry(self, place: int, step: PlannedStep, began: str) -> dict[str, Any]:
        return {
            "index": self.first + place + 1,
            "name": step.name,
            "kind": step.kind,
            "params": to_record(step.params),
            "timestamp": began,
            "version": step.step.version if step.step else None,
        }

    def _whole_movie(self, data: Any, place: int, planned: PlannedStep) -> npt.NDArray[Any]:
        where = f"step {self.first + place + 1} ({planned.name})"
        began, started = utc_now(), time.perf_counter()
        if is_lazy(data):
            fits_memory(data, f"{self.source}, {where}")
        given = as_float_block(data)[0]
        # A step that works in place must not touch the movie.
        given = given.copy() if isinstance(data, np.ndarray) and np.shares_memory(given, data) else given
        if planned.step is None:
            raise StepError(f"{self.source}, {where} is not a step over the whole movie")
        try:
            result = planned.step.function(given, **planned.params)
        except Exception as error:
            raise StepError(f"{self.source}, {where} failed: {type(error).__name__}: {error}") from error
        pixels = np.asarray(result[0] if isinstance(result, tuple) else result)
        if pixels.ndim != 3 or len(pixels) != len(data):
            raise StepError(
                f"{where} returned shape {pixels.shape} for a movie of {data.shape}; keep the frames"
            )
        if self.carried is not None and pixels.shape != self.carried.shape:
            raise StepError(
                f"{where} changes frames of {self.carried.shape[1:]} to {pixels.shape[1:]} while a mask of the old "
                "size is in force; put clear_mask before it"
            )
        record = self._entry(place, planned, began)
        record["duration_s"] = time.perf_counter() - started
        self.records.append(record)
        return pixels


def _commit(
    stack: Stack,
    steps: tuple[PlannedStep, ...],
    data: Any,
    records: list[dict[str, Any]],
    keep: Keep,
    run: Run,
) -> None:
    """Put pixels, snapshots, masks and records into the stack."""
    processed, masks = LazyMapping(stack.processed), LazyMapping(stack.masks)
    processed.setdefault("raw", stack.data)
    last = max((i for i, step in enumerate(steps) if step.kind in ("filter", "video")), default=-1)
    keys: dict[str, list[str]] = {}
    for place, (step, record) in enumerate(zip(steps, records, strict=True)):
        key = f"step_{record['index']}_{step.name}"
        if step.kind == "clear" or keep == "none":
            continue
        is_mask = step.kind == "mask"
        record["mask_key" if is_mask else "processed_key"] = key
        keys.setdefault(step.name, []).append(key)
        make = partial(run_again, run, stack.data, steps[: place + 1], is_mask)
        if place == last:
            processed[key] = data
        else:
            (masks if is_mask else processed)[key] = make() if keep == "all" or is_lazy(data) else make
    processing = stack.provenance["processing"]
    merged = {name: [*processing["keys_by_name"].get(name, []), *new] for name, new in keys.items()}
    if not stack.provenance["environment"]:
        stack.provenance["environment"] = gather_environment_info()
    stack.processed, stack.masks, stack.data = processed, masks, data
    stack.provenance["processing"] = {
        "steps": [*processing["steps"], *records],
        "keys_by_name": {**processing["keys_by_name"], **merged},
    }


def run_again(run: Run, data: Any, steps: tuple[PlannedStep, ...], is_mask: bool) -> Any:
    """Return a snapshot or mask: the recorded steps, run once more on the run's input."""
    again = Run(run.source, run.first, run.workers, run.block_frames)
    return again.mask(data, steps) if is_mask else again.pixels(data, steps)
