"""Find copies of a shape in every frame."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from playNano._options import Unit
from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.detection.spots import detect_spots
from playNano.errors import ParameterError


class TemplateDetectionModule(AnalysisModule):
    """Find copies of a shape, turned ones too, by normalised cross-correlation."""

    name = "template_detection"
    kind = "detection"
    version = "1.0"

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Return the values in effect."""
        bound = super().bind(params, where)
        if (bound["template"] is None) == (bound["template_box"] is None):
            raise ParameterError(f"{where or self.name}: give either template (heights) or template_box")
        if bound["template"] is not None and len({len(row) for row in bound["template"]}) != 1:
            raise ParameterError(f"{where or self.name}: the rows of template must have one length")
        return bound

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        template: list[list[float]] | None = None,
        template_box: tuple[int, int, int, int, int] | None = None,
        n_angles: Annotated[int, Field(ge=1)] = 1,
        symmetry: Annotated[int, Field(ge=1)] = 1,
        min_score: Annotated[float, Field(ge=-1, le=1)] = 0.6,
        min_distance_nm: Annotated[float, Field(ge=0), Unit("nm")] | None = None,
        subpixel: bool = True,
    ) -> AnalysisOutputs:
        """Find copies of a shape in every frame.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules; `frame_quality` is heeded.
        template
            Heights of one copy, rows of numbers, sampled with the pixels of the movie. Either this or
            `template_box`.
        template_box
            Where the movie itself shows a copy: (frame, min_row, min_col, max_row, max_col), half open.
        n_angles
            Number of angles at which the shape is looked for.
        symmetry
            The shape looks the same after a turn by 1 / symmetry of a circle.
        min_score
            Least correlation, -1 to 1.
        min_distance_nm
            Least distance between copies, nm; by default half the shorter edge of the template.
        subpixel
            Whether places are refined between pixels.

        Returns
        -------
        dict
            ``features_per_frame, summary, table, observed``: see `playNano.analysis.detection.spots.detect_spots` and
            `playNano.algorithms.peaks.templates.find_templates`.

        Raises
        ------
        ParameterError
            If a parameter is wrong, or the box is not within the movie.
        """
        from playNano.algorithms.peaks.templates import find_templates

        shape = np.array(template) if template is not None else _cut(stack, template_box or (0, 0, 0, 0, 0))
        wanted: dict[str, Any] = {
            "n_angles": n_angles,
            "symmetry": symmetry,
            "min_score": min_score,
            "min_distance_nm": min_distance_nm,
            "subpixel": subpixel,
        }
        finder = partial(find_templates, template=shape)
        return detect_spots(stack, previous_results, finder, wanted, name=self.name)


def _cut(stack: AFMImageStack, box: tuple[int, int, int, int, int]) -> Any:
    frame, top, left, bottom, right = box
    inside = 0 <= top < bottom <= stack.height and 0 <= left < right <= stack.width
    if not (0 <= frame < stack.n_frames and inside):
        raise ParameterError(
            f"template_box {box} is not within {stack.n_frames} frames of {stack.height} x {stack.width} px"
        )
    return stack.get_frame(frame)[top:bottom, left:right]
