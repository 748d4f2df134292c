"""Processing and detection of one frame, to see at once what parameters do; without Qt."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.defaults import default_analysis
from playNano.analysis.pipeline import module_registry
from playNano.analysis.plan import Plan
from playNano.errors import PlayNanoWarning
from playNano.processing.on_frames import frames_after, is_frame_wise
from playNano.processing.run import PlannedStep
from playNano.viewer.movie import Frames

if TYPE_CHECKING:
    import pandas as pd

OTHER_FRAMES = ("edits.frames", "edits.drift", "edits.centre", "edits.retrace", "video.")
"""Modules of steps that need other frames than the one that is shown, or another channel."""

ONE_FRAME = "limits that are estimated from the movie are estimated from this frame alone"


@dataclass(frozen=True)
class Preview:
    """One frame after the steps, and what is detected in it.

    Parameters
    ----------
    frame
        Its number.
    stack
        The processed frame as a movie of one frame.
    detections
        Table of the detections; None without a detection.
    labels
        Label image, (height, width); None without one.
    messages
        What is different from a run of the whole movie, and warnings.
    """

    frame: int
    stack: AFMImageStack
    detections: pd.DataFrame | None
    labels: npt.NDArray[Any] | None
    messages: tuple[str, ...]


@dataclass
class Previewer:
    """Makes previews of the frames of a movie; what the movie's frames share is estimated once.

    Parameters
    ----------
    movie
        The movie as recorded.
    """

    movie: Frames
    _surveys: dict[str, Any] = field(default_factory=dict)

    def preview(self, frame: int, plan: Plan) -> Preview:
        """Process one frame, and detect in it.

        The pixels are those of a run of the whole movie where all steps are frame-wise.

        Parameters
        ----------
        frame
            Number of the frame.
        plan
            Steps and modules; of these the detections are run.

        Raises
        ------
        PlayNanoError
            A parameter is wrong, or a step fails.
        """
        messages: list[str] = []
        processing, _ = plan.bind()
        raw = self.movie.stack
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", PlayNanoWarning)
            steps = processing.steps_for(raw)
            if is_frame_wise(steps):
                pixels = frames_after(raw, self.movie.pixels, steps, self._surveys)[frame : frame + 1]
                stack = one_frame(raw, pixels, frame)
            else:
                stack = self._apart(frame, plan, steps, messages)
            outputs = _detect(stack, plan, messages)
        messages += [str(one.message) for one in caught if issubclass(one.category, PlayNanoWarning)]
        labels = outputs.get("labeled_masks")
        return Preview(
            frame,
            stack,
            outputs.get("table"),
            None if labels is None else np.asarray(labels[0:1])[0],
            tuple(dict.fromkeys(messages)),
        )

    def _apart(self, frame: int, plan: Plan, steps: list[PlannedStep], messages: list[str]) -> AFMImageStack:
        """Process one frame without the others."""
        stack = one_frame(self.movie.stack, np.asarray(self.movie.pixels[frame : frame + 1]), frame)
        left_out = [step.name for step in steps if _needs_others(step)]
        calls = [call for call, step in zip(plan.processing, steps, strict=True) if not _needs_others(step)]
        if left_out:
            messages.append(f"left out, because they need other frames: {', '.join(dict.fromkeys(left_out))}")
        messages.append(ONE_FRAME)
        return replace(plan, processing=calls, analysis=[], objects=None).process(stack)


def one_frame(stack: AFMImageStack, pixels: npt.NDArray[Any], frame: int) -> AFMImageStack:
    """Return one frame as a movie in memory.

    Parameters
    ----------
    stack
        The movie.
    pixels
        Pixels of the frame, (1, height, width).
    frame
        Number of the frame.
    """
    metadata = [dict(stack.frame_metadata[frame])] if frame < len(stack.frame_metadata) else None
    return AFMImageStack(
        pixels,
        stack.pixel_size_yx_nm,
        stack.channel,
        stack.file_path,
        metadata,
        scan=stack.scan,
        unit=stack.unit,
        metadata=stack.metadata,
    )


def _needs_others(step: PlannedStep) -> bool:
    """Return whether a step needs other frames, or another channel."""
    if step.step is None:
        return False
    module = step.step.function.__module__.removeprefix("playNano.processing.")
    return step.kind == "video" or module.startswith(OTHER_FRAMES)


def _detect(stack: AFMImageStack, plan: Plan, messages: list[str]) -> Mapping[str, Any]:
    """Run the detections of a plan on one frame, and return the outputs of the last one."""
    if plan.objects is not None:
        plan = replace(plan, analysis=default_analysis(stack, plan.objects).calls)
    outputs: dict[str, Any] = {}
    results: dict[str, Any] = {}
    for call in plan.analysis:
        module = module_registry()[call.name]()
        if module.kind != "detection":
            continue
        params = module.resolve_defaults(module.bind(call.params), results)
        if params.get("mask_fn") is None:
            messages.append(ONE_FRAME)
        outputs = module.run(stack, previous_results=results, **params)
        results[call.name] = outputs
    return outputs
