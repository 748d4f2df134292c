"""Shapes of particles: height as a function of the position relative to the centre, nm."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    """A solid of given form.

    Attributes
    ----------
    form
        "cap", "disc", "rod", "ring", "dimer" or "trimer".
    height_nm
        Height of its highest point.
    radius_nm
        Radius of a cap, disc or lobe, half width of a rod, half width of the wall of a ring.
    long_nm
        Half length of a rod, radius of the crest of a ring, distance of a lobe from the centre.
    """

    form: str
    height_nm: float
    radius_nm: float
    long_nm: float = 0.0

    @property
    def extent_nm(self):
        """Greatest distance of its outline from its centre."""
        outside = {"rod": max(self.long_nm, self.radius_nm), "cap": self.radius_nm, "disc": self.radius_nm}
        return outside.get(self.form, self.long_nm + self.radius_nm)

    @property
    def area_nm2(self):
        """Area of its outline, holes included."""
        r, a = self.radius_nm, self.long_nm
        if self.form == "rod":
            return np.pi * r**2 + 4 * r * max(a - r, 0.0)
        if self.form == "ring":
            return np.pi * (r + a) ** 2
        lobes = {"dimer": 2, "trimer": 3}.get(self.form, 1)
        if lobes == 1:
            return np.pi * r**2
        apart = 2 * a if lobes == 2 else np.sqrt(3) * a
        overlap = 0.0
        if apart < 2 * r:
            overlap = 2 * r**2 * np.arccos(apart / (2 * r)) - apart / 2 * np.sqrt(4 * r**2 - apart**2)
        return lobes * np.pi * r**2 - (1 if lobes == 2 else 3) * overlap

    def surface(self, u, v):
        """Return its height at positions u along and v across its axis; 0 outside."""
        h, r, a = self.height_nm, self.radius_nm, self.long_nm
        if self.form == "disc":
            return h / (1 + np.exp(np.clip((np.hypot(u, v) - r) / 0.5, -40, 40)))
        if self.form == "rod":
            across = np.hypot(np.maximum(np.abs(u) - max(a - r, 0.0), 0.0), v)
            return h * np.sqrt(np.maximum(1 - (across / r) ** 2, 0.0))
        if self.form == "ring":
            return _dome(np.hypot(u, v) - a, h, r)
        if self.form in ("dimer", "trimer"):
            n = 2 if self.form == "dimer" else 3
            turns = 2 * np.pi * np.arange(n) / n
            lobes = [_dome(np.hypot(u - a * np.cos(t), v - a * np.sin(t)), h, r) for t in turns]
            return np.max(lobes, axis=0)
        return _dome(np.hypot(u, v), h, r)


def _dome(distance, height, radius):
    return height * np.maximum(1 - (distance / radius) ** 2, 0.0) ** 0.7
