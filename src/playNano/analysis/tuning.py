"""Stability of detection and tracking under small changes of levelling, limits and search range."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.analysis.defaults import Objects, default_analysis
from playNano.analysis.modules.frame_quality import FrameQualityModule
from playNano.analysis.tuning_detections import BaseDetections, detect_variants
from playNano.analysis.tuning_links import Links, link_runs
from playNano.core.lazy import computed
from playNano.core.step_text import StepCall
from playNano.errors import ParameterError, PlayNanoWarning
from playNano.processing.pipeline import ProcessingPipeline

if TYPE_CHECKING:
    import pandas as pd

    from playNano.analysis.plan import Plan

Progress = Callable[[str, int, int], None]

N_RUNS, RUN_LENGTH = 2, 20
"""Runs of consecutive frames, and frames in each."""
LEVELLING = (StepCall("level"), StepCall("level", {"order": 1}), StepCall("level", {"order": 3}))
"""Levelling steps that are compared; medians of rows are not, since they are stable and yet wrong."""
N_LINKED = 12
"""Settings of the highest stability that are linked, at most."""
ALIKE = 0.05
"""Settings of which the numbers of objects differ by less than this fraction are not all linked."""
RANGE_FACTORS = (1.0, 0.7, 1.4)
"""Search ranges that are compared, in ranges that are found from the movie."""
TOLERANCE = 0.02
"""Settings with a score this much below the best are as good."""


@dataclass(frozen=True)
class Setting:
    """A setting, and how stable its results are.

    Attributes
    ----------
    levelling
        The levelling step.
    module
        The detection module.
    params
        Its parameters; what is left out is found from the movie.
    limits
        Limits in effect on the columns of the detections: column -> minimum.
    steps_from_default
        Number of steps in the grid from the default analysis.
    n_per_frame
        Mean number of objects in a frame.
    stability
        Mean F1 of the detections and those under small changes of each limit, 0 to 1.
    max_distance_nm
        Search range, nm; None where it is found from the movie.
    links
        Results of linking; None where it was not linked.
    """

    levelling: StepCall
    module: str
    params: dict[str, Any]
    limits: dict[str, float]
    steps_from_default: int
    n_per_frame: float
    stability: float
    max_distance_nm: float | None = None
    links: Links | None = None

    @property
    def score(self) -> float:
        """Stability times the expected fraction of right links times the persistence; NaN where it was not linked."""
        if self.links is None:
            return math.nan
        wrong, persistence = self.links.expected_wrong, self.links.persistence
        right = 1.0 - (wrong if math.isfinite(wrong) else 0.0)
        return self.stability * right * (persistence if math.isfinite(persistence) else 1.0)

    def plan(self) -> Plan:
        """Return the setting as a plan."""
        from playNano.analysis.plan import Plan

        given = {} if self.max_distance_nm is None else {"max_distance_nm": self.max_distance_nm}
        calls = [
            StepCall("frame_quality"),
            StepCall(self.module, dict(self.params)),
            StepCall("particle_tracking", given),
        ]
        return Plan([self.levelling], calls)


@dataclass
class Tuning:
    """Settings that were tried on a movie.

    Attributes
    ----------
    settings
        All settings, the best first.
    frames
        Numbers of the frames of the movie that were used.
    stacks
        The frames, levelled, by the position of the levelling step in `LEVELLING`.
    detections
        Detections without limits, as `stacks`.
    """

    settings: list[Setting]
    frames: list[int]
    stacks: list[AFMImageStack] = field(default_factory=list)
    detections: list[BaseDetections] = field(default_factory=list)

    @property
    def best(self) -> Setting:
        """The best setting."""
        return self.settings[0]

    def table(self) -> pd.DataFrame:
        """Return one row per setting, the best first.

        Returns
        -------
        DataFrame
            ``levelling, detection``, the limits (``min_height_nm, min_size`` or ``threshold``), ``max_distance_nm``
            (NaN: found from the movie), ``n_per_frame, stability, n_tracks, expected_wrong_links, persistence,
            search_range_nm, score``; NaN where a setting was not linked.
        """
        import pandas as pd

        rows = []
        for s in self.settings:
            order = s.levelling.params.get("order", 2)
            links = s.links or Links(math.nan, math.nan, math.nan, math.nan)
            rows.append(
                {
                    "levelling": f"{s.levelling.name}:order={order}",
                    "detection": s.module,
                    **s.limits,
                    "max_distance_nm": math.nan if s.max_distance_nm is None else s.max_distance_nm,
                    "n_per_frame": s.n_per_frame,
                    "stability": s.stability,
                    "n_tracks": links.n_tracks,
                    "expected_wrong_links": links.expected_wrong,
                    "persistence": links.persistence,
                    "search_range_nm": links.search_range_nm,
                    "score": s.score,
                }
            )
        return pd.DataFrame(rows)


def tune(
    stack: AFMImageStack, objects: Objects = "auto", progress: Progress = lambda what, done, total: None
) -> Tuning:
    """Try settings of levelling, detection and tracking on some frames, and return them, the most stable first.

    Parameters
    ----------
    stack
        The movie, as loaded; it is not changed.
    objects
        What it shows: "auto", "particles", "pits" or "lattice".
    progress
        ``progress(what, done, total)`` is called during the work.

    Returns
    -------
    Tuning
        The settings. The best has the highest score; of those within 0.02 of it the one nearest to the defaults.

    Raises
    ------
    ParameterError
        If no frame is usable, nothing is detected with any setting, or `objects` is "filaments".

    Examples
    --------
    >>> from playNano.simulate import simulate_movie
    >>> tuning = tune(simulate_movie(6, (64, 64), n_particles=4, seed=1).to_stack())
    >>> tuning.best.module, tuning.best.stability > 0.9
    ('feature_detection', True)
    """
    if objects == "filaments":
        raise ParameterError("tune compares settings for particles, pits and lattices, not for filaments")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PlayNanoWarning)
        part, frames, runs = sampled(stack)
        tuning = Tuning([], frames)
        for k, step in enumerate(LEVELLING):
            progress("levelling and detecting", k, len(LEVELLING))
            levelled = part[:]
            pipeline = ProcessingPipeline()
            pipeline.add_call(step)
            pipeline.run(levelled, keep="none")
            call = next(c for c in default_analysis(levelled, objects).calls if c.name.endswith("_detection"))
            tuning.stacks.append(levelled)
            tuning.detections.append(detect_variants(levelled, call))
        progress("levelling and detecting", len(LEVELLING), len(LEVELLING))
        unlinked = [s for k in range(len(LEVELLING)) for s in _settings(tuning, k)]
        if not any(s.n_per_frame for s in unlinked):
            raise ParameterError("nothing is detected in the frames with any setting")
        tuning.settings = _linked(tuning, unlinked, runs, progress)
    return tuning


def sampled(stack: AFMImageStack) -> tuple[AFMImageStack, list[int], list[slice]]:
    """Return a few runs of consecutive frames of a movie as one stack, their numbers, and the slice of each run.

    Parameters
    ----------
    stack
        The movie.

    Raises
    ------
    ParameterError
        If no frame is usable.
    """
    usable = FrameQualityModule().run(stack)["usable"]
    if not usable.any():
        raise ParameterError("no frame of the movie is usable: see `playnano info`")
    spans = _spans(usable)
    data = np.concatenate([np.asarray(computed(stack.data[span])) for span in spans])
    part = AFMImageStack(
        data,
        stack.pixel_size_yx_nm,
        stack.channel,
        stack.file_path,
        unit=stack.unit,
        metadata=stack.metadata,
    )
    part.frame_metadata = [dict(entry) for span in spans for entry in stack.frame_metadata[span]]
    numbers = [k for span in spans for k in range(span.start, span.stop)]
    ends = np.cumsum([span.stop - span.start for span in spans]).tolist()
    return part, numbers, [slice(a, b) for a, b in pairwise([0, *ends])]


def _spans(usable: npt.NDArray[np.bool_]) -> list[slice]:
    """Return the run with most usable frames of each part of a movie."""
    n = len(usable)
    if n <= N_RUNS * RUN_LENGTH:
        return [slice(0, n)]
    edges = np.linspace(0, n, N_RUNS + 1).astype(int)
    spans = []
    for first, last in pairwise(edges):
        counts = np.convolve(usable[first:last], np.ones(RUN_LENGTH, int), mode="valid")
        best = np.flatnonzero(counts == counts.max())
        start = int(first + best[len(best) // 2])
        spans.append(slice(start, start + RUN_LENGTH))
    return spans


def _settings(tuning: Tuning, k: int) -> Iterator[Setting]:
    """Yield the settings of one levelling step, with their stability."""
    detections = tuning.detections[k]
    n_frames = max(int(detections.observed.sum()), 1)
    for positions in product(*(range(len(axis.values)) for axis in detections.axes)):
        values = [axis.values[i] for axis, i in zip(detections.axes, positions, strict=True)]
        params = dict(detections.params)
        for axis, value, i in zip(detections.axes, values, positions, strict=True):
            if i or axis.always:
                params[axis.parameter] = int(value) if axis.integer else float(f"{value:.3g}")
        yield Setting(
            LEVELLING[k],
            detections.module,
            params,
            {axis.parameter: value for axis, value in zip(detections.axes, values, strict=True)},
            k + sum(positions),
            detections.kept(values).sum() / n_frames,
            detections.stability(values),
        )


def _linked(tuning: Tuning, unlinked: list[Setting], runs: list[slice], progress: Progress) -> list[Setting]:
    """Return all settings, the best first; the most stable ones, and the best one's search ranges, are linked."""
    from dataclasses import replace

    ranked = sorted(unlinked, key=lambda s: (-round(s.stability, 2), s.steps_from_default))
    tried = _different(ranked)
    rest = [s for s in ranked if s not in tried]
    total = len(tried) + len(RANGE_FACTORS) - 1
    linked = []
    for n, setting in enumerate(tried):
        progress("linking", n, total)
        linked.append(replace(setting, links=_links(tuning, setting, runs)))
    best = _best(linked)
    assert best.links is not None
    for n, factor in enumerate(RANGE_FACTORS[1:], len(tried)):
        progress("linking", n, total)
        if math.isfinite(best.links.search_range_nm):
            other = replace(best, max_distance_nm=float(f"{factor * best.links.search_range_nm:.3g}"))
            other = replace(other, steps_from_default=best.steps_from_default + 1)
            linked.append(replace(other, links=_links(tuning, other, runs)))
    progress("linking", total, total)
    best = _best(linked)
    others = sorted((s for s in linked if s is not best), key=lambda s: -s.score)
    return [best, *others, *rest]


