"""Replanting: the movie with its own particles erased, and put back at known places."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.validate.cutouts import Cutouts, cut_out, kind_of, unlike
from playNano.validate.erasing import Eraser
from playNano.validate.reference import Reference, detect_reference
from playNano.validate.sightings import Sightings, track_reference

if TYPE_CHECKING:
    import pandas as pd

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# An image of the same track is used if its height differs by less than this factor (ln).
_SAME = 0.25
# Images of other tracks are drawn from this number of the most similar ones.
_SIMILAR = 5


@dataclass(frozen=True, eq=False)
class Planting:
    """Images and places of the particles to put back.

    Parameters
    ----------
    sighting
        Index of each sighting that is planted, (k,).
    image
        Index of its image, (k,).
    row, col
        Pixel on which the centre of the image is placed, (k,).
    """

    sighting: IntArray
    image: IntArray
    row: IntArray
    col: IntArray


class Replanter:
    """Create copies of a movie with its particles erased and put back.

    Particles that touch the border stay as they are in the movie; they are part of the truth.

    Parameters
    ----------
    stack
        The movie, raw.
    usable
        Whether each frame shows the surface, (n_frames,) bool. Others stay as they are, without truth.

    Attributes
    ----------
    reference
        Levelled frames and detections.
    sightings
        Positions of the particles.
    cutouts
        Their images.
    """

    def __init__(self, stack: AFMImageStack, usable: npt.NDArray[np.bool_]) -> None:
        """Detect, track and cut out the particles."""
        self.stack, self.usable = stack, usable
        self._raw = np.asarray(stack.data)
        frames = (
            self._raw
            if usable.all()
            else np.where(usable[:, None, None], self._raw, _typical(self._raw, usable))
        )
        self.reference: Reference = detect_reference(frames)
        self.sightings: Sightings = track_reference(self.reference)
        self.cutouts: Cutouts = cut_out(self.reference, self.sightings)
        self._erased = ~self.reference.at_border & usable[self.reference.frame]
        self._eraser = Eraser(self.reference, self._erased)

    def without_image(self) -> float:
        """Return the fraction of the particles away from the border that are unlike every image."""
        kinds, s = kind_of(self.sightings), self.sightings
        inner = ~s.at_border
        return float(unlike(kinds[inner], kinds[self.cutouts.sighting]).mean()) if inner.any() else 1.0

    def erased(self, rng: np.random.Generator) -> AFMImageStack:
        """Return the movie without particles, except for those at the border.

        Parameters
        ----------
        rng
            Random numbers.
        """
        return self._changed(self._eraser.fill(rng))

    def replant(self, rng: np.random.Generator) -> tuple[AFMImageStack, pd.DataFrame]:
        """Return a copy of the movie with its particles put back, and the truth.

        Parameters
        ----------
        rng
            Random numbers.

        Returns
        -------
        stack : AFMImageStack
            The movie.
        truth : pandas.DataFrame
            Columns `frame`, `track_id`, `y_nm`, `x_nm`, `time_s`, `z_nm` (NaN for particles that stay in place), and
            `area_nm2`.
        """
        planting = self._planting(rng)
        frame = self.sightings.frame[planting.sighting]
        change = self._eraser.fill(rng) + self._images_at(frame, planting.image, planting.row, planting.col)
        return self._changed(change), self._truth(planting)

    def plant(
        self,
        frame: IntArray,
        track: IntArray,
        y: FloatArray,
        x: FloatArray,
        image: IntArray,
        rng: np.random.Generator,
    ) -> tuple[AFMImageStack, pd.DataFrame]:
        """Return the erased movie with images at given places, and the truth.

        Parameters
        ----------
        frame, track
            Frame and number of each particle, (k,).
        y, x
            Its place, px, which is rounded to one at which the image fits the pixels, (k,).
        image
            Index of its image, (k,).
        rng
            Random numbers.

        Returns
        -------
        stack : AFMImageStack
            The movie.
        truth : pandas.DataFrame
            As by `replant`.
        """
        c = self.cutouts
        row = np.rint(y - c.residue[image, 0]).astype(np.int64)
        col = np.rint(x - c.residue[image, 1]).astype(np.int64)
        use = self.usable[frame]
        change = self._eraser.fill(rng) + self._images_at(frame[use], image[use], row[use], col[use])
        area = self.sightings.area_px[c.sighting[image]]
        place = row + c.residue[image, 0], col + c.residue[image, 1]
        truth = self._table(frame, track, *place, c.height_nm[image], area)
        return self._changed(change), truth[use].reset_index(drop=True)

    def _images_at(
        self, frame: IntArray, image: IntArray, row: IntArray, col: IntArray
    ) -> npt.NDArray[np.float32]:
        """Return images around given pixels, nm; the higher one where they overlap."""
        planted = np.zeros(self.reference.labels.shape, dtype=np.float32)
        half = self.cutouts.images.shape[1] // 2
        for k, i, at_row, at_col in zip(frame, image, row, col, strict=True):
            top, left = max(at_row - half, 0), max(at_col - half, 0)
            box = planted[k, top : max(at_row + half + 1, 0), left : max(at_col + half + 1, 0)]
            part = self.cutouts.images[i][top - at_row + half :, left - at_col + half :]
            np.maximum(box, part[: box.shape[0], : box.shape[1]], out=box, casting="same_kind")
        return planted

    def _planting(self, rng: np.random.Generator) -> Planting:
        """Select an image and a place for each sighting that does not touch the border."""
        s, c = self.sightings, self.cutouts
        chosen = np.flatnonzero(~s.at_border & self.usable[s.frame])
        image = self._images(chosen, rng)
        residue = c.residue[image]
        row = np.rint(s.y[chosen] - residue[:, 0]).astype(np.int64)
        col = np.rint(s.x[chosen] - residue[:, 1]).astype(np.int64)
        return Planting(chosen, image, row, col)

    def _images(self, chosen: IntArray, rng: np.random.Generator) -> IntArray:
        """Return the image for each sighting: of the same track nearest in time, or of a similar particle."""
        from scipy.spatial import KDTree

        s, c = self.sightings, self.cutouts
        logs = kind_of(s)
        of = c.sighting
        tree = KDTree(logs[of])
        by_track: dict[int, IntArray] = {}
        for track in np.unique(s.track[of]):
            by_track[int(track)] = np.flatnonzero(s.track[of] == track)
        similar = tree.query(logs[chosen], k=min(_SIMILAR, len(of)))[1].reshape(len(chosen), -1)
        drawn = rng.integers(0, similar.shape[1], len(chosen))
        out = similar[np.arange(len(chosen)), drawn].astype(np.int64)
        for k, i in enumerate(chosen):
            own = by_track.get(int(s.track[i]))
            if own is None:
                continue
            own = own[np.abs(logs[of[own], 0] - logs[i, 0]) < _SAME]
            if len(own):
                out[k] = own[np.abs(s.frame[of[own]] - s.frame[i]).argmin()]
        return np.asarray(out, dtype=np.int64)

    def _truth(self, planting: Planting) -> pd.DataFrame:
        """Return the truth table."""
        s, c = self.sightings, self.cutouts
        y, x, z = s.y.copy(), s.x.copy(), np.full(len(s), np.nan)
        y[planting.sighting] = planting.row + c.residue[planting.image, 0]
        x[planting.sighting] = planting.col + c.residue[planting.image, 1]
        z[planting.sighting] = c.height_nm[planting.image]
        table = self._table(s.frame, s.track, y, x, z, s.area_px)
        return table[self.usable[s.frame]].reset_index(drop=True)

    def _table(
        self, frame: IntArray, track: IntArray, y: FloatArray, x: FloatArray, z: FloatArray, area: FloatArray
    ) -> pd.DataFrame:
        """Return a truth table of places in px, heights in nm and areas in px."""
        import pandas as pd

        size, origin = np.array(self.stack.pixel_size_yx_nm), np.array(self.stack.origin_nm)
        columns = {
            "frame": frame,
            "track_id": track,
            "y_nm": y * size[0] + origin[0],
            "x_nm": x * size[1] + origin[1],
            "time_s": self.stack.detection_times(frame, y),
            "z_nm": z,
            "area_nm2": area * size.prod(),
        }
        return pd.DataFrame(columns)

    def _changed(self, change: npt.NDArray[Any]) -> AFMImageStack:
        """Return the movie with something added to its levelled frames."""
        stack = self.stack[:]
        change[~self.usable] = 0
        stack.replace_movie(
            (self._raw + self.reference.sign * change).astype(np.result_type(self._raw.dtype, np.float32)),
            stack.geometry,
        )
        return stack


def _typical(raw: npt.NDArray[Any], usable: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Return a usable frame, which replaces those that are not."""
    return np.asarray(raw[int(np.flatnonzero(usable)[0])])
