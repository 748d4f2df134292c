"""Declare what the frames of a movie share in a step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from playNano.algorithms.leveling.survey import sampled_frames


@dataclass(frozen=True)
class Survey:
    """What the frames of a movie share in a step: estimated once, from a sample of the frames.

    The function of the step receives it as its argument `survey` and returns, besides the pixels, a dict of quantities,
    each with one value per frame, for the record.

    Parameters
    ----------
    frames
        Numbers of the sampled frames, as a function of the number of frames.
    estimate
        ``estimate(sample, **params)`` for a sample (n, height, width).
    summary
        What the record holds of the result: plain values by name.
    warnings
        ``warnings(per_frame, numbers)``: texts on the quantities of the frames with these numbers.
    """

    frames: Callable[[int], list[int]]
    estimate: Callable[..., Any]
    summary: Callable[[Any], dict[str, Any]]
    warnings: Callable[[Mapping[str, Any], list[int]], list[str]]


def report_only(warnings: Callable[[Mapping[str, Any], list[int]], list[str]]) -> Survey:
    """Return the survey of a step whose frames share nothing: it only reports quantities of every frame.

    Parameters
    ----------
    warnings
        As in `Survey`.
    """
    return Survey(sampled_frames, _nothing, _no_summary, warnings)


def _nothing(sample: Any, **params: Any) -> None:
    """Estimate nothing."""


def _no_summary(estimate: Any) -> dict[str, Any]:
    return {}
