"""Colour maps for heights, designed for the eye: equal steps of height are equal steps of lightness.

Each is a curve in CIELAB: the lightness L* rises linearly from near black to near white, while hue and chroma change
smoothly within the colours that a screen can show.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_LIGHTNESS = (8.0, 95.0)
_CURVES: dict[str, tuple[tuple[float, ...], tuple[float, ...]]] = {
    # Hue (degrees) and chroma at evenly spaced lightness.
    "afm_gold": ((42.0, 54.0, 66.0, 76.0, 85.0, 94.0), (14.0, 31.0, 45.0, 52.0, 45.0, 24.0)),
    "afm_copper": ((22.0, 34.0, 44.0, 53.0, 62.0, 74.0), (15.0, 34.0, 46.0, 46.0, 32.0, 8.0)),
    "afm_ice": ((290.0, 284.0, 272.0, 250.0, 226.0, 205.0), (16.0, 34.0, 38.0, 34.0, 26.0, 8.0)),
}

_WHITE = (0.95047, 1.0, 1.08883)
_XYZ_TO_RGB = np.array(
    [
        [3.2404542, -1.5371385, -0.4985314],
        [-0.9692660, 1.8760108, 0.0415560],
        [0.0556434, -0.2040259, 1.0572252],
    ]
)

COLOUR_MAPS = tuple(_CURVES)
"""Names of the colour maps."""


def colour_map(name: str) -> Any:
    """Return a colour map by name, one of playNano's or of Matplotlib's.

    Parameters
    ----------
    name
        The name.

    Returns
    -------
    matplotlib.colors.Colormap
        The colour map.

    Raises
    ------
    KeyError
        There is none.

    Examples
    --------
    >>> colour_map("afm_gold").N
    256
    """
    from matplotlib import colormaps

    register_colour_maps()
    return colormaps[name]


def register_colour_maps() -> None:
    """Register playNano's colour maps in Matplotlib, which then accepts their names everywhere: ``cmap="afm_gold"``.

    Each has its reverse, with ``_r`` after the name. Calling it again changes nothing.

    Examples
    --------
    >>> import matplotlib
    >>> register_colour_maps()
    >>> matplotlib.colormaps["afm_gold"].name
    'afm_gold'
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    for name in _CURVES:
        if name not in colormaps:
            colours = ListedColormap(colours_of(name), name)
            for each in (colours, colours.reversed()):
                colormaps.register(each)


def colours_of(name: str, number: int = 256) -> npt.NDArray[np.float64]:
    """Return the colours of one of playNano's colour maps.

    Parameters
    ----------
    name
        One of `COLOUR_MAPS`.
    number
        How many.

    Returns
    -------
    numpy.ndarray
        sRGB, 0 to 1, (number, 3).
    """
    from scipy.interpolate import PchipInterpolator

    hue, chroma = _CURVES[name]
    place, at = np.linspace(0, 1, len(hue)), np.linspace(0, 1, number)
    angle, radius = np.radians(PchipInterpolator(place, hue)(at)), PchipInterpolator(place, chroma)(at)
    low, high = _LIGHTNESS
    lab = np.column_stack([low + (high - low) * at, radius * np.cos(angle), radius * np.sin(angle)])
    return np.clip(lab_to_srgb(lab), 0.0, 1.0)


def lab_to_srgb(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return colours of CIELAB (white point D65) as sRGB; values outside 0 to 1 cannot be shown by a screen.

    Parameters
    ----------
    lab
        L* (0 to 100), a*, b*, (n, 3).

    Returns
    -------
    numpy.ndarray
        Red, green, blue, (n, 3).

    References
    ----------
    IEC 61966-2-1:1999; CIE 15:2004.
    """
    # scikit-image has this function, but its import takes longer than drawing a frame.
    fy = (lab[:, 0] + 16) / 116
    f = np.column_stack([fy + lab[:, 1] / 500, fy, fy - lab[:, 2] / 200])
    xyz = np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29)) * _WHITE
    linear = xyz @ _XYZ_TO_RGB.T
    curved = 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055
    return np.asarray(np.where(linear <= 0.0031308, 12.92 * linear, curved))


def lab_of(srgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return colours in sRGB as CIELAB (white point D65): the inverse of `lab_to_srgb`.

    Parameters
    ----------
    srgb
        Red, green, blue, 0 to 1, (n, 3).

    Returns
    -------
    numpy.ndarray
        L* (0 to 100), a*, b*, (n, 3).
    """
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    xyz = linear @ np.linalg.inv(_XYZ_TO_RGB).T / _WHITE
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.column_stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])])
