"""Options of pictures at the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.io.export.render import PictureOptions


def picture_options(
    z_range: str | None, cmap: str | None, figure_format: str = "png", *, outlines: bool = True
) -> PictureOptions:
    """Return the options of pictures.

    Parameters
    ----------
    z_range
        Two heights with a comma between them; None for those of the movie.
    cmap
        Name of a Matplotlib colour map; None for the usual one.
    figure_format
        "png", "pdf" or "svg".
    outlines
        Whether the movie shows the outlines of the detections.

    Raises
    ------
    ParameterError
        If a value is wrong.

    Examples
    --------
    >>> picture_options("-1,4.5", None).z_range
    (-1.0, 4.5)
    """
    from playNano.io.export.render import COLOUR_MAP, PictureOptions

    limits = None
    if z_range is not None:
        try:
            low, high = (float(part) for part in z_range.split(","))
        except ValueError as error:
            raise ParameterError(f"--z-range takes two heights, such as -1,4.5; not {z_range!r}") from error
        limits = (low, high)
    return PictureOptions(cmap or COLOUR_MAP, limits, figure_format, outlines)  # type: ignore[arg-type]
