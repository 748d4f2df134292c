"""Text on the pictures of a movie: white letters with a black edge."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from playNano.io.export.palette import Palette


class Letters:
    """Writes text on pictures; each text is drawn once and kept.

    Parameters
    ----------
    size_px
        Height of the letters, px.
    palette
        Colours of the pictures.
    """

    def __init__(self, size_px: int, palette: Palette) -> None:
        self.size_px, self.palette = size_px, palette
        self._drawn: dict[str, list[Any]] = {}

    @cached_property
    def font(self) -> Any:
        """The font."""
        from PIL import ImageFont

        return ImageFont.load_default(size=self.size_px)

    def width(self, text: str) -> float:
        """Return the width of a text, px.

        Parameters
        ----------
        text
            The text.
        """
        return float(self.font.getlength(text))

    def write(self, picture: Any, place: tuple[int, int], text: str) -> None:
        """Write white text with a black edge on a picture.

        Parameters
        ----------
        picture
            The picture, which is changed.
        place
            Left and upper edge of the text, px.
        text
            The text.
        """
        if text not in self._drawn:
            self._drawn[text] = [self._covered(text, stroke) for stroke in (2, 0)]
        for mask, number in zip(self._drawn[text], (self.palette.black, self.palette.white), strict=True):
            left, top = place[0] - 3, place[1] - 3
            picture.paste(
                self.palette.colour(number), (left, top, left + mask.size[0], top + mask.size[1]), mask
            )

    def _covered(self, text: str, stroke: int) -> Any:
        """Return how much of each pixel letters cover; all or nothing where the palette has no shades."""
        from PIL import Image, ImageDraw

        covered = Image.new("L", (round(self.width(text)) + 6, round(1.5 * self.size_px) + 6))
        ImageDraw.Draw(covered).text((3, 3), text, fill=255, font=self.font, stroke_width=stroke)
        return covered.point([0] * 128 + [255] * 128) if self.palette.indexed else covered
