"""Images of single particles, cut out of the movie at whole pixels and denoised by principal components."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.validate.reference import Reference
from playNano.validate.sightings import Sightings, neighbour_distances

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

ENOUGH = 40
"""Number of single particles from which a movie can be validated."""
# Neighbours must be farther away than this multiple of the extent of a particle; the second value where too few are.
_APART = (1.4, 0.8)
_MAX_COMPONENTS, _EDGE = 15, 1.3
# Number of images from which components are computed, and largest half width of an image, px.
_SAMPLED, _MAX_HALF_WIDTH = 600, 40
_MARGIN_PX = 3
# Particles are similar if their heights and areas differ by less than these factors (ln).
_LIKE_HEIGHT, _LIKE_AREA = 0.3, 0.5
# Part of a particle's image that belongs to it: fraction of its height, and nm.
_SUPPORT, _SUPPORT_NM = 0.08, 0.12


@dataclass(frozen=True, eq=False)
class Cutouts:
    """Images of single particles.

    Parameters
    ----------
    images
        Heights above the background, nm, 0 outside of the particle, (k, s, s).
    residue
        Position of the particle relative to the centre of the image, (y, x) px, (k, 2).
    height_nm
        Height of each particle, nm, (k,).
    sighting
        Index of the sighting that each image is of, (k,).
    extent_px
        95th percentile of the distance of the farthest pixel of a particle from its position, px.
    n_components
        Number of principal components.
    """

    images: FloatArray
    residue: FloatArray
    height_nm: FloatArray
    sighting: IntArray
    extent_px: float
    n_components: int

    def __len__(self) -> int:
        """Return the number of images."""
        return len(self.images)


def cut_out(reference: Reference, sightings: Sightings) -> Cutouts:
    """Cut out the particles that are alone, and remove the noise of their images.

    Parameters
    ----------
    reference
        Levelled frames and regions.
    sightings
        Positions of the particles.

    Returns
    -------
    Cutouts
        Empty where no particle is alone.
    """
    single = np.flatnonzero(sightings.single)
    extents = reference.extent_px[sightings.region[single]]
    extent = float(np.quantile(extents, 0.95)) if len(extents) else 1.0
    half = int(min(np.ceil(extent) + _MARGIN_PX, _MAX_HALF_WIDTH))
    row, col = np.rint(sightings.y).astype(int), np.rint(sightings.x).astype(int)
    alone = _alone(sightings, single, extent)
    raw = np.zeros((len(alone), 2 * half + 1, 2 * half + 1))
    for k, i in enumerate(alone):
        raw[k] = _image(
            reference, int(sightings.frame[i]), row[i], col[i], half, int(sightings.region[i]) + 1
        )
    images, n_components = _denoised(raw)
    images = np.stack([_support(image) for image in images]) if len(images) else images
    residue = np.column_stack([sightings.y[alone] - row[alone], sightings.x[alone] - col[alone]])
    heights = np.array([peak_height(r, peak_pixel(image)) for r, image in zip(raw, images, strict=True)])
    return Cutouts(images, residue, heights, alone, extent, n_components)


def _alone(sightings: Sightings, single: IntArray, extent: float) -> IntArray:
    """Return the single particles that are far enough from others; kinds that are never so far, at a lower distance."""
    apart = neighbour_distances(sightings.frame, sightings.y, sightings.x)[single]
    far, near = (single[apart > factor * extent] for factor in _APART)
    if len(far) < ENOUGH:
        return near
    # Only of tracks without any image: an unusual region of another one is not a particle by itself.
    rare = unlike(kind_of(sightings)[near], kind_of(sightings)[far])
    rare &= ~np.isin(sightings.track[near], sightings.track[far])
    return np.sort(np.concatenate([far, near[rare]]))


def kind_of(sightings: Sightings) -> FloatArray:
    """Return logarithms of height and area, by which particles are compared, (m, 2).

    Parameters
    ----------
    sightings
        The particles.
    """
    return np.log(np.maximum(np.column_stack([sightings.height_nm, sightings.area_px]), 1e-6))


def unlike(kinds: FloatArray, others: FloatArray) -> npt.NDArray[np.bool_]:
    """Return whether no other particle is similar to each particle, (m,) bool.

    Parameters
    ----------
    kinds, others
        Logarithms of height and area of the particles and of those that they are compared with, (m, 2), (k, 2).
    """
    from scipy.spatial import KDTree

    if not len(others):
        return np.ones(len(kinds), dtype=bool)
    scale = np.array([_LIKE_HEIGHT, _LIKE_AREA])
    return np.asarray(KDTree(others / scale).query(kinds / scale)[0] > 1)


def _image(reference: Reference, frame: int, row: int, col: int, half: int, label: int) -> FloatArray:
    """Return the surroundings of a particle above the median of the background in them; 0 on other particles."""
    from scipy.ndimage import binary_dilation

    h, w = reference.labels.shape[1:]
    box = (slice(max(row - half, 0), row + half + 1), slice(max(col - half, 0), col + half + 1))
    z = reference.level_nm[frame][box].astype(np.float64)
    labels = reference.labels[frame][box]
    free = ~binary_dilation(labels > 0, iterations=2)
    if free.any():
        z = z - np.median(z[free])
    others = binary_dilation((labels > 0) & (labels != label), iterations=2) & (labels != label)
    beyond = [(max(half - at, 0), max(at + half + 1 - n, 0)) for at, n in ((row, h), (col, w))]
    return np.asarray(np.pad(np.where(others, 0.0, z), beyond))


def _denoised(raw: FloatArray) -> tuple[FloatArray, int]:
    """Project images onto their principal components, with optimal shrinkage of the singular values.

    References
    ----------
    Gavish, M. & Donoho, D. L. Optimal shrinkage of singular values. IEEE Trans. Inf. Theory 63, 2137 (2017).
    doi:10.1109/TIT.2017.2653801.
    """
    n = len(raw)
    if n < 2:
        return raw, 0
    flat = raw.reshape(n, -1)
    mean = flat.mean(axis=0)
    centred = flat - mean
    some = centred[np.linspace(0, n - 1, min(n, _SAMPLED)).astype(int)]
    _, values, axes = np.linalg.svd(some, full_matrices=False)
    ratio = min(some.shape) / max(some.shape)
    noise = float(np.median(values)) / np.sqrt(max(some.shape) * _median_eigenvalue(ratio))
    edge = (1 + np.sqrt(ratio)) * noise * np.sqrt(max(some.shape))
    kept = int(min((values > _EDGE * edge).sum(), _MAX_COMPONENTS))
    scaled = values[:kept] / (noise * np.sqrt(max(some.shape)))
    shrunk = np.sqrt(np.maximum((scaled**2 - ratio - 1) ** 2 - 4 * ratio, 0)) / scaled
    scores = (centred @ axes[:kept].T) * (shrunk / scaled)
    return (mean + scores @ axes[:kept]).reshape(raw.shape), kept


def _median_eigenvalue(ratio: float) -> float:
    """Return the median of the Marchenko-Pastur distribution of a ratio of dimensions."""
    low, high = (1 - np.sqrt(ratio)) ** 2, (1 + np.sqrt(ratio)) ** 2
    x = np.linspace(low, high, 4001)[1:-1]
    density = np.sqrt((high - x) * (x - low)) / x
    total = np.cumsum(density)
    return float(x[np.searchsorted(total, total[-1] / 2)])


def _support(image: FloatArray) -> FloatArray:
    """Set an image to 0 outside of the particle."""
    from scipy.ndimage import binary_dilation, gaussian_filter, label

    smooth = gaussian_filter(image, 1.0)
    height = smooth.max()
    parts, n = label(smooth > max(_SUPPORT * height, _SUPPORT_NM), structure=np.ones((3, 3)))
    if not n:
        return np.zeros_like(image)
    own = parts == parts.flat[int(np.argmax(np.where(parts > 0, smooth, -np.inf)))]
    return np.asarray(np.where(binary_dilation(own), np.maximum(image, 0), 0))


def peak_pixel(image: FloatArray) -> tuple[int, int]:
    """Return the pixel (row, col) at which a slightly smoothed image is highest.

    Parameters
    ----------
    image
        Heights above the background, nm, (s, s).
    """
    from scipy.ndimage import gaussian_filter

    row, col = np.unravel_index(int(gaussian_filter(image, 1.0).argmax()), image.shape)
    return int(row), int(col)


def peak_height(image: FloatArray, pixel: tuple[int, int]) -> float:
    """Return the height at a pixel, by a quadratic fit to the 5 x 5 pixels around it.

    The height of a noisy image at its own maximum is too large. So the pixel is taken from the denoised image, but the
    height from the image as recorded.

    Parameters
    ----------
    image
        Heights above the background, nm, (s, s), at least 5 x 5.
    pixel
        The pixel (row, col).

    References
    ----------
    Savitzky, A. & Golay, M. J. E. Smoothing and differentiation of data by simplified least squares procedures. Anal.
    Chem. 36, 1627 (1964). doi:10.1021/ac60214a047.

    Examples
    --------
    >>> y, x = np.mgrid[-8:9, -8:9]
    >>> image = 4 - 0.05 * (y**2 + (x - 1) ** 2)
    >>> peak_pixel(image), round(peak_height(image, peak_pixel(image)), 3)
    ((8, 9), 4.0)
    """
    row, col = (int(np.clip(v, 2, n - 3)) for v, n in zip(pixel, image.shape, strict=True))
    v, u = np.mgrid[-2:3, -2:3].reshape(2, -1)
    terms = np.column_stack([np.ones(25), v, u, v * v, u * u, v * u])
    fit = np.linalg.lstsq(terms, image[row - 2 : row + 3, col - 2 : col + 3].ravel(), rcond=None)[0]
    return float(fit[0])
