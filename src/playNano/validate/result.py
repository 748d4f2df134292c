"""Result of a validation."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from playNano.core.serialize import json_safe
from playNano.validate.example import Example
from playNano.validate.figures import Figure
from playNano.validate.measurements import MeasurementScore
from playNano.validate.motion_checks import MotionChecks
from playNano.validate.running import Steps
from playNano.validate.search import Search
from playNano.validate.statements import FURTHER, MEASURES, Measure
from playNano.validate.whatif import WhatIf

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Validation:
    """Errors of a pipeline on the user's movie, measured on copies with its particles put back at known places.

    Parameters
    ----------
    measures
        Score -> value with its 95 % interval for this movie, or the reason why there is none; see
        `playNano.validate.statements.MEASURES`.
    further
        Further scores, means over the copies; empty where all scores are withheld.
    withheld
        Why all scores are withheld, in words; empty if they are not.
    figures
        Figures of the movie and of its copy, which must agree.
    classes
        Recall by class of height: ``height_nm``, ``n``, ``recall``, ``low``, ``high``.
    merged_share
        Fraction of the detected regions that consist of more than one particle.
    false_per_frame
        Detections per frame on the movie with all particles erased.
    motion
        How search range and border change D; None without tracks or times.
    measurements
        Errors of the measurements of the pipeline (diffusion, dwell times, states) on the copies.
    on_movie
        Detections per frame, median height and diffusion coefficient of the pipeline on the movie.
    reference
        Counts and sizes of the reference detection.
    search
        Sensitivity of the objective to the parameters, and the grid search; None where it is not believed.
    what_if
        Scores on random arrangements of the particles, denser or slower; None for neither, or where scores are
        withheld.
    recommended
        Changes that are better: module, parameter, yours, recommended; empty if there are none.
    steps
        Analysis modules with the parameter values in effect.
    gate_nm
        Largest distance of a detection from the particle, nm.
    border_nm
        Particles nearer to the border are not scored, nm.
    frames
        The frames of the movie that were validated.
    n_copies, seed
        Number of copies, and the seed of their noise.
    caveats
        Limitations of the scores, in words.
    pixel_size_nm
        (y, x), nm.
    example
        Frame for the picture.
    """

    measures: dict[str, Measure]
    further: dict[str, float]
    withheld: tuple[str, ...]
    figures: tuple[Figure, ...]
    classes: list[dict[str, float]]
    merged_share: float
    false_per_frame: float
    motion: MotionChecks | None
    measurements: tuple[MeasurementScore, ...]
    on_movie: dict[str, float]
    reference: dict[str, float]
    search: Search | None
    what_if: WhatIf | None
    recommended: list[dict[str, Any]]
    steps: Steps
    gate_nm: float
    border_nm: float
    frames: slice
    n_copies: int
    seed: int
    caveats: tuple[str, ...]
    pixel_size_nm: tuple[float, float]
    example: Example

    def table(self) -> pd.DataFrame:
        """Return the scores as a table: ``score, value, low, high, unit, status, reason``."""
        import pandas as pd

        rows = [
            {"score": name, **m.to_dict(), "unit": MEASURES[name][0]} for name, m in self.measures.items()
        ]
        return pd.DataFrame(rows)[["score", "value", "low", "high", "unit", "status", "reason"]]

    def to_dict(self) -> dict[str, Any]:
        """Return all fields except the images as JSON types, for ``validate.json``."""
        values = {
            "method": "replanting",
            "scores": {
                name: {**m.to_dict(), "unit": MEASURES[name][0], "meaning": MEASURES[name][1]}
                for name, m in self.measures.items()
            },
            "further_scores": {
                name: {"value": value, "unit": FURTHER[name][0], "meaning": FURTHER[name][1]}
                for name, value in self.further.items()
            },
            "withheld": list(self.withheld),
            "figures": [figure.to_dict() for figure in self.figures],
            "recall_by_class": self.classes,
            "merged_share": self.merged_share,
            "false_detections_per_frame": self.false_per_frame,
            "diffusion": self.motion.to_dict() if self.motion else None,
            "measurements": [asdict(m) for m in self.measurements],
            "found_on_movie": self.on_movie,
            "reference": self.reference,
            "pipeline": [{name: params} for name, params in self.steps],
            "replanted": {
                "n_copies": self.n_copies,
                "first_frame": self.frames.start,
                "n_frames": self.frames.stop - self.frames.start,
                "gate_nm": self.gate_nm,
                "border_nm": self.border_nm,
                "seed": self.seed,
            },
            "search": self.search.to_dict() if self.search else None,
            "what_if": self.what_if.to_dict() if self.what_if else None,
            "recommended": self.recommended,
            "caveats": list(self.caveats),
        }
        plain: dict[str, Any] = json_safe(values)
        return plain
