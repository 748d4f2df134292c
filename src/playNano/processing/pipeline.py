"""Define processing pipelines, run them on movies, and record the steps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy.typing as npt

from playNano.core.params import unknown_message
from playNano.core.phases import phase
from playNano.core.stack import Stack
from playNano.core.step_cache import StepCache
from playNano.core.step_text import StepCall, step_calls
from playNano.errors import ParameterError, UnknownNameError
from playNano.processing.on_stack import Keep, run_steps
from playNano.processing.run import CLEAR, PlannedStep
from playNano.processing.steps import step_registry

__all__ = ["CLEAR", "PlannedStep", "ProcessingPipeline"]


class ProcessingPipeline:
    """A sequence of levelling, smoothing and mask steps for all frames of a stack.

    Steps are validated when they are added, with or without a stack: a wrong name or parameter raises before
    any pixel is read. A mask set by `add_mask` applies to the levelling steps after it (masked pixels are
    excluded from every fit, mean and median) until `clear_mask`; a further mask is combined with it (union).

    Parameters
    ----------
    stack
        The movie that is processed by `run`. Without it the stack is given to `run`, and one pipeline can be used
        for several stacks.

    Notes
    -----
    `run` puts the result in ``stack.data``, snapshots in ``stack.processed`` (``"raw"`` and
    ``"step_<n>_<name>"``), masks in ``stack.masks`` and the record in ``stack.provenance["processing"]``. The
    array from which the stack was created is never modified. A later run on the same stack continues from its
    current pixels and step number.

    Raw pixels and the result of each run are kept in memory; the snapshots and masks between them are
    recomputed, by running the recorded steps on the input of the run, when they are read. A movie with ten
    steps thus takes the memory of two movies, not eleven, and recomputed snapshots are
    identical to the bit. Edits (crop, dropped frames, ...) change frames, times, pixel size and scan with the pixels;
    snapshots and masks from before the last edit are not kept, and "raw" is the raw movie with the same edits.
    ``run(keep="all")`` keeps all of them instead, ``run(keep="none")`` only "raw".
    The pixels of a lazy stack (see `playNano.io.loader.load_afm_stack`) are not computed by `run`: result,
    snapshots and masks are graphs that are computed, chunk by chunk, when they are read.

    Examples
    --------
    >>> import numpy as np
    >>> from playNano.afm_stack import AFMImageStack
    >>> stack = AFMImageStack(np.random.default_rng(0).normal(size=(2, 8, 8)), 1.0, "height", "movie.npy")
    >>> pipeline = ProcessingPipeline(stack).add_filter("remove_plane").add_filter("gaussian_filter", sigma=2)
    >>> pipeline.run().shape, list(stack.processed)
    ((2, 8, 8), ['raw', 'step_1_remove_plane', 'step_2_gaussian_filter'])

    A pipeline can be created without a stack and run on any stack:

    >>> ProcessingPipeline().add_filter("zero_mean").run(stack).shape
    (2, 8, 8)
    """

    def __init__(self, stack: Stack | None = None) -> None:
        self.stack = stack
        self.steps: list[PlannedStep] = []

    def add_filter(self, filter_name: str, **params: Any) -> ProcessingPipeline:
        """Add a filter or an edit; return the pipeline.

        Parameters
        ----------
        filter_name
            Name of a filter, video step or edit, built-in or plugin.
        **params
            Its parameters.

        Raises
        ------
        ValueError
            If there is no such filter, or a parameter is unknown or wrong.
        """
        return self._add(filter_name, params, ("filter", "video", "edit"))

    def add_mask(self, mask_name: str, **params: Any) -> ProcessingPipeline:
        """Add a mask, which applies to the levelling steps after it; return the pipeline.

        Parameters
        ----------
        mask_name
            Name of a mask, built-in or plugin.
        **params
            Its parameters.

        Raises
        ------
        ValueError
            If there is no such mask, or a parameter is unknown or wrong.
        """
        return self._add(mask_name, params, ("mask",))

    def clear_mask(self) -> ProcessingPipeline:
        """Add a step that clears the mask, so that later steps use all pixels; return the pipeline."""
        self.steps.append(PlannedStep(CLEAR, {}, None))
        return self

    def add_steps(self, steps: str | Sequence[Any], **shared: Any) -> ProcessingPipeline:
        """Add steps given as text or in the form of a pipeline file; return the pipeline.

        Parameters
        ----------
        steps
            ``"remove_plane;gaussian_filter:sigma=1"``, or a list of such strings or mappings; masks and
            ``clear_mask`` are included.
        **shared
            Parameters, each passed to all of these steps that accept it.

        Raises
        ------
        ValueError
            If a step or parameter is unknown or wrong, or no step accepts a shared parameter.
        """
        calls = step_calls(steps, "steps")
        known: list[str] = []
        for call in calls:
            step = None if call.name == CLEAR else step_registry()[call.name]
            accepted = [p.name for p in step.declaration.parameters()] if step else []
            own = {name: value for name, value in shared.items() if name in accepted}
            known += [name for name in accepted if name not in known]
            self.add_call(StepCall(call.name, {**own, **call.params}))
        for name in sorted(set(shared) - set(known)):
            where = f"steps {', '.join(call.name for call in calls)}"
            raise ParameterError(unknown_message(name, known, where))
        return self

    def add_call(self, call: StepCall) -> ProcessingPipeline:
        """Add a step of any kind, `clear_mask` included; return the pipeline.

        Parameters
        ----------
        call
            Name and parameters.

        Raises
        ------
        ValueError
            If the step or a parameter is unknown or wrong.
        """
        if call.name != CLEAR:
            return self._add(call.name, call.params, ("filter", "mask", "video", "edit"))
        if call.params:
            raise ParameterError(f"{CLEAR} takes no parameters, got {sorted(call.params)}")
        return self.clear_mask()

    def clear(self) -> None:
        """Remove all planned steps."""
        self.steps.clear()

    def steps_for(self, stack: Stack) -> list[PlannedStep]:
        """Return the planned steps with the values in effect for a movie.

        Parameters
        ----------
        stack
            The movie; if its pixels are not lengths, parameters that are heights in nm are left out.

        Raises
        ------
        ParameterError
            If the pixels are not lengths, and such a parameter has a value other than its default.
        """
        first = len(stack.provenance["processing"]["steps"]) + 1
        return [
            step.for_channel(stack, f"step {number} ({step.name})")
            for number, step in enumerate(self.steps, start=first)
        ]

    def run(
        self,
        stack: Stack | None = None,
        *,
        keep: Keep = "last",
        workers: int | None = None,
        block_frames: int | None = None,
        cache: StepCache | str | os.PathLike[str] | None = None,
    ) -> npt.NDArray[Any]:
        """Run the planned steps on a stack and return the new pixels.

        Parameters
        ----------
        stack
            The movie, for a pipeline that was created without one.
        keep
            Snapshots and masks that are kept in memory in addition to raw pixels and result: with "all", all of them;
            with "last" they are computed when they are read; with "none" ``stack.processed`` contains "raw" only,
            and ``stack.masks`` is empty.
        workers
            Number of threads, >= 1; by default one per processor. The result does not depend on it.
        block_frames
            Frames in a block, >= 1; by default as many as fit into the cache. The result does not depend on it.
        cache
            A folder, or a `playNano.core.step_cache.StepCache`, with results of earlier runs: steps that have been run
            on the same pixels with the same values are not run again. The result does not depend on it. None for none.

        Returns
        -------
        numpy.ndarray
            The pixels after the last step, (n_frames, height, width); also ``stack.data``. A Dask array if
            the stack is lazy.

        Raises
        ------
        StepError
            If a step fails; the message names step and frame. The stack is then left unchanged. For a lazy
            stack, steps fail when the pixels are computed.
        ParameterError
            If `keep` has another value, a stack is given neither here nor to the pipeline, or to both, or a
            parameter is a height in nm and the pixels are not lengths.
        """
        movie = self._stack_for(stack)
        steps, limits = tuple(self.steps_for(movie)), {"workers": workers, "block_frames": block_frames}
        with phase("processing"):
            run_steps(movie, steps, keep, **limits, cache=StepCache.of(cache))
        result: npt.NDArray[Any] = movie.data
        return result

    def _stack_for(self, given: Stack | None) -> Stack:
        """Return the stack that was given either to the pipeline or to `run`."""
        if given is not None and self.stack is not None:
            raise ParameterError(
                "the pipeline has a stack already, so run accepts none; for several stacks create it as "
                "ProcessingPipeline() and give each to run"
            )
        movie = given if given is not None else self.stack
        if movie is None:
            raise ParameterError("there is no stack to run on: give one to ProcessingPipeline or to run")
        if not isinstance(movie, Stack):
            raise ParameterError(
                f"a pipeline runs on an AFMImageStack, not on a {type(movie).__name__}; make one of an array as "
                "AFMImageStack(array, pixel_size_nm, channel, file_path)"
            )
        return movie

    def _add(self, name: str, params: Mapping[str, Any], kinds: tuple[str, ...]) -> ProcessingPipeline:
        """Validate a step of one of these kinds, and add it."""
        step = step_registry()[name]
        if step.kind not in kinds:
            method = "add_mask" if step.kind == "mask" else "add_filter"
            raise UnknownNameError(f"{name!r} is a {step.kind}, not a {kinds[0]}; add it with {method}")
        where = f"step {len(self.steps) + 1} ({name})"
        self.steps.append(PlannedStep(name, step.bind(params, where), step))
        return self
