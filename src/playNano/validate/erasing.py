"""Frames without their particles: the background and its noise continued under them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from playNano.validate.reference import Reference

Frames = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

# Regions are erased with a margin, which is wider along the fast axis, where a feedback that is slow leaves tails, px.
_MARGIN_PX, _TAIL_PX = 3, 2
# Widths of the averages of the background, px: the second where the first contains too little of it.
_WIDTHS = (4.0, 16.0)
_MIN_WEIGHT = 1e-3


class Eraser:
    """Erase regions of levelled frames, each time with other noise.

    Parameters
    ----------
    reference
        Levelled frames and regions.
    erased
        Whether each region is erased, (m,).
    """

    def __init__(self, reference: Reference, erased: Mask) -> None:
        """Average the background that is free of particles."""
        import cv2

        labels, self._level = reference.labels, reference.level_nm
        to_erase = np.append(False, erased)[labels]
        kept = (labels > 0) & ~to_erase
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _MARGIN_PX + 1, 2 * _MARGIN_PX + 1))
        line = np.ones((1, 2 * _TAIL_PX + 1), dtype=np.uint8)

        def wider(mask: Mask) -> Mask:
            """Dilate a mask by the margin."""
            return np.stack(
                [cv2.dilate(cv2.dilate(f.astype(np.uint8), disc), line) > 0 for f in mask]
            ).reshape(mask.shape)

        self.mask = wider(to_erase) & ~kept
        free = ~(self.mask | wider(kept))
        self._smooth = _average(self._level, free)
        self._residue = self._level - self._smooth
        # Columns of the free pixels of each line, in order.
        self._columns = np.argsort(~free, axis=2, kind="stable")
        self._n_free = free.sum(axis=2)

    def fill(self, rng: np.random.Generator) -> Frames:
        """Return what must be added to the levelled frames to erase the regions, nm, (n, h, w).

        The background is a weighted average of its pixels nearby. Its noise is that of a piece of the same line.

        Parameters
        ----------
        rng
            Random numbers.
        """
        w = self.mask.shape[2]
        n_free = np.maximum(self._n_free, 1)[:, :, None]
        start = rng.integers(0, w, self._n_free.shape)[:, :, None]
        columns = np.take_along_axis(self._columns, (np.arange(w) + start) % n_free, axis=2)
        noise = np.take_along_axis(self._residue, columns, axis=2)
        noise *= (self._n_free > 0)[:, :, None]
        return np.where(self.mask, self._smooth + noise - self._level, np.float32(0))


def _average(level: Frames, free: Mask) -> Frames:
    """Return the normalised convolution of the free pixels with a Gaussian."""
    import cv2

    out = np.zeros_like(level)
    for k, (frame, usable) in enumerate(zip(level, free, strict=True)):
        known = np.zeros(frame.shape, dtype=bool)
        for width in _WIDTHS:
            values = cv2.GaussianBlur(frame * usable, (0, 0), width, borderType=cv2.BORDER_REPLICATE)
            weight = cv2.GaussianBlur(
                usable.astype(np.float32), (0, 0), width, borderType=cv2.BORDER_REPLICATE
            )
            new = ~known & (weight > _MIN_WEIGHT)
            out[k][new] = values[new] / weight[new]
            known |= new
    return out
