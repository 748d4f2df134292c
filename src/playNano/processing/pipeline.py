"""Plan processing steps, run them over a movie, and record what was done."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.executor import Block, map_blocks
from playNano.core.params import declared_parameters, unknown_message
from playNano.core.provenance import gather_environment_info, recordable, utc_now
from playNano.core.step_text import StepCall, step_calls
from playNano.errors import ParameterError, PlayNanoError, StepError, UnknownNameError
from playNano.processing.steps import FrameError, Step, as_float_block, step_registry, usable_pixels

CLEAR = "clear_mask"


@dataclass(frozen=True)
class PlannedStep:
    """A step of a pipeline with the values in effect; `step` is None for `clear_mask`."""

    name: str
    params: dict[str, Any]
    step: Step | None


class ProcessingPipeline:
    """Levelling, smoothing and masks, in order, over all frames of a stack.

    Steps are checked when they are added: a wrong name or parameter raises before any pixel is touched.
    A mask set by `add_mask` steers the levelling steps after it (masked pixels are left out of every fit,
    mean and median) until `clear_mask`; a further mask adds to it.

    Parameters
    ----------
    stack
        The movie. `run` puts the result in ``stack.data``, snapshots in ``stack.processed`` (``"raw"`` and
        ``"step_<n>_<name>"``), masks in ``stack.masks`` and the record in
        ``stack.provenance["processing"]``. Snapshots are the steps' own arrays, not copies; the array that
        the stack was made with is never written to. A later run on the same stack goes on from its present
        pixels and numbers its steps on.

    Examples
    --------
    >>> stack = AFMImageStack(np.random.default_rng(0).normal(size=(2, 8, 8)), 1.0, "height", "movie.npy")
    >>> pipeline = ProcessingPipeline(stack).add_filter("remove_plane").add_filter("gaussian_filter", sigma=2)
    >>> pipeline.run().shape, list(stack.processed)
    ((2, 8, 8), ['raw', 'step_1_remove_plane', 'step_2_gaussian_filter'])
    """

    def __init__(self, stack: AFMImageStack) -> None:
        self.stack = stack
        self.steps: list[PlannedStep] = []

    def add_filter(self, filter_name: str, **params: Any) -> ProcessingPipeline:
        """Add a filter; return the pipeline.

        Raises
        ------
        ValueError
            If there is no such filter, or a parameter is unknown or wrong.
        """
        return self._add(filter_name, params, ("filter", "video"))

    def add_mask(self, mask_name: str, **params: Any) -> ProcessingPipeline:
        """Add a mask, which steers the levelling steps after it; return the pipeline.

        Raises
        ------
        ValueError
            If there is no such mask, or a parameter is unknown or wrong.
        """
        return self._add(mask_name, params, ("mask",))

    def clear_mask(self) -> ProcessingPipeline:
        """From here on no pixel is left out; return the pipeline."""
        self.steps.append(PlannedStep(CLEAR, {}, None))
        return self

    def add_steps(self, steps: str | Sequence[Any], **shared: Any) -> ProcessingPipeline:
        """Add steps written as text or as a pipeline file holds them; return the pipeline.

        Parameters
        ----------
        steps
            ``"remove_plane;gaussian_filter:sigma=1"``, or a list of such strings or mappings; masks and
            ``clear_mask`` stand among them.
        **shared
            Parameters for every one of these steps that takes them.

        Raises
        ------
        ValueError
            If a step or parameter is unknown or wrong, or no step takes a shared one.
        """
        calls = step_calls(steps, "steps")
        known: list[str] = []
        for call in calls:
            step = None if call.name == CLEAR else step_registry()[call.name]
            accepted = [p.name for p in declared_parameters(step.function, step.leading)] if step else []
            own = {name: value for name, value in shared.items() if name in accepted}
            known += [name for name in accepted if name not in known]
            self.add_call(StepCall(call.name, {**own, **call.params}))
        for name in sorted(set(shared) - set(known)):
            where = f"steps {', '.join(call.name for call in calls)}"
            raise ParameterError(unknown_message(name, known, where))
        return self

    def add_call(self, call: StepCall) -> ProcessingPipeline:
        """Add a step of any kind, `clear_mask` included; return the pipeline.

        Raises
        ------
        ValueError
            If the step or a parameter is unknown or wrong.
        """
        if call.name != CLEAR:
            return self._add(call.name, call.params, ("filter", "mask", "video"))
        if call.params:
            raise ParameterError(f"{CLEAR} takes no parameters, got {sorted(call.params)}")
        return self.clear_mask()

    def clear(self) -> None:
        """Forget all planned steps."""
        self.steps.clear()

    def run(self, *, workers: int | None = None, block_frames: int | None = None) -> npt.NDArray[Any]:
        """Run the planned steps and return the new pixels.

        Parameters
        ----------
        workers
            Threads; by default one a processor.
        block_frames
            Frames worked on at a time; by default what suits the caches. Neither changes the result.

        Returns
        -------
        numpy.ndarray
            The pixels after the last step, (n_frames, height, width); also ``stack.data``.

        Raises
        ------
        StepError
            If a step fails; the message names step and frame. The stack is then as it was before.
        """
        run = _Run(self.stack, workers, block_frames)
        for planned in self.steps:
            run.do(planned)
        return run.commit()

    def _add(self, name: str, params: Mapping[str, Any], kinds: tuple[str, ...]) -> ProcessingPipeline:
        found = step_registry()[name]
        if found.kind not in kinds:
            method = "add_mask" if found.kind == "mask" else "add_filter"
            raise UnknownNameError(f"{name!r} is a {found.kind}, not a {kinds[0]}; add it with {method}")
        where = f"step {len(self.steps) + 1} ({name})"
        self.steps.append(PlannedStep(name, found.bind(params, where), found))
        return self


class _Run:
    """One run: works beside the stack, and changes it only at the end."""

    def __init__(self, stack: AFMImageStack, workers: int | None, block_frames: int | None) -> None:
        self.stack = stack
        self.workers, self.block_frames = workers, block_frames
        self.data: npt.NDArray[Any] = stack.data
        self.mask: npt.NDArray[np.bool_] | None = None
        self.snapshots: dict[str, npt.NDArray[Any]] = {}
        self.masks: dict[str, npt.NDArray[np.bool_]] = {}
        self.records: list[dict[str, Any]] = []
        self.first = len(stack.provenance["processing"]["steps"])

    def do(self, planned: PlannedStep) -> None:
        """Run one step and note it."""
        index = self.first + len(self.records) + 1
        record: dict[str, Any] = {
            "index": index,
            "name": planned.name,
            "kind": planned.step.kind if planned.step else "clear",
            "params": recordable(planned.params),
            "timestamp": utc_now(),
            "version": planned.step.version if planned.step else None,
        }
        started = time.perf_counter()
        if planned.step is None:
            self.mask = None
        else:
            self._run_step(planned.step, planned.params, f"step_{index}_{planned.name}", record)
        record["duration_s"] = time.perf_counter() - started
        self.records.append(record)

    def _run_step(self, step: Step, params: dict[str, Any], key: str, record: dict[str, Any]) -> None:
        where = f"step {record['index']} ({step.name})"
        if step.kind == "video":
            self.data = self._whole_movie(step, params, where)
            self.snapshots[record.setdefault("processed_key", key)] = self.data
            return
        dtype = np.bool_ if step.kind == "mask" else None
        mask = self.mask if step.uses_mask else None
        result, skipped = self._frame_wise(step, params, mask, dtype, where)
        if skipped:
            record["skipped_frames"] = skipped
        if step.kind == "mask":
            self.mask = result if self.mask is None else self.mask | result
            self.masks[record.setdefault("mask_key", key)] = self.mask
        else:
            self.data = result
            self.snapshots[record.setdefault("processed_key", key)] = result

    def _frame_wise(
        self,
        step: Step,
        params: dict[str, Any],
        mask: npt.NDArray[np.bool_] | None,
        dtype: Any,
        where: str,
    ) -> tuple[npt.NDArray[Any], list[int]]:
        data = self.data
        result = np.empty(data.shape, dtype or as_float_block(data[:1])[0].dtype)
        needed = step.min_pixels(params) if step.min_pixels else 0

        def work(block: Block) -> list[int]:
            part = data[block.start : block.stop]
            own_mask = None if mask is None else mask[block.start : block.stop]
            masked = {} if own_mask is None else {"mask": own_mask}
            result[block.start : block.stop] = self._call(
                step, part, {**params, **masked}, block.start, where
            )
            return [block.start + int(frame) for frame in _too_few(part, own_mask, needed)]

        skipped = map_blocks(
            work,
            data.shape,
            what=step.name,
            itemsize=data.itemsize,
            block_frames=self.block_frames,
            workers=self.workers,
        )
        return result, [frame for part in skipped for frame in part]

    def _call(
        self, step: Step, part: Any, params: dict[str, Any], start: int, where: str
    ) -> npt.NDArray[Any]:
        stop = start + len(part) - 1
        at = f"{self.stack.file_path.name}, {where}"
        try:
            result = np.asarray(step.function(part, **params))
        except FrameError as failure:
            raise StepError(f"{at} failed on frame {start + failure.index}: {failure}") from failure
        except PlayNanoError:
            raise
        except Exception as error:
            raise StepError(
                f"{at} failed on frames {start} to {stop}: {type(error).__name__}: {error}"
            ) from error
        if result.shape != part.shape:
            raise StepError(f"{at} returned shape {result.shape} for frames of shape {part.shape}")
        return result

    def _whole_movie(self, step: Step, params: dict[str, Any], where: str) -> npt.NDArray[Any]:
        given = as_float_block(self.data)[0].copy()
        try:
            result = step.function(given, **params)
        except Exception as error:
            raise StepError(
                f"{self.stack.file_path.name}, {where} failed: {type(error).__name__}: {error}"
            ) from error
        pixels = np.asarray(result[0] if isinstance(result, tuple) else result)
        if pixels.ndim != 3 or len(pixels) != len(given):
            raise StepError(
                f"{where} returned shape {pixels.shape} for a movie of {given.shape}; keep the frames"
            )
        return pixels

    def commit(self) -> npt.NDArray[Any]:
        """Put pixels, snapshots, masks and records into the stack."""
        stack = self.stack
        processing = stack.provenance["processing"]
        if not stack.provenance["environment"]:
            stack.provenance["environment"] = gather_environment_info()
        stack.processed.setdefault("raw", stack.data)
        stack.processed.update(self.snapshots)
        stack.masks.update(self.masks)
        stack.data = self.data
        keys: dict[str, list[str]] = {k: list(v) for k, v in processing["keys_by_name"].items()}
        for record in self.records:
            key: str | Literal[False] = record.get("processed_key") or record.get("mask_key") or False
            if key:
                keys.setdefault(record["name"], []).append(key)
        stack.provenance["processing"] = {
            "steps": [*processing["steps"], *self.records],
            "keys_by_name": keys,
        }
        return stack.data


def _too_few(part: npt.NDArray[Any], mask: npt.NDArray[np.bool_] | None, needed: int) -> npt.NDArray[Any]:
    """Return the frames of a block with fewer usable pixels than a step needs."""
    usable = usable_pixels(part, mask) if needed else None
    if usable is None:
        too_small = part[0].size < needed if len(part) else False
        return np.arange(len(part)) if too_small else np.empty(0, dtype=np.int64)
    return np.flatnonzero(usable.sum(axis=(1, 2)) < needed)
