"""Put the picture of a frame together: one or two views of it, and a colour bar."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.io.export.painter import Painter


class Sheet:
    """The views of a frame beside each other, each with a colour bar if there are any.

    Parameters
    ----------
    painters
        The views, of equal size and colours.
    unit
        Unit at the colour bars; None for no colour bars.
    """

    def __init__(self, painters: Sequence[Painter], unit: str | None) -> None:
        self.painters, self.unit = painters, unit
        first = painters[0]
        self.letters, self.palette, self.shown = first.letters, first.palette, first.shown
        self.gap = max(4, self.letters.size_px // 2)
        self.bars = [] if unit is None else [self._colour_bar(painter) for painter in painters]
        wide = sum(painter.size[0] for painter in painters) + (len(painters) - 1) * self.gap
        self.size = wide + sum(bar.shape[1] for bar in self.bars), first.size[1]

    def paint(self, frame: int) -> Any:
        """Return the picture (PIL) of a frame.

        Parameters
        ----------
        frame
            Number of the frame.
        """
        if len(self.painters) == 1 and not self.bars:
            return self.painters[0].paint(frame)
        picture = self._empty.copy()
        for painter, left in zip(self.painters, self._lefts(), strict=True):
            picture.paste(painter.paint(frame), (left, 0))
        return picture

    def _lefts(self) -> list[int]:
        """Return the left edge of each view, px."""
        lefts, left = [], 0
        for number, painter in enumerate(self.painters):
            lefts.append(left)
            left += painter.size[0] + self.gap + (self.bars[number].shape[1] if self.bars else 0)
        return lefts

    @cached_property
    def _empty(self) -> Any:
        """The colour bars with their numbers, which are the same in all frames."""
        picture = self.palette.blank(self.size)
        for painter, left, bar in zip(self.painters, self._lefts(), self.bars, strict=False):
            at = left + painter.size[0]
            picture.paste(self.palette.picture(bar), (at, 0))
            top, _, thick = self._box(painter)
            self.letters.write(
                picture, (at + self.gap, max(0, top - self.letters.size_px - 6)), str(self.unit)
            )
            for text, row in self._numbers(painter):
                place = (at + 2 * self.gap + thick, round(row - 0.68 * self.letters.size_px))
                self.letters.write(picture, place, text)
        return picture

    def _box(self, painter: Painter) -> tuple[int, int, int]:
        """Return upper edge, height and width of a colour bar, px."""
        size = self.letters.size_px
        top = size + 12
        return top, max(8, painter.size[1] - top - size), size

    def _numbers(self, painter: Painter) -> list[tuple[str, float]]:
        """Return the round numbers beside a colour bar, and their rows, px."""
        from matplotlib.ticker import MaxNLocator

        top, tall, _ = self._box(painter)
        low, high = painter.low, painter.high
        locator = MaxNLocator(nbins=max(1, min(6, tall // (3 * self.letters.size_px))), steps=[1, 2, 5, 10])
        values: Any = locator.tick_values(low, high)
        inside = values[(values >= low) & (values <= high)]
        digits = max(0, -int(np.floor(np.log10(np.diff(values).min()) + 1e-9)))
        return [
            (
                f"{value + 0.0:.{digits}f}",
                top + (high - value) / (high - low) * tall,
            )
            for value in np.round(inside, digits)
        ]

    def _colour_bar(self, painter: Painter) -> npt.NDArray[Any]:
        """Return the numbers of the colours of a colour bar without text, (rows, columns)."""
        top, tall, thick = self._box(painter)
        texts = [text for text, _ in self._numbers(painter)] + [str(self.unit)]
        width = 3 * self.gap + thick + round(max(map(self.letters.width, texts))) + 4
        bar = np.full((painter.size[1], width), self.palette.black, self.palette.dtype)
        heights = np.linspace(self.palette.heights - 1, 0, tall).round().astype(self.palette.dtype)
        bar[top : top + tall, self.gap : self.gap + thick] = heights[: len(bar) - top, None]
        for _, row in self._numbers(painter):
            at = min(max(round(row), top), len(bar) - 1)
            bar[at, self.gap + thick : self.gap + thick + self.gap // 2] = self.palette.white
        return bar
