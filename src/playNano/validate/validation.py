"""Validation of a pipeline on the user's movie, with its particles erased and put back at known places."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.quality.quality import frame_quality
from playNano.analysis.plan import Plan
from playNano.core.value_units import channel_in_words
from playNano.errors import ParameterError, StackError
from playNano.validate.classes import recall_by_class
from playNano.validate.doubts import differing, hidden, not_flat, too_few_images
from playNano.validate.example import example_of
from playNano.validate.figures import Figure, compared, figures_of
from playNano.validate.measurements import MeasurementScore, score_measurements
from playNano.validate.merged import merged_pairs
from playNano.validate.motion_checks import check_motion
from playNano.validate.reference import Reference, detect_reference
from playNano.validate.replanting import Replanter
from playNano.validate.result import Validation
from playNano.validate.running import (
    PipelineInEffect,
    Run,
    measured_height,
    take_effect,
    without_curation,
    without_edits,
)
from playNano.validate.samples import Sample
from playNano.validate.scores import Place, Scored, diffusion, score_tables
from playNano.validate.search import Search, search_settings
from playNano.validate.sightings import track_reference
from playNano.validate.statements import FURTHER, MEASURES, Measure, stated
from playNano.validate.sweep import GRID, Progress
from playNano.validate.whatif import WhatIf, what_if

MAX_FRAMES = 600
"""Maximum number of frames whose quality is judged."""


@dataclass(frozen=True)
class Effort:
    """Number of copies and of frames.

    Parameters
    ----------
    n_copies
        Number of replanted copies, >= 1.
    max_frames
        Maximum number of consecutive frames that are validated, >= 8.
    factors
        Factors by which the two parameters of the grid search are scaled, > 0; empty for no search.
    """

    n_copies: int = 4
    max_frames: int = 60
    factors: tuple[float, ...] = GRID


QUICK = Effort(2, 60, ())


_NOT_CURATED = "edits of the tracks by hand are left out: the scores are those of the tracks before them"


def _silent(what: str, done: int, total: int) -> None:
    """Ignore progress."""


def validate_pipeline(
    stack: AFMImageStack,
    plan: Plan,
    *,
    quick: bool = False,
    seed: int = 0,
    density: float = 1.0,
    speed: float = 1.0,
    effort: Effort | None = None,
    progress: Progress | None = None,
) -> Validation:
    """Measure the errors of a pipeline on the user's movie, with its particles put back at known places.

    The particles are detected independently of the pipeline, tracked, cut out and erased; then they are put back where
    their tracks have them, the pipeline is run on that copy, and its result is scored against the known truth.

    Parameters
    ----------
    stack
        The user's movie, of heights in nm.
    plan
        The user's pipeline: processing steps, and analysis modules with a detection and possibly tracking.
    quick
        Whether fewer copies are made, and no other settings tried.
    seed
        Seed of the noise of the copies, >= 0.
    density, speed
        Factors for the number of particles and for the diffusion coefficient, > 0: where one differs from 1, the
        pipeline is also scored on random arrangements of the particles with them.
    effort
        Number of copies and frames; None: by `quick`.
    progress
        ``progress(what, done, total)`` is called during the work.

    Returns
    -------
    Validation
        Scores with their 95 % intervals for this movie, or the reasons why they are withheld.

    Raises
    ------
    ParameterError
        The pipeline detects nothing, or moves pixels.
    StackError
        The movie is not of heights in nm, or no frame shows the surface.

    Notes
    -----
    Particles that both the pipeline and the reference detection miss are not in the scores.

    Examples
    --------
    >>> from playNano.simulate import simulate_movie
    >>> stack = simulate_movie(20, (96, 96), n_particles=8, margin_nm=10.0, seed=2).to_stack()
    >>> plan = Plan.from_options("level", "feature_detection:threshold=1.5,mask_fn=mask_threshold", None)
    >>> result = validate_pipeline(stack, plan, effort=Effort(1, 20, ()))
    >>> result.withheld, result.measures["recall"].value > 0.9
    ((), True)
    """
    effort = effort or (QUICK if quick else Effort())
    if not (0 < density < np.inf and 0 < speed < np.inf):
        raise ParameterError(f"density and speed must be positive numbers; got {density} and {speed}")
    progress = progress or _silent
    if not stack.is_length:
        raise StackError(
            f"{stack.file_path}: {channel_in_words(stack)}; only movies of heights in nm can be validated: select a "
            "height channel"
        )
    stack, plan = without_edits(stack, plan)
    plan, curated = without_curation(plan)
    part, span, usable = _best_part(stack, effort.max_frames)
    progress("movie analysed", 0, 2)
    pipeline, run = take_effect(part, plan)
    progress("movie analysed", 1, 2)
    work = _Work(part, usable, pipeline, run, seed)
    progress("movie analysed", 2, 2)
    result = work.validated(span, effort, (density, speed), progress)
    return replace(result, caveats=(*result.caveats, _NOT_CURATED)) if curated else result


def _best_part(stack: AFMImageStack, max_frames: int) -> tuple[AFMImageStack, slice, npt.NDArray[np.bool_]]:
    """Return the consecutive frames with the largest number of usable ones, raw, and which are usable."""
    raw = np.asarray(stack.processed.get("raw", stack.data)[:MAX_FRAMES])
    usable = frame_quality(raw).table["usable"].to_numpy(bool)
    if not usable.any():
        raise StackError(f"{stack.file_path}: no frame shows the surface")
    n = min(len(usable), max_frames)
    first = int(np.convolve(usable, np.ones(n), "valid").argmax())
    span = slice(first, first + n)
    part = stack[span]
    part.restore_raw()
    return part, span, usable[span]


@dataclass(frozen=True, eq=False)
class _More:
    """What is given only where the scores are."""

    measurements: tuple[MeasurementScore, ...] = ()
    search: Search | None = None
    recommended: list[dict[str, Any]] = field(default_factory=list)
    what_if: WhatIf | None = None


class _Work:
    """The steps of a validation."""

    def __init__(
        self,
        part: AFMImageStack,
        usable: npt.NDArray[np.bool_],
        pipeline: PipelineInEffect,
        run: Run,
        seed: int,
    ) -> None:
        """Detect and cut out the particles."""
        self.part, self.usable, self.pipeline, self.run, self.seed = part, usable, pipeline, run, seed
        self.replanter = Replanter(part, usable)
        reference, cutouts = self.replanter.reference, self.replanter.cutouts
        pixel = max(part.pixel_size_yx_nm)
        whole = ~reference.at_border
        area = float(np.median(reference.area_px[whole])) if whole.any() else 0.0
        self.place = Place(
            part.image_shape,
            part.pixel_size_yx_nm,
            max(float(np.sqrt(area / np.pi)), 1.5) * pixel,
            cutouts.extent_px * pixel,
            part.origin_nm,
        )

    def rng(self, k: int) -> np.random.Generator:
        """Return the random numbers of a copy."""
        return np.random.default_rng([self.seed, k])

    def validated(
        self, span: slice, effort: Effort, factors: tuple[float, float], progress: Progress
    ) -> Validation:
        """Replant, score, compare, and search for settings."""
        replanter, pipeline = self.replanter, self.pipeline
        too_few = too_few_images(replanter)
        unlike = not_flat(replanter) + hidden(replanter)
        n_copies = 0 if too_few else 1 if unlike else effort.n_copies
        copies: list[Sample] = []
        runs: list[Run] = []
        first: AFMImageStack | None = None
        for k in range(n_copies):
            progress("copies analysed", k, n_copies)
            raw, truth = replanter.replant(self.rng(k))
            first = first or raw
            copies.append(Sample(pipeline.process(raw), truth, self.place))
            runs.append(pipeline.run(copies[-1].stack))
        progress("copies analysed", n_copies, n_copies)
        scored = [
            score_tables(c.truth, r.detections, r.tracks, self.place)
            for c, r in zip(copies, runs, strict=True)
        ]
        again = self._detected_again(first) if first is not None else None
        figures = self._figures(again, runs) if again is not None else ()
        withheld = too_few + unlike + differing(figures)
        more = _More() if withheld else self._more(copies[:2], effort, factors, progress)
        return Validation(
            measures=self._measures(scored, copies, withheld),
            further={} if withheld else _mean_scores(scored),
            withheld=withheld,
            figures=figures,
            classes=[] if withheld else recall_by_class([c.truth for c in copies], scored),
            merged_share=self._merged_share(),
            false_per_frame=float("nan") if too_few else self._false_per_frame(),
            motion=check_motion(self.run, pipeline, pipeline.process(self.part), self.place),
            measurements=more.measurements,
            on_movie=self._on_movie(),
            reference=self._described(),
            search=more.search,
            what_if=more.what_if,
            recommended=more.recommended,
            steps=pipeline.steps,
            gate_nm=self.place.gate_nm,
            border_nm=self.place.border_nm,
            frames=span,
            n_copies=len(copies),
            seed=self.seed,
            caveats=self._caveats(),
            pixel_size_nm=self.part.pixel_size_yx_nm,
            example=example_of(self.replanter, self.run, first, again, copies, runs, scored),
        )

    def _more(
        self, copies: list[Sample], effort: Effort, factors: tuple[float, float], progress: Progress
    ) -> _More:
        """Score the measurements, and try other settings and arrangements."""
        measurements = score_measurements(self.pipeline, [(c.stack, c.truth) for c in copies])
        search: Search | None = None
        recommended: list[dict[str, Any]] = []
        arranged: WhatIf | None = None
        if effort.factors:
            search, recommended = search_settings(copies, self.pipeline, effort.factors, progress)
        if factors != (1.0, 1.0):
            density, speed = factors
            arranged = what_if(
                self.replanter,
                self.pipeline,
                self.place,
                density=density,
                speed=speed,
                n_copies=2,
                seed=self.seed,
            )
        return _More(measurements, search, recommended, arranged)

    def _detected_again(self, copy: AFMImageStack) -> Reference:
        """Return the reference detection of a copy."""
        reference = self.replanter.reference
        return detect_reference(np.asarray(copy.data), opening_px=reference.opening_px, sign=reference.sign)

    def _figures(self, again: Reference, runs: list[Run]) -> tuple[Figure, ...]:
        """Return the figures of the movie and of its copy."""
        reference = self.replanter.reference
        mine = figures_of(reference, self.replanter.sightings)
        copied = figures_of(again, track_reference(again))
        mine |= {
            "detections": len(self.run.detections) / len(self.usable),
            "measured_height": measured_height(self.run.detections),
        }
        copied |= {
            "detections": float(np.mean([len(r.detections) for r in runs])) / len(self.usable),
            "measured_height": float(np.mean([measured_height(r.detections) for r in runs])),
        }
        return compared(mine, copied)

    def _measures(
        self, scored: list[Scored], copies: list[Sample], withheld: tuple[str, ...]
    ) -> dict[str, Measure]:
        """Return what is stated."""
        tracked = self.run.tracks is not None
        names = [n for n in MEASURES if tracked or n not in ("link_error", "diffusion_bias")]
        if withheld:
            nan = float("nan")
            return {name: Measure(nan, nan, nan, "withheld", "; ".join(withheld)) for name in names}
        height = float(np.median(self.replanter.cutouts.height_nm))
        itself = score_tables(copies[0].truth, self.run.detections, self.run.tracks, self.place)
        out = {}
        for name in names:
            values = [s.scores[name] for s in scored if np.isfinite(s.scores[name])]
            value = float(np.mean(values)) if values else float("nan")
            out[name] = stated(name, value, itself.scores[name], scored[0].n, height)
        return out

    def _merged_share(self) -> float:
        r = self.replanter.reference
        whole = ~r.at_border
        return (
            float(merged_pairs(r.height_nm, r.area_px, whole)[0][whole].mean())
            if whole.any()
            else float("nan")
        )

    def _false_per_frame(self) -> float:
        """Return the detections per frame on the movie with all particles erased, away from the border."""
        run = self.pipeline.run(self.pipeline.process(self.replanter.erased(self.rng(1_000_003))))
        return float(self.place.inner(run.detections, self.place.border_nm).sum()) / len(self.usable)

    def _on_movie(self) -> dict[str, float]:
        """Return what the pipeline finds on the movie."""
        out = {
            "per_frame": len(self.run.detections) / max(int(self.usable.sum()), 1),
            "height_nm": measured_height(self.run.detections),
        }
        if self.run.tracks is not None:
            out["diffusion_nm2_s"] = diffusion(self.run.tracks)
        return out

    def _described(self) -> dict[str, float]:
        """Return counts and sizes of the reference detection."""
        r, c = self.replanter.reference, self.replanter.cutouts
        return {
            "per_frame": len(r) / max(int(self.usable.sum()), 1),
            "height_nm": float(np.median(c.height_nm)) if len(c) else float("nan"),
            "noise_nm": r.noise_nm,
            "opening_px": float(r.opening_px),
            "n_images": float(len(c)),
            "n_components": float(c.n_components),
        }

    def _caveats(self) -> tuple[str, ...]:
        """List the limitations of the scores, in words."""
        out = ["particles that your pipeline and the reference detection both miss are not in these numbers"]
        if not self.part.has_times:
            out.append("the file has no frame times: D counts frames")
        return tuple(out)


def _mean_scores(scored: list[Scored]) -> dict[str, float]:
    """Return the means of the further scores."""
    names = [name for name in FURTHER if name in scored[0].scores]
    return {name: float(np.mean([s.scores[name] for s in scored])) for name in names}
