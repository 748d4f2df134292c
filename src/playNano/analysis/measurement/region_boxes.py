"""Boxes of whole pixels around tracked regions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import Unit, check_options

Box = tuple[int, int, int, int]
"""First row, first column, and the row and column after the last."""


@dataclass(frozen=True)
class BoxOptions:
    """Options of the boxes around regions.

    Parameters
    ----------
    padding
        Pixels added on each side, px, >= 0; a box ends at the border of the frame.
    fixed_box_size
        Edge of a square of this size around the centre of each region, px. None: boxes follow the regions.
    square
        Whether boxes are squares of their longer edge; without effect on squares of a fixed size.
    fixed_size_mode
        "global": the same `fixed_box_size` for all tracks; "per_track": for each track the longest edge of its regions
        plus twice the padding, where a `fixed_box_size` is given.
    """

    padding: Annotated[int, Field(ge=0), Unit("px")] = 0
    fixed_box_size: Annotated[int, Field(ge=1), Unit("px")] | None = None
    square: bool = False
    fixed_size_mode: Literal["global", "per_track"] = "global"

    def __post_init__(self) -> None:
        """Check the values."""
        check_options(self)

    def size_of(self, boxes: list[Box]) -> int | None:
        """Return the fixed edge of the boxes of a track, px; None where they follow the regions.

        Parameters
        ----------
        boxes
            The boxes of its regions.
        """
        if self.fixed_box_size is None or self.fixed_size_mode == "global" or not boxes:
            return self.fixed_box_size
        return max(max(box[2] - box[0], box[3] - box[1]) for box in boxes) + 2 * self.padding

    def around(self, box: Box, shape: tuple[int, int], size: int | None) -> Box:
        """Return the box that is cut out for a region.

        Parameters
        ----------
        box
            The box of the region.
        shape
            Rows and columns of the frame.
        size
            Return value of `size_of`.

        Examples
        --------
        >>> BoxOptions(padding=2).around((1, 5, 4, 9), (20, 20), None)
        (0, 3, 6, 11)
        >>> BoxOptions(square=True).around((4, 5, 7, 10), (20, 20), None)
        (3, 5, 8, 10)
        >>> BoxOptions().around((0, 5, 2, 7), (20, 20), 6)
        (0, 3, 6, 9)
        """
        if size is None:
            top, left, bottom, right = box
            pad = self.padding
            box = (
                max(0, top - pad),
                max(0, left - pad),
                min(shape[0], bottom + pad),
                min(shape[1], right + pad),
            )
            if not self.square:
                return box
            size = max(box[2] - box[0], box[3] - box[1])
        rows, columns = (_interval(box[axis], box[axis + 2], size, shape[axis]) for axis in (0, 1))
        return rows[0], columns[0], rows[1], columns[1]


def _interval(first: int, after: int, size: int, pixels: int) -> tuple[int, int]:
    """Return an interval of a size around the centre of another one, moved into the frame where it is larger."""
    start = min(max(0, (first + after) // 2 - size // 2), max(0, pixels - size))
    return start, min(pixels, start + size)
