"""Colours of a movie's pictures: heights, tracks, outlines, missing pixels, text."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.io.export.colour_maps import colour_map
from playNano.io.export.render import MISSING_COLOUR, OUTLINE_COLOUR, TRACK_COLOURS

GIF_HEIGHTS = 96
"""Number of height colours of a GIF, kept small for small files. The track colours follow them in the palette."""

RGB_HEIGHTS = 256
"""Number of height colours of other pictures."""


class Palette:
    """A numbered list of colours: heights first, then tracks, text, outlines, missing pixels and black.

    Parameters
    ----------
    cmap
        Name of a colour map of the heights.
    indexed
        Whether pictures hold numbers of colours (GIF) instead of red, green and blue.
    """

    def __init__(self, cmap: str, *, indexed: bool) -> None:
        from matplotlib.colors import to_rgb

        self.indexed = indexed
        self.heights = GIF_HEIGHTS if indexed else RGB_HEIGHTS
        colours = colour_map(cmap)(np.linspace(0, 1, self.heights))[:, :3]
        others = (*TRACK_COLOURS, OUTLINE_COLOUR, MISSING_COLOUR, "black")
        colours = np.concatenate([colours, [to_rgb(name) for name in others]])
        self.table = np.round(colours * 255).astype(np.uint8)
        self.white = self.heights + len(TRACK_COLOURS) - 1
        self.outline, self.missing, self.black = self.white + 1, self.white + 2, self.white + 3

    @property
    def dtype(self) -> npt.DTypeLike:
        """Type of the numbers of colours."""
        return np.uint8 if len(self.table) <= 256 else np.uint16

    def level(self, pixels: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[Any]:
        """Return the numbers of the colours of heights, as Matplotlib assigns them.

        Parameters
        ----------
        pixels
            Heights, (rows, columns).
        low, high
            Heights at the ends of the colour map.
        """
        with np.errstate(invalid="ignore"):
            level = (pixels - low) / (high - low) * self.heights
        missing = ~np.isfinite(level)
        level = np.clip(np.nan_to_num(level, nan=0.0), 0, self.heights - 1).astype(self.dtype)
        level[missing] = self.missing
        return np.asarray(level)

    def track(self, number: int) -> int:
        """Return the number of the colour of a track.

        Parameters
        ----------
        number
            Position of the track in the list of tracks.
        """
        return self.heights + number % (len(TRACK_COLOURS) - 1)

    def colour(self, number: int) -> int | tuple[int, ...]:
        """Return a colour as a picture takes it.

        Parameters
        ----------
        number
            Number of the colour.
        """
        return number if self.indexed else tuple(self.table[number].tolist())

    def picture(self, numbers: npt.NDArray[Any]) -> Any:
        """Return a picture (PIL) of numbers of colours.

        Parameters
        ----------
        numbers
            Numbers of colours, (rows, columns).
        """
        from PIL import Image

        picture = Image.fromarray(numbers if self.indexed else self.table[numbers])
        if self.indexed:
            picture.putpalette(self.table.ravel().tolist())
        return picture

    def blank(self, size: tuple[int, int]) -> Any:
        """Return a black picture (PIL).

        Parameters
        ----------
        size
            Width and height, px.
        """
        return self.picture(np.full(size[::-1], self.black, self.dtype))