def _different(ranked: list[Setting]) -> list[Setting]:
    """Return the default setting, and stable ones that detect different numbers of objects.

    Of those that are about as stable and detect about the same number it is the one nearest to the defaults.
    """
    tried = [s for s in ranked if s.steps_from_default == 0]
    for setting in ranked:
        n = setting.n_per_frame
        if n and not any(abs(n - other.n_per_frame) < ALIKE * other.n_per_frame for other in tried):
            alike = [s for s in ranked if abs(n - s.n_per_frame) < ALIKE * n]
            near = [s for s in alike if s.stability >= setting.stability - TOLERANCE]
            tried.append(min(near, key=lambda s: s.steps_from_default))
    return tried[:N_LINKED]


def _links(tuning: Tuning, setting: Setting, runs: list[slice]) -> Links:
    k = LEVELLING.index(setting.levelling)
    detections = tuning.detections[k]
    table = detections.table[detections.kept([setting.limits[axis.parameter] for axis in detections.axes])]
    return link_runs(tuning.stacks[k], table, detections.observed, runs, setting.max_distance_nm)


def _best(settings: list[Setting]) -> Setting:
    """Return the setting nearest to the defaults among those of about the highest score."""
    highest = max(s.score for s in settings)
    near = [s for s in settings if s.score >= highest - TOLERANCE]
    return min(near, key=lambda s: (s.steps_from_default, -s.score))
