"""Find copies of a template, rotated by any angle, by normalised cross-correlation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms._common.inputs import as_block, pixel_pair
from playNano.algorithms._common.polarity import find_both_ways, touches_border
from playNano.algorithms._common.spacing import refine_maxima, select_separated
from playNano.algorithms.peaks.options import TemplateOptions
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "frame", "label", "y", "x", "y_nm", "x_nm", "score", "orientation_rad", "gain", "background_nm", "touches_edge",
)  # fmt: skip
OPPOSITE = {name: name for name in ("gain", "background_nm")}
"""Column -> column of the inverted frame of which it is the negative."""

FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Correlation:
    """Correlation of a template with a frame at every pixel.

    Attributes
    ----------
    score
        (h, w) float64: the best correlation over all angles, in [-1, 1]; NaN where the template would
        extend beyond the frame, 0 where the frame is flat.
    angle
        (h, w) int64: index of the best angle.
    gain, background
        (h, w) float64: the linear regression of the frame on the template, frame = gain * template + background.
    """

    score: npt.NDArray[np.float64]
    angle: npt.NDArray[np.int64]
    gain: npt.NDArray[np.float64]
    background: npt.NDArray[np.float64]


def find_templates(
    block: npt.ArrayLike,
    template: npt.ArrayLike,
    options: TemplateOptions | None = None,
    *,
    first_frame: int = 0,
    pixel_size_nm: float | tuple[float, float] = (1.0, 1.0),
) -> pd.DataFrame:
    """Find copies of a template in each frame, and their orientation, by normalised cross-correlation.

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm. Pixels that are not finite are given the median of their frame.
    template
        Heights of one copy, (th, tw), sampled with the pixels of the frames, at least 3 x 3. Matches are located by
        its centre. With more than one angle only the largest ellipse within it (a circle in nm) is compared, so that
        it can be rotated; leave a margin of background around the shape.
    options
        Angles and limits; None is ``TemplateOptions()``.
    first_frame
        Number of the block's first frame in its movie.
    pixel_size_nm
        Pixel size (y, x), or one number for square pixels, in nm. Templates are rotated in nanometre space.

    Returns
    -------
    pandas.DataFrame
        One row per match, by frame and decreasing score: ``frame, label`` (int64, 1..k in each frame), ``y, x``
        (pixels, of the template's centre), ``y_nm, x_nm, score``, ``orientation_rad`` (rotation of the
        template, from +y towards +x, in [0, 2 pi / symmetry)), ``gain`` (height of the copy divided by
        that of the template; negative for inverted copies), ``background_nm`` (height of the frame where the template
        is 0) and ``touches_edge`` (bool: whether the template there extends to the border of the frame); with the
        polarity "both" also ``polarity``, 1 or, for inverted copies, -1.

    Raises
    ------
    ParameterError
        If the template is too small, flat or larger than the frames.

    References
    ----------
    Lewis J.P., "Fast normalized cross-correlation", Vision Interface, 1995. Padfield D., "Masked object
    registration in the Fourier domain", IEEE Trans. Image Processing 21, 2012,
    doi:10.1109/TIP.2011.2181402.

    Examples
    --------
    >>> import numpy as np
    >>> frame = np.random.default_rng(0).normal(size=(40, 50))
    >>> options = TemplateOptions(min_score=0.9, subpixel=False)
    >>> table = find_templates(frame[None], frame[10:19, 20:31] / 2, options)
    >>> [float(v) for v in table.loc[0, ["y", "x", "score", "gain"]].round(6)]
    [14.0, 25.0, 1.0, 2.0]
    """
    options = options or TemplateOptions()
    z = as_block(block)
    pixel = pixel_pair(pixel_size_nm)
    angles = options.angle_step_rad * np.arange(options.n_angles, dtype=np.float64)
    copies, mask = rotated_copies(template, angles, pixel)
    if z.shape[1] < mask.shape[0] or z.shape[2] < mask.shape[1]:
        raise ParameterError(f"template {mask.shape} is larger than the frames {z.shape[1:]}")

    def upright(frames: FloatArray) -> pd.DataFrame:
        """Return the copies of the template that are not inverted."""
        parts = []
        for i, frame in enumerate(frames):
            matches = _matches(frame, copies, mask, pixel, options)
            numbers = np.column_stack([
                np.full(len(matches), first_frame + i), np.arange(1, len(matches) + 1),
            ])  # fmt: skip
            parts.append(np.column_stack([numbers, matches]))
        table = _table(np.concatenate(parts) if parts else np.empty((0, 8)), pixel)
        half = tuple((np.array(mask.shape) - 1) / 2)
        at = table["y"].to_numpy(), table["x"].to_numpy()
        table["touches_edge"] = touches_border(*at, half, frames.shape[1:])
        return table

    return find_both_ways(upright, z, options.polarity, OPPOSITE, "score")


def _matches(
    frame: FloatArray,
    copies: npt.NDArray[np.float64],
    mask: npt.NDArray[np.bool_],
    pixel: tuple[float, float],
    options: TemplateOptions,
) -> npt.NDArray[np.float64]:
    """Return y, x, score, angle, gain and background of the matches in a frame, the best first."""
    size = np.array(mask.shape)
    distance = options.min_distance_nm
    if distance is None:
        distance = 0.5 * float((size * pixel).min())
    correlation = correlate(frame, copies, mask)
    where = _best(correlation.score, options.min_score, distance, pixel)
    positions = refine_maxima(correlation.score, where) if options.subpixel else where.astype(np.float64)
    at = (where[:, 0], where[:, 1])
    angle = correlation.angle[at] * options.angle_step_rad
    if options.subpixel and options.n_angles > 2:
        angle = angle + _between(frame, copies, mask, correlation, where) * options.angle_step_rad
    # The centre of a template with an even number of pixels lies between two of them.
    positions = positions + (size % 2 - 1) / 2
    return np.column_stack([
        positions, correlation.score[at], angle % options.period_rad,
        correlation.gain[at], correlation.background[at],
    ])  # fmt: skip


def rotated_copies(
    template: npt.ArrayLike, angles_rad: npt.NDArray[np.float64], pixel: tuple[float, float]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """Rotate a template by each angle about its centre, in nanometre space.

    Parameters
    ----------
    template
        (th, tw), at least 3 x 3, finite, not flat.
    angles_rad
        (m,) angles from +y towards +x.
    pixel
        Pixel size (y, x), in nm.

    Returns
    -------
    tuple
        (m, th, tw) copies by cubic splines, and the (th, tw) mask of pixels that are valid in all of them.

    Raises
    ------
    ParameterError
        If the template is not a finite image of at least 3 x 3 pixels, or is flat.

    Examples
    --------
    >>> copies, mask = rotated_copies(np.diag([1.0, 2.0, 1.0]), np.array([0.0, np.pi / 2]), (1.0, 1.0))
    >>> copies[1].round(6) + 0.0
    array([[0., 0., 1.],
           [0., 2., 0.],
           [1., 0., 0.]])
    """
    from scipy.ndimage import map_coordinates

    shape = np.asarray(template, dtype=np.float64)
    if shape.ndim != 2 or min(shape.shape) < 3 or not np.isfinite(shape).all():
        raise ParameterError("template must be a finite image of at least 3 x 3 pixels")
    if shape.min() == shape.max():
        raise ParameterError("template is flat: its correlation is not defined")
    centre = (np.array(shape.shape) - 1) / 2
    y = (np.arange(shape.shape[0]) - centre[0])[:, None] * pixel[0]
    x = (np.arange(shape.shape[1]) - centre[1])[None, :] * pixel[1]
    mask = np.ones(shape.shape, dtype=bool)
    if len(angles_rad) > 1:
        # The ellipse extends to the edges of the outermost pixels; the tolerance allows for rounding.
        radius = float(((centre + 0.5) * pixel).min())
        mask = y**2 + x**2 <= radius**2 * (1 + 1e-9)
    copies = np.empty((len(angles_rad), *shape.shape))
    for copy, angle in zip(copies, angles_rad, strict=True):
        if angle == 0:
            copy[:] = shape
            continue
        c, s = np.cos(angle), np.sin(angle)
        at = [(y * c + x * s) / pixel[0] + centre[0], (x * c - y * s) / pixel[1] + centre[1]]
        map_coordinates(shape, at, output=copy, order=3, mode="nearest")
    return copies, mask


def correlate(frame: FloatArray, copies: npt.NDArray[np.float64], mask: npt.NDArray[np.bool_]) -> Correlation:
    """Compute the normalised cross-correlation of a frame with copies of a template within a mask.

    All copies have the same mask, so that the local means and variances of the frame are computed once;
    each copy costs one multiplication in Fourier space.

    Parameters
    ----------
    frame
        (h, w) heights.
    copies, mask
        As `rotated_copies` returns them.

    Returns
    -------
    Correlation
        The best correlation at each pixel (r, c), with pixel (th // 2, tw // 2) of the template on that pixel.

    Examples
    --------
    >>> frame = np.arange(25.0).reshape(5, 5) % 7
    >>> copies, mask = rotated_copies(frame[1:4, 1:4], np.zeros(1), (1.0, 1.0))
    >>> round(float(correlate(frame, copies, mask).score[2, 2]), 6)
    1.0
    """
    from scipy import fft

    good = np.isfinite(frame)
    background = float(np.median(frame[good])) if good.any() else 0.0
    image = np.where(good, frame.astype(np.float64) - background, 0.0)
    shape = tuple(fft.next_fast_len(n, real=True) for n in image.shape)
    valid = tuple(n - m + 1 for n, m in zip(image.shape, mask.shape, strict=True))

    def slide(
        spectrum: npt.NDArray[np.complex128], kernel: npt.NDArray[np.float64]
    ) -> npt.NDArray[np.float64]:
        product = fft.irfft2(spectrum * np.conj(fft.rfft2(kernel, shape)), shape)
        out: npt.NDArray[np.float64] = product[: valid[0], : valid[1]]
        return out

    spectrum = fft.rfft2(image, shape)
    pixels = int(mask.sum())
    window = mask.astype(np.float64)
    mean = slide(spectrum, window) / pixels
    squares = slide(fft.rfft2(image * image, shape), window) - pixels * mean**2
    # The correlation is undefined where the variance is within rounding errors.
    flat = squares <= 1e-9 * pixels * max(float(np.mean(image**2)), 1e-300)
    spread = np.sqrt(np.where(flat, np.inf, squares))
    best = np.full(valid, -np.inf)
    angle = np.zeros(valid, dtype=np.int64)
    gain, level = np.zeros(valid), np.zeros(valid)
    for i, copy in enumerate(copies):
        mean_height = float(copy[mask].mean())
        kernel = np.where(mask, copy - mean_height, 0.0)
        norm = float(np.sqrt((kernel**2).sum()))
        product = slide(spectrum, kernel)
        score = product / (norm * spread)
        better = score > best
        best[better], angle[better] = score[better], i
        gain[better] = product[better] / norm**2
        level[better] = (mean + background - product / norm**2 * mean_height)[better]
    top, left = mask.shape[0] // 2, mask.shape[1] // 2
    inside = (slice(top, top + valid[0]), slice(left, left + valid[1]))
    out = Correlation(
        np.full(image.shape, np.nan), np.zeros(image.shape, np.int64), *np.full((2, *image.shape), np.nan)
    )
    out.score[inside], out.angle[inside] = np.clip(best, -1, 1), angle
    out.gain[inside], out.background[inside] = gain, level
    return out


def _best(
    score: npt.NDArray[np.float64], min_score: float, distance: float, pixel: tuple[float, float]
) -> npt.NDArray[np.int64]:
    """Return rows and columns of the local maxima of a score, the best first."""
    from scipy.ndimage import maximum_filter

    known = np.where(np.isfinite(score), score, -np.inf)
    where = np.argwhere((known >= min_score) & (known == maximum_filter(known, size=3, mode="nearest")))
    where = where[np.argsort(-known[where[:, 0], where[:, 1]], kind="stable")]
    return where[select_separated(where * np.asarray(pixel), max(distance, 1.5 * max(pixel)))]


def _between(
    frame: FloatArray,
    copies: npt.NDArray[np.float64],
    mask: npt.NDArray[np.bool_],
    correlation: Correlation,
    where: npt.NDArray[np.int64],
) -> npt.NDArray[np.float64]:
    """Return the vertex of the parabola through the scores at three neighbouring angles, in steps of angle."""
    half = np.array(mask.shape) // 2
    out = np.zeros(len(where))
    for i, (row, col) in enumerate(where):
        r, c = row - half[0], col - half[1]
        patch = frame[r : r + mask.shape[0], c : c + mask.shape[1]][mask].astype(np.float64)
        if not np.isfinite(patch).all():
            continue
        best = int(correlation.angle[row, col])
        low, here, high = (
            float(np.corrcoef(patch, copies[(best + step) % len(copies)][mask])[0, 1]) for step in (-1, 0, 1)
        )
        curvature = 2 * here - low - high
        if curvature > 0:
            out[i] = np.clip(0.5 * (high - low) / curvature, -0.5, 0.5)
    return out


def _table(rows: npt.NDArray[np.float64], pixel: tuple[float, float]) -> pd.DataFrame:
    """Return the table of matches from rows of frame, label, y, x, score, angle, gain and background."""
    import pandas as pd

    frame, label, y, x, score, angle, gain, background = rows.T
    values = (
        frame.astype(np.int64), label.astype(np.int64), y, x, y * pixel[0], x * pixel[1],
        score, angle, gain, background,
    )  # fmt: skip
    return pd.DataFrame(dict(zip(COLUMNS[:-1], values, strict=True)))
