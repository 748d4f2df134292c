"""Detection of copies of a template by normalised cross-correlation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.peaks import TemplateOptions, find_templates
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.detection.spots import detect_spots, options_from
from playNano.core.params import Unit
from playNano.errors import ParameterError


class TemplateDetectionModule(AnalysisModule):
    """Detect copies of a template, in any rotation, by normalised cross-correlation."""

    name = "template_detection"
    kind = "detection"
    version = "1.1"
    options_type = TemplateOptions

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, and return the values in effect.

        Parameters
        ----------
        params
            Values by name, as given by the caller.
        where
            Name of the step for messages; by default the module's.
        """
        bound = super().bind(params, where)
        if (bound["template"] is None) == (bound["template_box"] is None):
            raise ParameterError(f"{where or self.name}: give either template (heights) or template_box")
        if bound["template"] is not None and len({len(row) for row in bound["template"]}) != 1:
            raise ParameterError(f"{where or self.name}: the rows of template must have equal length")
        return bound

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        template: list[list[float]] | None = None,
        template_box: Annotated[tuple[int, int, int, int, int], Unit("px")] | None = None,
        **params: Any,
    ) -> AnalysisOutputs:
        """Detect copies of a template in every frame.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; with those of `frame_quality`, frames that it flags as unusable are skipped.
        template
            Heights of one copy, as rows of numbers, with the pixel size of the movie. Either this or
            `template_box`.
        template_box
            Bounding box of a copy in the movie: (frame, min_row, min_col, max_row, max_col), rows and columns in px,
            half open.
        **params
            Those of `playNano.algorithms.peaks.options.TemplateOptions`.

        Returns
        -------
        dict
            ``features_per_frame, summary, table, observed``: see `playNano.analysis.detection.spots.detect_spots` and
            `playNano.algorithms.peaks.templates.find_templates`.

        Raises
        ------
        ParameterError
            If a parameter is unknown or out of range, or the box is not within the movie.
        """
        shape = np.array(template) if template is not None else _cut(stack, template_box or (0, 0, 0, 0, 0))
        detector = partial(find_templates, template=shape)
        options = options_from(TemplateOptions, params, self.name)
        return detect_spots(stack, previous_results, detector, options, name=self.name)


def _cut(stack: AFMImageStack, box: tuple[int, int, int, int, int]) -> Any:
    """Return the part of a frame inside a box (frame, min_row, min_col, max_row, max_col)."""
    frame, top, left, bottom, right = box
    inside = 0 <= top < bottom <= stack.height and 0 <= left < right <= stack.width
    if not (0 <= frame < stack.n_frames and inside):
        raise ParameterError(
            f"template_box {box} is not within {stack.n_frames} frames of {stack.height} x {stack.width} px"
        )
    return stack.get_frame(frame)[top:bottom, left:right]
