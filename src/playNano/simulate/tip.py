"""Tip, which dilates the surface, and feedback loop, which lags behind it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from playNano.simulate import _checks as check

FloatArray = npt.NDArray[np.float64]


def _shifted_maximum(z: FloatArray, out: FloatArray, shifts: list[tuple[int, int, float]]) -> None:
    """Take the maximum of `out` and the image shifted by each (rows, columns) and lowered by a drop."""
    h, w = z.shape
    for i, j, drop in shifts:
        to = out[max(i, 0) : h + min(i, 0), max(j, 0) : w + min(j, 0)]
        of = z[max(-i, 0) : h + min(-i, 0), max(-j, 0) : w + min(-j, 0)]
        np.maximum(to, of - drop, out=to)


@dataclass(frozen=True)
class Tip:
    """Rotationally symmetric tip apex.

    Parameters
    ----------
    kind
        "sharp" does not dilate; "parabolic" has the apex radius `radius_nm`; "conical" is a cone with the
        half angle `half_angle_deg` that ends in a sphere of the apex radius.
    radius_nm
        Radius of the apex, nm, > 0.
    half_angle_deg
        Angle between axis and flank of the cone, degrees, between 0 and 90.

    Examples
    --------
    >>> Tip("parabolic", radius_nm=4.0).profile(4.0).item()
    2.0
    """

    kind: Literal["sharp", "parabolic", "conical"] = "sharp"
    radius_nm: float = 4.0
    half_angle_deg: float = 15.0

    def __post_init__(self) -> None:
        check.one_of(self, "kind", self.kind, ("sharp", "parabolic", "conical"))
        check.positive(self, radius_nm=self.radius_nm, half_angle_deg=self.half_angle_deg)
        check.positive(self, **{"90 - half_angle_deg": 90 - self.half_angle_deg})

    def profile(self, r_nm: npt.ArrayLike) -> FloatArray:
        """Return the height of the tip's surface above its apex at distances from the axis.

        Parameters
        ----------
        r_nm
            Distance from the axis, nm.

        Returns
        -------
        numpy.ndarray
            Height, nm, float64; infinite away from the axis of a sharp tip.
        """
        r = np.abs(np.asarray(r_nm, dtype=np.float64))
        if self.kind == "sharp":
            return np.where(r > 0, np.inf, 0.0)
        if self.kind == "parabolic":
            return r * r / (2 * self.radius_nm)
        slope = math.radians(self.half_angle_deg)
        touch = self.radius_nm * math.cos(slope)
        ball = self.radius_nm - np.sqrt(np.maximum(self.radius_nm**2 - np.minimum(r, touch) ** 2, 0.0))
        return ball + np.maximum(r - touch, 0.0) / math.tan(slope)

    def radius_at_nm(self, height_nm: float) -> float:
        """Return the tip's radius at a height above its apex, nm.

        Parameters
        ----------
        height_nm
            Height above the apex, nm.
        """
        if self.kind == "sharp" or height_nm <= 0:
            return 0.0
        if self.kind == "parabolic":
            return math.sqrt(2 * self.radius_nm * height_nm)
        slope = math.radians(self.half_angle_deg)
        touch = self.radius_nm * math.cos(slope)
        rise = self.radius_nm * (1 - math.sin(slope))
        if height_nm >= rise:
            return touch + (height_nm - rise) * math.tan(slope)
        return math.sqrt(self.radius_nm**2 - (self.radius_nm - height_nm) ** 2)

    def dilate(self, image: npt.ArrayLike, pixel_size_nm: float | tuple[float, float]) -> FloatArray:
        """Return the image recorded with this tip: the grey-scale dilation by the tip.

        Parameters
        ----------
        image
            Heights, nm, (height, width).
        pixel_size_nm
            A number or (y, x), nm.

        Returns
        -------
        numpy.ndarray
            Heights, nm, float64, in the shape of the image; there are no objects beyond its border.

        References
        ----------
        Villarrubia, J. S. Algorithms for scanned probe microscope image simulation, surface reconstruction,
        and tip estimation. J. Res. Natl. Inst. Stand. Technol. 102, 425 (1997). doi:10.6028/jres.102.030

        Examples
        --------
        >>> import numpy as np
        >>> spike = np.zeros((1, 5)); spike[0, 2] = 2.0
        >>> Tip("parabolic", radius_nm=1.0).dilate(spike, 1.0).round(2).tolist()
        [[0.0, 1.5, 2.0, 1.5, 0.0]]
        """
        z = np.asarray(image, dtype=np.float64)
        out = z.copy()
        if self.kind == "sharp" or z.size == 0:
            return out
        py, px = pixel_size_nm if isinstance(pixel_size_nm, tuple) else (pixel_size_nm, pixel_size_nm)
        radius = self.radius_at_nm(float(z.max() - z.min()))
        rows = min(int(radius / py), z.shape[0] - 1)
        cols = min(int(radius / px), z.shape[1] - 1)
        if self.kind == "parabolic":
            # A paraboloid is the sum of two parabolas, so that dilation is separable.
            _shifted_maximum(z, out, [(i, 0, float(self.profile(i * py))) for i in range(-rows, rows + 1)])
            z = out.copy()
            _shifted_maximum(z, out, [(0, j, float(self.profile(j * px))) for j in range(-cols, cols + 1)])
            return out
        offsets = [(i, j) for i in range(-rows, rows + 1) for j in range(-cols, cols + 1)]
        drops = [float(self.profile(math.hypot(i * py, j * px))) for i, j in offsets]
        _shifted_maximum(z, out, [(i, j, drop) for (i, j), drop in zip(offsets, drops, strict=True)])
        return out


@dataclass(frozen=True)
class Feedback:
    """Feedback loop: first-order lag, and a limited falling speed behind steep edges ("parachuting").

    Parameters
    ----------
    time_constant_s
        Time constant of the loop (first-order lag), s, >= 0; 0 for none.
    fall_nm_s
        Maximum falling speed of the tip, nm/s, > 0: where the surface falls faster, the tip parachutes.

    Examples
    --------
    >>> Feedback(time_constant_s=1e-5, fall_nm_s=2e4).time_constant_s
    1e-05
    """

    time_constant_s: float = 0.0
    fall_nm_s: float = math.inf

    def __post_init__(self) -> None:
        check.not_negative(self, time_constant_s=self.time_constant_s)
        if self.fall_nm_s != math.inf:
            check.positive(self, fall_nm_s=self.fall_nm_s)

    @property
    def is_ideal(self) -> bool:
        """Whether the tip always traces the surface."""
        return self.time_constant_s == 0 and self.fall_nm_s == math.inf
