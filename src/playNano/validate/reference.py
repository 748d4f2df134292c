"""Reference detection: the particles of a movie, detected independently of the user's pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.algorithms.leveling.background_level import level_movie
from playNano.validate.merged import separate_by_height

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
Labels = npt.NDArray[np.int32]
Mask = npt.NDArray[np.bool_]

# Threshold in standard deviations of the smoothed background, and its minimum in nm.
_SIGMAS, _MIN_THRESHOLD_NM = 5.0, 0.25
_MIN_AREA_PX = 6
# The opening must be wider than the particles: its radius in units of their inscribed radius, and its limits in px.
_WIDER, _MIN_RADIUS_PX = 1.3, 4
# Inscribed radii above this multiple of the median are not those of particles (steps, strands).
_MAX_RADIUS_RATIO = 3.0


@dataclass(frozen=True, eq=False)
class Reference:
    """Levelled frames and the particles detected in them.

    Parameters
    ----------
    level_nm
        Levelled frames in which particles rise, nm, (n, h, w).
    relief_nm
        Smoothed frames minus the background, nm, (n, h, w).
    labels
        Number of the detection, from 1, to which a pixel belongs, (n, h, w); 0 for the background.
    frame
        Frame of each detection, (m,).
    y, x
        Centroid, weighted with the height, px, (m,).
    height_nm
        Maximum of the relief, nm, (m,).
    area_px
        Number of pixels above half of that height, (m,).
    top_share
        Fraction of these pixels that lie above three quarters of the height, (m,).
    major_px2, minor_px2
        Variances of these pixels along the principal axes, px², (m,).
    angle
        Direction of the major axis from x to y, radian, (m,).
    extent_px
        Distance of the farthest pixel of the region from the centroid, (m,).
    at_border
        Whether the region touches the border of the frame, (m,) bool.
    noise_nm
        Standard deviation of the relief of the background, nm.
    opening_px
        Radius of the opening that defines the background.
    sign
        1 where particles rise above the background, -1 where they are pits.
    """

    level_nm: npt.NDArray[np.float32]
    relief_nm: npt.NDArray[np.float32]
    labels: Labels
    frame: IntArray
    y: FloatArray
    x: FloatArray
    height_nm: FloatArray
    area_px: FloatArray
    top_share: FloatArray
    major_px2: FloatArray
    minor_px2: FloatArray
    angle: FloatArray
    extent_px: FloatArray
    at_border: Mask
    noise_nm: float
    opening_px: int
    sign: int

    def __len__(self) -> int:
        """Return the number of detections."""
        return len(self.frame)


def detect_reference(
    frames: npt.NDArray[Any], *, opening_px: int | None = None, sign: int | None = None
) -> Reference:
    """Level frames and detect their particles, with a scale that is estimated from them.

    The background is a grey opening by a disc 1.3 times as wide as the inscribed circles of the particles. Regions
    above five standard deviations of the noise are thresholded again at half of their own height, and separated
    where two parts remain.

    Parameters
    ----------
    frames
        Raw frames, nm, (n, h, w).
    opening_px
        Radius of the disc, px, >= 1; None: estimated.
    sign
        1 where particles rise, -1 for pits; None: as levelling decides.

    Returns
    -------
    Reference
        Levelled frames and detections.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> dome = 4 * np.exp(-((y - 30) ** 2 + (x - 20) ** 2) / 50)
    >>> noise = np.random.default_rng(0).normal(0, 0.1, (3, 64, 64))
    >>> found = detect_reference(dome + noise)
    >>> found.frame.tolist(), found.y.round().tolist(), found.x.round().tolist()
    ([0, 1, 2], [30.0, 30.0, 30.0], [20.0, 20.0, 20.0])
    """
    objects = {None: "auto", 1: "up", -1: "down"}[sign]
    levelled, _, movie = level_movie(np.asarray(frames), objects=objects)  # type: ignore[arg-type]
    direction = -1 if movie.sign < 0 else 1
    level = np.nan_to_num(levelled, copy=False).astype(np.float32) * np.float32(direction)
    smooth = _smoothed(level, 1.0)
    radius = opening_px or _opening_radius(smooth)
    relief = smooth - _background(smooth, radius)
    relief -= np.median(relief, axis=(1, 2), keepdims=True)
    noise = _noise(relief)
    labels = _regions(relief, max(_SIGMAS * noise, _MIN_THRESHOLD_NM))
    labels = separate_by_height(relief, labels, _MIN_AREA_PX)
    return _measured(level, relief, labels, noise, radius, direction)


def _smoothed(frames: npt.NDArray[np.float32], sigma: float) -> npt.NDArray[np.float32]:
    import cv2

    return np.stack([cv2.GaussianBlur(f, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE) for f in frames])


def _noise(relief: npt.NDArray[np.float32]) -> float:
    """Return the standard deviation of the background by the median absolute deviation of the lower half."""
    some = relief[:: max(len(relief) // 10, 1)]
    below = -some[some < 0]
    return float(1.4826 * np.median(below)) if below.size else 0.0


def _background(smooth: npt.NDArray[np.float32], radius: int) -> npt.NDArray[np.float32]:
    """Return a smoothed grey opening of every frame by a disc."""
    import cv2

    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    opened = (cv2.morphologyEx(f, cv2.MORPH_OPEN, disc, borderType=cv2.BORDER_REPLICATE) for f in smooth)
    return _smoothed(np.stack(list(opened)), 2.0)


def _regions(relief: npt.NDArray[np.float32], threshold: float) -> Labels:
    """Label the connected regions above a threshold in every frame, without those that are too small."""
    from scipy.ndimage import label

    plane = np.zeros((3, 3, 3), dtype=bool)
    plane[1] = True
    labels, n = label(relief > threshold, structure=plane)
    area = np.bincount(labels.ravel(), minlength=n + 1)
    keep = area >= _MIN_AREA_PX
    keep[0] = False
    number = np.zeros(n + 1, dtype=np.int32)
    number[keep] = np.arange(1, keep.sum() + 1)
    return np.asarray(number[labels])


def _opening_radius(smooth: npt.NDArray[np.float32]) -> int:
    """Return the radius of an opening that is wider than the particles, px."""
    import cv2

    some = smooth[:: max(len(smooth) // 10, 1)]
    relief = some - np.median(some, axis=(1, 2), keepdims=True)
    threshold = max(_SIGMAS * _noise(relief), _MIN_THRESHOLD_NM)
    labels = _regions(relief, threshold)
    largest = int(min(smooth.shape[1:]) // 6)
    if not labels.any():
        return min(2 * _MIN_RADIUS_PX, largest)
    depth = np.stack(
        [cv2.distanceTransform((frame > 0).astype(np.uint8), cv2.DIST_L2, 5) for frame in labels]
    )
    radii = np.zeros(labels.max() + 1)
    np.maximum.at(radii, labels.ravel(), depth.ravel())
    radii = np.sort(radii[1:])
    particles = radii[radii <= _MAX_RADIUS_RATIO * np.median(radii)]
    return int(np.clip(np.ceil(_WIDER * np.quantile(particles, 0.98)), min(_MIN_RADIUS_PX, largest), largest))


def _measured(
    level: npt.NDArray[np.float32],
    relief: npt.NDArray[np.float32],
    labels: Labels,
    noise: float,
    radius: int,
    sign: int,
) -> Reference:
    """Measure the regions."""
    n = int(labels.max(initial=0))
    at = np.nonzero(labels)
    of = labels[at] - 1
    y, x = (axis.astype(np.float64) for axis in at[1:])
    z = relief[at].astype(np.float64)

    def summed(values: FloatArray, which: Mask | slice = slice(None)) -> FloatArray:
        """Sum values over the pixels of each region."""
        return np.asarray(np.bincount(of[which], weights=values[which], minlength=n), dtype=np.float64)

    height = np.zeros(n)
    np.maximum.at(height, of, z)
    weight = np.maximum(summed(np.maximum(z, 0)), 1e-9)
    cy, cx = (summed(axis * np.maximum(z, 0)) / weight for axis in (y, x))
    extent = np.zeros(n)
    np.maximum.at(extent, of, np.hypot(y - cy[of], x - cx[of]))
    high = z > height[of] / 2
    area = np.bincount(of[high], minlength=n).astype(np.float64)
    my, mx = (summed(axis, high) / np.maximum(area, 1) for axis in (y, x))
    dy, dx = y - my[of], x - mx[of]
    yy, xx, yx = (summed(v, high) / np.maximum(area, 1) for v in (dy * dy, dx * dx, dy * dx))
    half, root = (yy + xx) / 2, np.hypot((yy - xx) / 2, yx)
    h, w = labels.shape[1:]
    edge = (y == 0) | (x == 0) | (y == h - 1) | (x == w - 1)
    first = np.full(n, -1, dtype=np.int64)
    first[of] = at[0]
    return Reference(
        level_nm=level,
        relief_nm=relief,
        labels=labels,
        frame=first,
        y=cy,
        x=cx,
        height_nm=height,
        area_px=area,
        top_share=np.bincount(of[z > 0.75 * height[of]], minlength=n) / np.maximum(area, 1),
        major_px2=half + root + 1 / 12,
        minor_px2=np.maximum(half - root, 0) + 1 / 12,
        angle=0.5 * np.arctan2(2 * yx, xx - yy),
        extent_px=extent,
        at_border=np.bincount(of[edge], minlength=n) > 0,
        noise_nm=noise,
        opening_px=radius,
        sign=sign,
    )
