"""Shapes of particles on a flat surface: heights traced by an infinitely sharp tip."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError
from playNano.simulate import _checks as check

FloatArray = npt.NDArray[np.float64]

# The contact radius of a particle is where its height falls to this fraction of the maximum.
_CONTACT_LEVEL = 0.1
# A Gaussian is truncated where it has fallen to this fraction of its height.
_CUT_LEVEL = 1e-4


@dataclass(frozen=True)
class Shape:
    """Base class of the shapes.

    A shape is its height above the surface as a function of the position relative to its centre. `radial` is True
    if it depends only on the distance from the centre.
    """

    height_nm: float

    radial = True
    _lengths: ClassVar[tuple[str, ...]] = ()  # fields that scale with the size, in addition to the height

    @property
    def extent_nm(self) -> float:
        """Distance from the centre beyond which the shape has no height, nm."""
        raise ParameterError(f"{type(self).__name__} has no extent: choose one of the shapes.")

    @property
    def radius_nm(self) -> float:
        """Radius of the disc that has the area of the shape above half its height, nm."""
        step = self.extent_nm / 200
        axis = np.arange(-200.0, 201.0) * step
        return float(np.sqrt((self._grid(axis) >= self.height_nm / 2).sum() / math.pi) * step)

    @property
    def contact_nm(self) -> float:
        """Distance from the centre within which the height exceeds a tenth of the maximum, nm."""
        step = self.extent_nm / 200
        axis = np.arange(-200.0, 201.0) * step
        high = self._grid(axis) > _CONTACT_LEVEL * self.height_nm
        return float(np.hypot(*np.nonzero(high)[0:2] - np.array([[200], [200]])).max() * step)

    def _grid(self, axis: FloatArray) -> FloatArray:
        return self.surface(axis[:, None], axis[None, :])

    def surface(self, dy_nm: npt.ArrayLike, dx_nm: npt.ArrayLike) -> FloatArray:
        """Return the height at positions relative to the centre, in the particle's own axes.

        Parameters
        ----------
        dy_nm, dx_nm
            Position relative to the centre, nm; the long axis of a shape that has one lies along x.

        Returns
        -------
        numpy.ndarray
            Height, nm, float64, in the broadcast shape of the positions; 0 outside.
        """
        dy, dx = np.asarray(dy_nm, dtype=np.float64), np.asarray(dx_nm, dtype=np.float64)
        return self._profile(np.hypot(dy, dx)) if self.radial else self._surface(dy, dx)

    def profile(self, r_nm: npt.ArrayLike) -> FloatArray:
        """Return the height of a radial shape at distances from its centre.

        Parameters
        ----------
        r_nm
            Distance from the centre, nm, >= 0.

        Returns
        -------
        numpy.ndarray
            Height, nm, float64; 0 outside.

        Raises
        ------
        ParameterError
            The shape is not radial.
        """
        if not self.radial:
            raise ParameterError(f"{type(self).__name__} is not radial: use surface().")
        return self._profile(np.asarray(r_nm, dtype=np.float64))

    def _profile(self, r: FloatArray) -> FloatArray:
        """Return the height at distances from the centre, nm."""
        raise NotImplementedError

    def _surface(self, dy: FloatArray, dx: FloatArray) -> FloatArray:
        """Return the height at positions relative to the centre, nm."""
        raise NotImplementedError

    def scaled(self, size: float = 1.0, height: float = 1.0) -> Shape:
        """Return a scaled copy.

        Parameters
        ----------
        size
            Factor of all lengths, > 0.
        height
            Further factor of the height, > 0.
        """
        lengths = {name: getattr(self, name) * size for name in self._lengths}
        return replace(self, height_nm=self.height_nm * size * height, **lengths)


@dataclass(frozen=True)
class Gaussian(Shape):
    """Gaussian particle, typical of small proteins.

    Parameters
    ----------
    height_nm
        Height of the top, nm, > 0.
    half_width_nm
        Radius at half the height, nm, > 0.

    Examples
    --------
    >>> float(Gaussian(height_nm=5.0, half_width_nm=8.0).profile(8.0))
    2.5
    """

    half_width_nm: float
    _lengths: ClassVar[tuple[str, ...]] = ("half_width_nm",)

    def __post_init__(self) -> None:
        check.positive(self, height_nm=self.height_nm, half_width_nm=self.half_width_nm)

    @property
    def extent_nm(self) -> float:
        """Distance from the centre beyond which the shape has no height, nm."""
        return self.half_width_nm * math.sqrt(-math.log2(_CUT_LEVEL))

    @property
    def radius_nm(self) -> float:
        """Radius of the disc that has the area of the shape above half its height, nm."""
        return self.half_width_nm

    @property
    def contact_nm(self) -> float:
        """Distance from the centre within which the height exceeds a tenth of the maximum, nm."""
        return self.half_width_nm * math.sqrt(-math.log2(_CONTACT_LEVEL))

    def _profile(self, r: FloatArray) -> FloatArray:
        r = r / self.half_width_nm
        return np.where(r * self.half_width_nm <= self.extent_nm, self.height_nm * np.exp2(-r * r), 0.0)


@dataclass(frozen=True)
class SphericalCap(Shape):
    """Spherical cap, as of droplets, vesicles, liposomes or spread membranes.

    Parameters
    ----------
    height_nm
        Height of the top, nm, > 0.
    base_radius_nm
        Radius at the surface, nm, at least `height_nm`.

    Examples
    --------
    >>> SphericalCap(height_nm=5.0, base_radius_nm=20.0).profile([0.0, 20.0]).tolist()
    [5.0, 0.0]
    """

    base_radius_nm: float

    def __post_init__(self) -> None:
        check.positive(self, height_nm=self.height_nm, base_radius_nm=self.base_radius_nm)
        if self.height_nm > self.base_radius_nm:
            raise ParameterError(
                f"SphericalCap: height_nm ({self.height_nm}) must not exceed base_radius_nm "
                f"({self.base_radius_nm}): the tip traces a half sphere at most."
            )

    @property
    def extent_nm(self) -> float:
        """Distance from the centre beyond which the shape has no height, nm."""
        return self.base_radius_nm

    def _profile(self, r: FloatArray) -> FloatArray:
        sphere = (self.base_radius_nm**2 + self.height_nm**2) / (2 * self.height_nm)
        inside = r < self.base_radius_nm
        z = np.sqrt(np.maximum(sphere**2 - np.where(inside, r, 0.0) ** 2, 0.0)) - (sphere - self.height_nm)
        return np.where(inside, np.maximum(z, 0.0), 0.0)

    def scaled(self, size: float = 1.0, height: float = 1.0) -> SphericalCap:
        """Return a scaled copy.

        Parameters
        ----------
        size
            Factor of all lengths, > 0.
        height
            Further factor of the height, > 0.
        """
        tall = self.height_nm * size * height
        return SphericalCap(min(tall, self.base_radius_nm * size), self.base_radius_nm * size)


@dataclass(frozen=True)
class Torus(Shape):
    """Torus, as of pores, clamps and ring-shaped assemblies.

    Parameters
    ----------
    height_nm
        Height of the rim, nm, > 0.
    rim_radius_nm
        Distance of the rim's crest from the centre, nm, > 0.
    rim_width_nm
        Full width of the rim at half the height, nm, > 0.

    Examples
    --------
    >>> Torus(height_nm=4.0, rim_radius_nm=6.0, rim_width_nm=3.0).profile([6.0, 7.5]).tolist()
    [4.0, 2.0]
    """

    rim_radius_nm: float
    rim_width_nm: float
    _lengths: ClassVar[tuple[str, ...]] = ("rim_radius_nm", "rim_width_nm")

    def __post_init__(self) -> None:
        check.positive(
            self,
            height_nm=self.height_nm,
            rim_radius_nm=self.rim_radius_nm,
            rim_width_nm=self.rim_width_nm,
        )

    @property
    def extent_nm(self) -> float:
        """Distance from the centre beyond which the shape has no height, nm."""
        return self.rim_radius_nm + self.rim_width_nm / 2 * math.sqrt(-math.log2(_CUT_LEVEL))

    @property
    def radius_nm(self) -> float:
        """Radius of the disc that has the area of the shape above half its height, nm."""
        inner = max(self.rim_radius_nm - self.rim_width_nm / 2, 0.0)
        return math.sqrt((self.rim_radius_nm + self.rim_width_nm / 2) ** 2 - inner**2)

    @property
    def contact_nm(self) -> float:
        """Distance from the centre within which the height exceeds a tenth of the maximum, nm."""
        return self.rim_radius_nm + self.rim_width_nm / 2 * math.sqrt(-math.log2(_CONTACT_LEVEL))

    def _profile(self, r: FloatArray) -> FloatArray:
        u = (r - self.rim_radius_nm) / (self.rim_width_nm / 2)
        return np.where(r <= self.extent_nm, self.height_nm * np.exp2(-u * u), 0.0)


@dataclass(frozen=True)
class Ellipsoid(Shape):
    """Half of an ellipsoid on the surface.

    Parameters
    ----------
    height_nm
        Height of the top, nm, > 0.
    semi_x_nm, semi_y_nm
        Half axes along the particle's own x (the long axis by convention) and y, nm, > 0.

    Examples
    --------
    >>> Ellipsoid(height_nm=4.0, semi_x_nm=10.0, semi_y_nm=5.0).surface(0.0, [0.0, 6.0]).tolist()
    [4.0, 3.2]
    """

    semi_x_nm: float
    semi_y_nm: float

    radial = False
    _lengths: ClassVar[tuple[str, ...]] = ("semi_x_nm", "semi_y_nm")

    def __post_init__(self) -> None:
        check.positive(self, height_nm=self.height_nm, semi_x_nm=self.semi_x_nm, semi_y_nm=self.semi_y_nm)

    @property
    def extent_nm(self) -> float:
        """Distance from the centre beyond which the shape has no height, nm."""
        return max(self.semi_x_nm, self.semi_y_nm)

    def _surface(self, dy: FloatArray, dx: FloatArray) -> FloatArray:
        y = dy / self.semi_y_nm
        x = dx / self.semi_x_nm
        return self.height_nm * np.sqrt(np.maximum(1.0 - x * x - y * y, 0.0))


@dataclass(frozen=True)
class Rod(Shape):
    """Rod with round ends and a round cross-section, along its own x axis.

    Parameters
    ----------
    height_nm
        Height of the crest, nm, > 0.
    length_nm
        Length from end to end, nm, at least `width_nm`.
    width_nm
        Width, nm, > 0.

    Examples
    --------
    >>> Rod(height_nm=3.0, length_nm=40.0, width_nm=8.0).surface(0.0, [0.0, 16.0, 20.0]).tolist()
    [3.0, 3.0, 0.0]
    """

    length_nm: float
    width_nm: float

    radial = False
    _lengths: ClassVar[tuple[str, ...]] = ("length_nm", "width_nm")

    def __post_init__(self) -> None:
        check.positive(self, height_nm=self.height_nm, length_nm=self.length_nm, width_nm=self.width_nm)
        if self.length_nm < self.width_nm:
            raise ParameterError(
                f"Rod: length_nm ({self.length_nm}) must be at least width_nm ({self.width_nm})."
            )

    @property
    def extent_nm(self) -> float:
        """Distance from the centre beyond which the shape has no height, nm."""
        return self.length_nm / 2

    def _surface(self, dy: FloatArray, dx: FloatArray) -> FloatArray:
        half = (self.length_nm - self.width_nm) / 2
        x = np.maximum(np.abs(dx) - half, 0.0)
        r = np.hypot(dy, x) / (self.width_nm / 2)
        return self.height_nm * np.sqrt(np.maximum(1.0 - r * r, 0.0))


@dataclass(frozen=True, eq=False)
class HeightMap(Shape):
    """Shape given by an image, for example of a molecular structure or an averaged particle.

    Parameters
    ----------
    height_nm
        Height of the highest pixel, nm, > 0; the image is scaled to it.
    image
        2-D image with heights >= 0 in any unit; its centre is the particle's centre.
    pixel_nm
        Pixel size of the image, nm, > 0.

    Examples
    --------
    >>> import numpy as np
    >>> dimer = HeightMap(3.0, image=np.array([[0, 0, 0], [1, 0.5, 1], [0, 0, 0]]), pixel_nm=4.0)
    >>> dimer.surface(0.0, [-4.0, 0.0, 4.0]).tolist()
    [3.0, 1.5, 3.0]
    """

    image: npt.NDArray[np.float64]
    pixel_nm: float

    radial = False
    _lengths: ClassVar[tuple[str, ...]] = ("pixel_nm",)

    def __post_init__(self) -> None:
        check.positive(self, height_nm=self.height_nm, pixel_nm=self.pixel_nm)
        image = np.array(self.image, dtype=np.float64)
        if image.ndim != 2 or image.size == 0 or not np.isfinite(image).all() or image.min() < 0:
            raise ParameterError("HeightMap: image must be 2-D with finite heights >= 0.")
        if image.max() == 0:
            raise ParameterError("HeightMap: image must have a height above 0 somewhere.")
        image.flags.writeable = False
        object.__setattr__(self, "image", image)

    @property
    def extent_nm(self) -> float:
        """Distance from the centre beyond which the shape has no height, nm."""
        return float(np.hypot(*self.image.shape)) / 2 * self.pixel_nm + self.pixel_nm

    def _surface(self, dy: FloatArray, dx: FloatArray) -> FloatArray:
        from scipy.ndimage import map_coordinates

        dy, dx = np.broadcast_arrays(dy, dx)
        rows = dy / self.pixel_nm + (self.image.shape[0] - 1) / 2
        cols = dx / self.pixel_nm + (self.image.shape[1] - 1) / 2
        z = map_coordinates(self.image, [rows.ravel(), cols.ravel()], order=1, mode="constant", cval=0.0)
        return np.asarray(z.reshape(dy.shape) * (self.height_nm / self.image.max()), dtype=np.float64)
