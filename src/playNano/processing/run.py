"""Run planned steps on the pixels of a movie, in memory or lazy, and describe them for the record."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.core.executor import map_frames
from playNano.core.geometry import MovieGeometry
from playNano.core.lazy import computed, is_lazy
from playNano.core.provenance import to_record, utc_now
from playNano.core.stack import Stack
from playNano.core.value_units import parameters_by_unit
from playNano.errors import PlayNanoError, StepError
from playNano.processing.edit_step import Edit, Movie
from playNano.processing.lazy_sequence import lazy_mask, lazy_pixels, require_memory
from playNano.processing.sequence import BlockReport, BoundStep, FinalMask, FinalPixels, StepSequence
from playNano.processing.steps import Step, as_float_block
from playNano.processing.surveys import Survey

CLEAR = "clear_mask"
ALONE = ("video", "edit")
"""Kinds of steps that are not run together with others."""
Keep = Literal["all", "last", "none"]


@dataclass(frozen=True)
class PlannedStep:
    """A validated step of a pipeline: name, and parameter values in effect.

    Parameters
    ----------
    name
        Name of the step.
    params
        Parameter name -> value in effect.
    step
        The step; None for `clear_mask`.
    """

    name: str
    params: dict[str, Any]
    step: Step | None

    @property
    def kind(self) -> str:
        """Kind of the step: "filter", "mask", "video", "edit", or "clear" for `clear_mask`."""
        return self.step.kind if self.step else "clear"

    def for_channel(self, stack: Stack, where: str) -> PlannedStep:
        """Return the step for a movie: without parameters that are heights in nm, if its pixels are not lengths.

        Parameters
        ----------
        stack
            The movie.
        where
            Context for error messages.

        Raises
        ------
        ParameterError
            If such a height is not the default.
        """
        if self.step is None:
            return self
        return replace(self, params=parameters_by_unit([self.step.declaration], self.params, stack, where))


Members = list[tuple[int, PlannedStep]]
"""Consecutive steps with their positions in the pipeline."""


@dataclass
class Run:
    """One run of steps on the pixels of a movie.

    Parameters
    ----------
    source
        Name of the movie, for messages.
    first
        Number of steps in the record before this run.
    workers
        Number of threads; None for one per processor.
    block_frames
        Frames in a block; None for as many as fit into the cache.
    given
        Frames, size, calibration and scan of the movie before the steps.
    records
        Entries of the processing record, filled by `pixels`.
    geometry
        As `given`, after the steps that have run.
    edits
        Position of an edit -> what it does.
    carried
        The mask in force when a group of steps begins; it stays in force after a whole-movie step.
    surveys
        Position of a step -> what it has estimated from a sample of frames.
    warnings
        Texts on the quantities of frames that steps have reported.
    channel
        ``channel(name)`` returns the pixels of another channel of the movie, as recorded.
    """

    source: str
    first: int
    workers: int | None = None
    block_frames: int | None = None
    given: MovieGeometry | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    geometry: MovieGeometry | None = None
    edits: dict[int, Edit] = field(default_factory=dict)
    carried: Any = None
    surveys: dict[int, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    channel: Callable[[str], Any] | None = None

    def pixels(self, data: Any, steps: Sequence[PlannedStep]) -> Any:
        """Return the pixels after the steps, a Dask array for a lazy movie; fill `records`.

        Parameters
        ----------
        data
            Pixels, (n_frames, height, width); not modified.
        steps
            Steps, in order.
        """
        return self._run_groups(data, groups_of(steps), len(steps))

    def _run_groups(self, data: Any, groups: Sequence[Members], stop: int) -> Any:
        """Run groups of steps; the mask in force is carried along up to position `stop`."""
        self.records, self.carried, self.surveys, self.warnings = [], None, {}, []
        self.geometry, self.edits = self.given, {}
        for members in groups:
            if members[0][1].kind == "video":
                data = self._whole_movie(data, *members[0])
            elif members[0][1].kind == "edit":
                data = self._edit(data, *members[0])
            else:
                sequence = self._sequence(members, data)
                before, data = data, self._frame_wise(data, members, sequence)
                if members[-1][0] + 1 < stop:
                    self.carried = self._mask_after(before, sequence)
        return data

    def mask(self, data: Any, steps: Sequence[PlannedStep]) -> Any:
        """Return the mask in force after the steps, bool (n_frames, height, width).

        Parameters
        ----------
        data
            Pixels, (n_frames, height, width); not modified.
        steps
            Steps, in order.
        """
        groups = groups_of(steps)
        last = groups.pop() if groups and groups[-1][0][1].kind not in ("video", "edit") else []
        data = self._run_groups(data, groups, len(steps))
        sequence = self._sequence(last, data)
        return lazy_mask(data, sequence, self.carried) if is_lazy(data) else self._mask_after(data, sequence)

    def _mask_after(self, data: Any, sequence: StepSequence) -> Any:
        """Return the mask in force after a sequence, a Dask array for a lazy movie; None if there is none."""
        if not sequence.mask_after(self.carried is not None):
            return None
        if is_lazy(data):
            return lazy_mask(data, sequence, self.carried)
        out = np.empty(data.shape, np.bool_)
        self._map(FinalMask(sequence), data, out, "masks", sequence.overlap)
        return out

    def _sequence(self, members: Members, data: Any) -> StepSequence:
        """Return a block function that applies planned steps, given with their positions in the pipeline.

        The first of them may need a survey of its input, `data`.
        """
        bound = []
        for position, planned in members:
            params = planned.params
            if planned.step is not None and planned.step.survey is not None:
                if position not in self.surveys:
                    sample = self._sample(planned.step.survey, data)
                    self.surveys[position] = planned.step.survey.estimate(sample, **params)
                params = {**params, "survey": self.surveys[position]}
            if planned.step is not None and planned.step.uses_geometry and self.geometry is not None:
                params = {**params, "geometry": replace(self.geometry, frame_metadata=())}
            bound.append(BoundStep(self.first + position + 1, planned.step, params))
        return StepSequence(self.source, tuple(bound))

    @staticmethod
    def _sample(survey: Survey, data: Any) -> npt.NDArray[Any]:
        """Return the frames of a movie that a survey needs."""
        return as_float_block(computed(data[survey.frames(len(data))] if len(data) else data))[0]

    def _frame_wise(self, data: Any, members: Members, sequence: StepSequence) -> Any:
        """Run consecutive frame-wise steps in one pass over the blocks; return the pixels, add to `records`."""
        began, started, given = utc_now(), time.perf_counter(), data
        changes = any(step.kind == "filter" for _, step in members)
        reports: list[BlockReport] = []
        if is_lazy(data):
            data = lazy_pixels(data, sequence, self.carried) if changes else data
        elif any(step.kind != "clear" for _, step in members):
            out = np.empty(data.shape, sequence.dtype(data.dtype)) if changes else None
            what = " + ".join(step.name for _, step in members if step.step)
            reports = self._map(FinalPixels(sequence), data, out, what, sequence.overlap)
            data = data if out is None else out
        self._record(members, reports, began, time.perf_counter() - started)
        self._record_survey(members, sequence, given, reports)
        return data

    def _record_survey(
        self, members: Members, sequence: StepSequence, given: Any, reports: list[BlockReport]
    ) -> None:
        """Record what the first of these steps has estimated, if it does, and its quantities per frame.

        For a lazy movie, whose pixels are computed later, these are the quantities of the sampled frames.
        """
        position, planned = members[0]
        survey = planned.step.survey if planned.step else None
        if survey is None:
            return
        numbers = list(range(len(given)))
        if is_lazy(given) and numbers:
            numbers = survey.frames(len(given))
            alone = StepSequence(self.source, sequence.steps[:1])
            reports = [alone(0, self._sample(survey, given))[0]]
        parts = [report.per_frame.get(0, {}) for report in reports]
        per_frame = {name: np.concatenate([part[name] for part in parts]) for name in (parts or [{}])[0]}
        record = self.records[-len(members)]
        summary = survey.summary(self.surveys[position])
        if summary:
            record["survey"] = to_record(summary)
        record["per_frame"] = to_record({"frame": numbers, **{k: v.tolist() for k, v in per_frame.items()}})
        texts = survey.warnings(per_frame, numbers) if per_frame else []
        self.warnings += [f"step {record['index']} ({planned.name}): {text}" for text in texts]

    def _map(self, task: Any, data: Any, out: Any, what: str, overlap: int) -> list[BlockReport]:
        """Run a task over all blocks, with the mask in force; return the reports of the blocks."""
        limits: dict[str, Any] = {
            "workers": self.workers,
            "block_frames": self.block_frames,
            "overlap": overlap,
        }
        movies = (data,) if self.carried is None else (data, self.carried)
        if out is None:
            return [report for report, _ in map_frames(task, *movies, what=what, **limits)]
        return map_frames(task, *movies, what=what, out=out, **limits)

    def _record(self, members: Members, reports: list[BlockReport], began: str, elapsed: float) -> None:
        """Add one entry per step to `records`; the elapsed time is divided in proportion to the times in the blocks."""
        seconds = [sum(report.seconds.get(n, 0.0) for report in reports) for n in range(len(members))]
        total = sum(seconds) or 1.0
        for n, (position, step) in enumerate(members):
            record = self._entry(position, step, began)
            skipped = [frame for report in reports for frame in report.skipped.get(n, [])]
            if skipped:
                record["skipped_frames"] = skipped
            if step.step is not None and step.step.scan is not None and self.geometry is not None:
                scan, rows = self.geometry.scan, self.geometry.shape[0]
                if scan is not None:
                    record["scan_before"] = scan.to_dict()
                    self.geometry = replace(self.geometry, scan=step.step.scan(scan, rows))
                # Such steps put the rows in reverse order.
                record["rows_reversed"] = True
                self.geometry = self.geometry.with_vectors([[-1, 0], [0, 1]])
            record["duration_s"] = elapsed * seconds[n] / total
            self.records.append(record)

    def _entry(self, position: int, step: PlannedStep, began: str) -> dict[str, Any]:
        """Return the entries of the record that are common to all steps."""
        return {
            "index": self.first + position + 1,
            "name": step.name,
            "kind": step.kind,
            "params": to_record(step.params),
            "timestamp": began,
            "version": step.step.version if step.step else None,
        }

    def _whole_movie(self, data: Any, position: int, planned: PlannedStep) -> npt.NDArray[Any]:
        """Run one step that needs the whole movie; return the pixels, add to `records`."""
        where = f"step {self.first + position + 1} ({planned.name})"
        began, started = utc_now(), time.perf_counter()
        if is_lazy(data):
            require_memory(data, f"{self.source}, {where}")
            self.carried = None if self.carried is None else computed(self.carried)
        given = as_float_block(data)[0]
        # A step that works in place must not modify the movie.
        given = given.copy() if isinstance(data, np.ndarray) and np.shares_memory(given, data) else given
        if planned.step is None:
            raise StepError(f"{self.source}, {where} is not a step over the whole movie")
        try:
            result = planned.step.function(given, **planned.params)
        except Exception as error:
            raise StepError(f"{self.source}, {where} failed: {type(error).__name__}: {error}") from error
        pixels = np.asarray(result[0] if isinstance(result, tuple) else result)
        self._check_shape(pixels.shape, data.shape, where)
        if self.geometry is not None and pixels.shape[1:] != self.geometry.shape:
            self.geometry = self.geometry.of_unknown_rows((pixels.shape[1], pixels.shape[2]))
            self.warnings.append(
                f"{where} returned frames of {pixels.shape[1]} x {pixels.shape[2]} px instead of {data.shape[1]} x "
                f"{data.shape[2]}, and does not say where they lie: places are counted from their own pixel (0, 0), "
                "and the times of the lines are not known any more"
            )
        record = self._entry(position, planned, began)
        record["duration_s"] = time.perf_counter() - started
        self.records.append(record)
        return pixels

    def _edit(self, data: Any, position: int, planned: PlannedStep) -> Any:
        """Plan and apply an edit; return the pixels, change `geometry`, add to `records`."""
        where = f"step {self.first + position + 1} ({planned.name})"
        if self.carried is not None:
            raise StepError(
                f"{self.source}, {where}: a mask of the old frames is in force; put clear_mask before it"
            )
        if planned.step is None or self.geometry is None:
            raise StepError(f"{self.source}, {where} has no movie whose geometry it could change")
        began, started = utc_now(), time.perf_counter()
        try:
            plan: Any = planned.step.function(
                Movie(data, self.geometry, self._other_channel), **planned.params
            )
            edited = plan.apply(data)
        except PlayNanoError as error:
            raise StepError(f"{self.source}, {where}: {error}") from error
        before, self.geometry = self.geometry, plan.geometry
        if plan.of_raw:
            self.edits[position] = plan
        record = self._entry(position, planned, began)
        record["geometry_before"], record["geometry"] = before.to_record(), plan.geometry.to_record()
        if plan.frames is not None:
            record["frames"] = list(plan.frames)
        record |= to_record(dict(plan.details))
        record["duration_s"] = time.perf_counter() - started
        self.records.append(record)
        self.warnings += [f"{where}: {text}" for text in plan.warnings]
        return edited

    def _other_channel(self, name: str) -> Any:
        """Return the pixels of another channel after the edits before; other steps would not have changed them."""
        before = [record["name"] for record in self.records if record["kind"] != "edit"]
        if self.first or before or self.channel is None:
            raise StepError(
                "it needs another channel, which is as recorded: put it before all steps but crops and other edits "
                f"(before it: {', '.join(before) or 'an earlier run of steps'}), or restore the raw pixels"
            )
        pixels = self.channel(name)
        for plan in self.edits.values():
            pixels = plan.apply(pixels)
        return pixels

    def _check_shape(self, made: tuple[int, ...], given: tuple[int, ...], where: str) -> None:
        """Raise if a whole-movie step changed the number of frames, or the image size while a mask is in force."""
        if len(made) != 3 or made[0] != given[0]:
            raise StepError(f"{where} returned shape {made} for a movie of {given}; keep the frames")
        if self.carried is not None and made != self.carried.shape:
            raise StepError(
                f"{where} changes frames of {self.carried.shape[1:]} to {made[1:]} while a mask of the old "
                "size is in force; put clear_mask before it"
            )


def groups_of(steps: Sequence[PlannedStep]) -> list[Members]:
    """Divide steps, with their positions, into runs of frame-wise steps and single steps over the whole movie or edits.

    A step that surveys its input begins a new run.

    Parameters
    ----------
    steps
        Steps, in order.
    """
    groups: list[Members] = []
    for item in enumerate(steps):
        planned = item[1]
        alone = planned.kind in ALONE or (planned.step is not None and planned.step.survey is not None)
        if not groups or alone or groups[-1][-1][1].kind in ALONE:
            groups.append([])
        groups[-1].append(item)
    return groups
