"""Separation of touching particles by opening, or by a watershed on distance or height."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from playNano._options import HeightUnit, Unit, check_options
from playNano.algorithms._common.flooding import flood_basins
from playNano.algorithms._common.inputs import as_block, pixel_pair
from playNano.algorithms.surface.noise import robust_noise
from playNano.errors import ParameterError

FloatArray = npt.NDArray[np.floating[Any]]
BoolArray = npt.NDArray[np.bool_]


SeparationSurface = Literal["distance", "height"]
SeparationDepth = Annotated[
    float,
    Field(ge=0),
    HeightUnit(instead="leave it out: three times the noise is used", when=("separate_by", "height")),
]
SeparationRadius = Annotated[float, Field(ge=0), Unit("nm")]


@dataclass(frozen=True)
class Separation:
    """Set how touching particles are separated.

    Parameters
    ----------
    method
        ``"opening"`` or ``"watershed"``.
    by
        Input of the watershed: the ``"distance"`` to the background in nm, or the ``"height"``.
    depth_nm
        Minimum rise of a peak above the saddle to a higher one, nm, to be a particle of its own. None is the longer
        side of a pixel for distance, and three times the noise of the frame
        (`playNano.algorithms.surface.noise.robust_noise`) for height.
    radius_nm
        Radius of the opening's disc, nm. None is twice the longer side of a pixel.
    """

    method: Literal["opening", "watershed"] = "watershed"
    by: SeparationSurface = "distance"
    depth_nm: SeparationDepth | None = None
    radius_nm: SeparationRadius | None = None

    def __post_init__(self) -> None:
        check_options(self)


def separate_touching(
    block: npt.ArrayLike,
    masks: npt.ArrayLike,
    separation: Separation | None = None,
    *,
    pixel_size_nm: float | tuple[float, float] = (1.0, 1.0),
) -> npt.NDArray[np.int32]:
    """Separate touching particles by watershed or opening; every foreground pixel is assigned to a part.

    ``"watershed"`` floods distance or height from the peaks down; peaks that rise less than ``depth_nm``
    above the saddle to a higher one are ignored (h-maxima). ``"opening"`` cuts necks narrower than a disc
    of ``radius_nm``; pixels outside the opening are assigned to the adjacent part, and a region in which
    the disc does not fit is not divided.

    Parameters
    ----------
    block
        Heights, (n, h, w), in nm.
    masks
        Foreground, (n, h, w). Pixels that are not finite are left out.
    separation
        Method and its parameters; None is ``Separation()``.
    pixel_size_nm
        Pixel size (y, x), or one number, in nm, positive; distances and the disc allow for non-square pixels.

    Returns
    -------
    ndarray
        (n, h, w) int32; 0 is background, each part of a frame has a number of its own.

    Raises
    ------
    ParameterError
        If shapes do not match.

    References
    ----------
    Meyer F., "Topographic distance and watershed lines", Signal Processing 38, 1994,
    doi:10.1016/0165-1684(94)90060-4. Edelsbrunner H., Letscher D., Zomorodian A., "Topological
    persistence and simplification", Discrete & Computational Geometry 28, 2002,
    doi:10.1007/s00454-002-2885-2.

    Examples
    --------
    >>> import numpy as np
    >>> y, x = np.mgrid[:20, :32]
    >>> discs = ((y - 10) ** 2 + (x - 10) ** 2 < 36) | ((y - 10) ** 2 + (x - 20) ** 2 < 36)
    >>> int(separate_touching(discs[None] * 3.0, discs[None]).max())
    2
    """
    separation = separation or Separation()
    z = as_block(block)
    mask = np.asarray(masks, dtype=bool)
    if mask.shape != z.shape:
        raise ParameterError(f"masks must have the block's shape {z.shape}, not {mask.shape}")
    pixel = pixel_pair(pixel_size_nm)
    parts = np.zeros(z.shape, dtype=np.int32)
    for frame, foreground, out in zip(z, mask & np.isfinite(z), parts, strict=True):
        if foreground.any():
            if separation.method == "opening":
                _by_opening(foreground, separation.radius_nm, pixel, out)
            else:
                _by_watershed(frame, foreground, separation, pixel, out)
    return parts


def distance_nm(foreground: BoolArray, pixel: tuple[float, float]) -> npt.NDArray[np.float64]:
    """Compute the Euclidean distance of each foreground pixel from the background, in nm.

    Parameters
    ----------
    foreground
        (h, w) mask.
    pixel
        Pixel size (y, x), in nm.

    Returns
    -------
    ndarray
        (h, w) float64, in nm, between pixel centres; the outside of the frame is not background. A frame
        without any background is inf.

    Examples
    --------
    >>> distance_nm(np.array([[False, True, True]]), (1.0, 2.0))
    array([[0., 2., 4.]])
    """
    from scipy.ndimage import distance_transform_edt

    if foreground.all():
        return np.full(foreground.shape, np.inf)
    distance: npt.NDArray[np.float64] = distance_transform_edt(foreground, sampling=pixel)
    return distance


def _by_opening(
    foreground: BoolArray,
    radius_nm: float | None,
    pixel: tuple[float, float],
    out: npt.NDArray[np.int32],
) -> None:
    """Label the parts of a frame that an opening by a disc separates."""
    from skimage.measure import label
    from skimage.segmentation import watershed

    inside = distance_nm(foreground, pixel)
    radius = 2 * max(pixel) if radius_nm is None else radius_nm
    # Labelled between erosion and dilation, so that dilation does not join the parts again.
    markers = label(inside > radius, connectivity=2)
    out[:] = watershed(-inside, markers, mask=foreground, connectivity=2)
    whole = label(foreground & (out == 0), connectivity=2)
    out[whole > 0] = whole[whole > 0] + markers.max()


def _by_watershed(
    frame: FloatArray,
    foreground: BoolArray,
    separation: Separation,
    pixel: tuple[float, float],
    out: npt.NDArray[np.int32],
) -> None:
    """Label the parts of a frame: the watershed basins of its peaks."""
    depth = separation.depth_nm
    if separation.by == "distance":
        surface = distance_nm(foreground, pixel).astype(np.float32)
        depth = max(pixel) if depth is None else depth
    else:
        surface = np.ascontiguousarray(frame, dtype=np.float32)
        depth = 3 * robust_noise(frame) if depth is None else depth
    out[:] = flood_basins(surface, foreground, float(depth)).labels
