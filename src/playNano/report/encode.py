"""Code heights, label images and columns of numbers as text for a web page, and decode them.

A frame is rounded to levels of 16 bits. The differences between neighbouring rows (or columns), with their sign in the
lowest bit so that small ones have a high byte of 0, are compressed, the low and the high bytes apart. The page decodes
it with the functions `image` and `column` of report.js, whose twins in Python are here.
"""

from __future__ import annotations

import base64
import math
import zlib
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError

Axis = Literal["y", "x", ""]
"""Axis along which differences between pixels are taken; "" for the pixels themselves."""

MISSING = 65535
"""Level of a pixel without a height."""

MAX_LEVELS = 65000
"""Maximum number of levels of heights; below and above them is one level each."""

COMPRESSION = 6
"""Level of the compression; 9 takes four times as long for 1 % less."""


@dataclass(frozen=True)
class Coding:
    """How an image is coded.

    Parameters
    ----------
    axis
        Axis along which differences are taken.
    strategy
        Strategy of zlib: `zlib.Z_RLE` for noisy heights, of which no two lines agree; it is ten times faster there.
    """

    axis: Axis
    strategy: int = zlib.Z_DEFAULT_STRATEGY


LABELS = Coding("")
"""Coding of label images, whose runs of equal pixels compress best as they are."""


@dataclass(frozen=True)
class Levels:
    """Levels to which heights are rounded.

    Level 0 is a height below the range, 1 to ``count`` are heights ``low + (level - 1) * step``, ``count + 1`` is above
    the range, and `MISSING` is no height.

    Parameters
    ----------
    low
        Height of level 1, in the unit of the channel.
    step
        Difference between levels, > 0.
    count
        Number of levels within the range.
    """

    low: float
    step: float
    count: int

    @classmethod
    def of_range(cls, low: float, high: float, step: float) -> Levels:
        """Return levels for a range; the step is increased where there would be more than `MAX_LEVELS`.

        Parameters
        ----------
        low, high
            Lowest and highest height, low <= high.
        step
            Desired difference between levels, > 0.

        Raises
        ------
        ParameterError
            A value is not finite, or the step is not positive.

        Examples
        --------
        >>> Levels.of_range(-1.0, 4.0, 0.05).count
        101
        """
        if not (
            math.isfinite(low) and math.isfinite(high) and math.isfinite(step) and step > 0 and low <= high
        ):
            raise ParameterError(f"levels need a finite range and a positive step, not {low}, {high}, {step}")
        step = max(step, (high - low) / (MAX_LEVELS - 1))
        return cls(low, step, min(MAX_LEVELS, math.ceil((high - low) / step - 1e-9) + 1))

    def rounded(self, heights: npt.NDArray[Any]) -> npt.NDArray[np.uint16]:
        """Return the level of each height.

        Parameters
        ----------
        heights
            Any shape; NaN is a pixel without a height.
        """
        position = np.rint((np.asarray(heights, np.float64) - self.low) / self.step) + 1
        finite = ~np.isnan(position)
        levels = np.clip(np.where(finite, position, 0.0), 0, self.count + 1).astype(np.uint16)
        levels[~finite] = MISSING
        return levels

    def heights(self, levels: npt.NDArray[np.uint16]) -> npt.NDArray[np.float64]:
        """Return the height of each level: infinite below and above the range, NaN where there is none.

        Parameters
        ----------
        levels
            As `rounded` returns them.
        """
        heights = self.low + (levels.astype(np.float64) - 1) * self.step
        heights[levels == 0] = -np.inf
        heights[levels == self.count + 1] = np.inf
        heights[levels == MISSING] = np.nan
        return heights


def encode_image(image: npt.NDArray[np.uint16], coding: Coding) -> str:
    """Return an image of 16 bits as text.

    Parameters
    ----------
    image
        (height, width).
    coding
        How it is coded.

    Examples
    --------
    >>> image = np.arange(12, dtype=np.uint16).reshape(3, 4)
    >>> bool((decode_image(encode_image(image, Coding("x")), (3, 4), "x") == image).all())
    True
    """
    if not coding.axis:
        return _text(_planes(image), coding.strategy)
    along = 0 if coding.axis == "y" else 1
    first = np.take(image, [0], axis=along)
    # Differences wrap around at 65536, which the sums of the decoder undo.
    signed = np.concatenate([first, np.diff(image, axis=along)], axis=along).astype(np.int16)
    return _text(_planes(((signed << 1) ^ (signed >> 15)).astype(np.uint16)), coding.strategy)


def decode_image(text: str, shape: tuple[int, int], axis: Axis) -> npt.NDArray[np.uint16]:
    """Return the image that `encode_image` has coded.

    Parameters
    ----------
    text
        As `encode_image` returns it.
    shape
        Height and width.
    axis
        Axis along which differences were taken.
    """
    planes = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(2, *shape)
    values: npt.NDArray[np.uint16] = planes[0] | planes[1].astype(np.uint16) << 8
    if not axis:
        return values
    differences = (values >> 1) ^ (0 - (values & 1)).astype(np.uint16)
    image: npt.NDArray[np.uint16] = np.add.accumulate(
        differences, axis=0 if axis == "y" else 1, dtype=np.uint16
    )
    return image


def best_coding(image: npt.NDArray[np.uint16]) -> Coding:
    """Return the coding with which an image takes the fewest bytes.

    Parameters
    ----------
    image
        (height, width), typical of the movie.
    """
    codings = [
        Coding(axis, strategy) for axis in ("x", "y") for strategy in (zlib.Z_RLE, zlib.Z_DEFAULT_STRATEGY)
    ]
    return min(codings, key=lambda coding: len(encode_image(image, coding)))


def encode_column(values: npt.ArrayLike, kind: Literal["u2", "i4", "f4"]) -> str:
    """Return a column of numbers as text.

    Parameters
    ----------
    values
        (n,).
    kind
        Type in the page: unsigned of 16 bits, integer of 32 bits, or float of 32 bits.

    Raises
    ------
    ParameterError
        A value does not fit.

    Examples
    --------
    >>> decode_column(encode_column([1, 2, 70000], "i4"), "i4").tolist()
    [1, 2, 70000]
    """
    given = np.asarray(values)
    column = given.astype(f"<{kind}")
    if kind != "f4" and not np.array_equal(column, given):
        raise ParameterError(f"a column of the report does not fit into {kind}")
    return _text(_planes(column))


def decode_column(text: str, kind: Literal["u2", "i4", "f4"]) -> npt.NDArray[Any]:
    """Return the column that `encode_column` has coded.

    Parameters
    ----------
    text, kind
        As for `encode_column`.
    """
    plain = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return plain.reshape(int(kind[1]), -1).T.copy().view(f"<{kind}").ravel()


def encode_text(text: bytes) -> str:
    """Return bytes, compressed, as text.

    Parameters
    ----------
    text
        The bytes of a CSV file.
    """
    return _text(text)


def _planes(values: npt.NDArray[Any]) -> bytes:
    """Return the bytes of numbers, all lowest bytes first: they compress better apart."""
    little = values.astype(values.dtype.newbyteorder("<"), copy=False)
    return np.ascontiguousarray(little.reshape(-1, 1).view(np.uint8).T).tobytes()


def _text(content: bytes, strategy: int = zlib.Z_DEFAULT_STRATEGY) -> str:
    compressor = zlib.compressobj(COMPRESSION, strategy=strategy)
    return base64.b64encode(compressor.compress(content) + compressor.flush()).decode("ascii")
