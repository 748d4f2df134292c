"""Copies of the movie on which a pipeline is scored, and the objective by which settings are compared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.validate.running import PipelineInEffect, Steps
from playNano.validate.scores import Place, Scored, score_tables

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Sample:
    """A copy of the movie, or a part of its frames, with its truth.

    Parameters
    ----------
    stack
        The processed frames.
    truth
        Table of true positions.
    place
        Frame, gate and border.
    """

    stack: AFMImageStack
    truth: pd.DataFrame
    place: Place

    def part(self, first: int, stop: int) -> Sample:
        """Return some of the frames.

        Parameters
        ----------
        first, stop
            The first frame, and the one after the last.
        """
        inside = (self.truth["frame"] >= first) & (self.truth["frame"] < stop)
        truth = self.truth[inside].reset_index(drop=True)
        truth["frame"] -= first
        return Sample(self.stack[first:stop], truth, self.place)

    def score(self, pipeline: PipelineInEffect, steps: Steps | None = None) -> Scored:
        """Run the analysis and score it.

        Parameters
        ----------
        pipeline
            The user's pipeline.
        steps
            Modules with their parameters; None: those in effect.
        """
        run = pipeline.run(self.stack, steps)
        return score_tables(self.truth, run.detections, run.tracks, self.place)


def objective_of(scored: Scored) -> float:
    """Return the objective: HOTA, or F1 without tracking; 0 without detections.

    Parameters
    ----------
    scored
        Scores on one sample.
    """
    value = scored.scores.get("hota", scored.scores["f1"])
    return float(value) if np.isfinite(value) else 0.0
