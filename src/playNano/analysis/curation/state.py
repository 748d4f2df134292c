"""The state of tracks that are edited by hand, as displays and tables read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from playNano.analysis.curation.geometry import FrameGeometry
from playNano.analysis.curation.graph import Bools, Floats, Ints, TrackGraph
from playNano.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

MATCH_PX = 3.0
"""Default of the distance within which a detection is that of an edit, px."""


class EditedTracks:
    """Detections and links as they are after edits; see `playNano.analysis.curation.model.CurationModel`.

    Parameters
    ----------
    table
        One row a detection: ``frame, y, x`` (px), and ``y_nm, x_nm`` if known.
    track_id
        Track of each, (N,); negative: none.
    n_frames
        Number of frames of the movie.
    geometry
        Places of the frames; None: 1 nm per px.
    confidence
        Confidence of the link that ends at each detection, (N,); None: not known.
    curated
        Whether that link was made or confirmed by hand in an earlier step, (N,); None: none was.
    usable
        Whether each frame shows the surface, (n_frames,); None: all do.
    max_distance_nm
        Distance within which a detection is that of an edit, nm, > 0; None: `MATCH_PX` pixels.
    """

    def __init__(
        self,
        table: pd.DataFrame,
        track_id: npt.ArrayLike,
        *,
        n_frames: int,
        geometry: FrameGeometry | None = None,
        confidence: npt.ArrayLike | None = None,
        curated: npt.ArrayLike | None = None,
        usable: npt.ArrayLike | None = None,
        max_distance_nm: float | None = None,
    ) -> None:
        """Find the links of the tracks."""
        self.geometry = FrameGeometry() if geometry is None else geometry
        self.n_frames = n_frames
        frame = table["frame"].to_numpy(np.int64)
        px = table[["y", "x"]].to_numpy(np.float64)
        known = {"y_nm", "x_nm"} <= {*table.columns}
        nm = table[["y_nm", "x_nm"]].to_numpy(np.float64) if known else None
        place = np.hstack([px, self.geometry.to_nm(frame, *px.T) if nm is None else nm])
        seen = np.ones(n_frames, np.bool_) if usable is None else np.array(usable, dtype=np.bool_)
        ids = np.maximum(np.asarray(track_id, dtype=np.int64), -1)
        self.graph = TrackGraph(frame, place, ids, seen)
        n_rows = len(frame)
        if curated is not None:
            self.graph.curated[:] = np.asarray(curated, dtype=np.bool_)
        self._curated_before = self.graph.curated.copy()
        self._confidence = np.full(n_rows, np.nan) if confidence is None else np.array(confidence, np.float64)
        pixel = float(np.sqrt(self.geometry.pixel_nm[0] * self.geometry.pixel_nm[1]))
        self.max_distance_nm = MATCH_PX * pixel if max_distance_nm is None else float(max_distance_nm)
        if not self.max_distance_nm > 0:
            raise ParameterError(f"max_distance_nm must be positive, not {max_distance_nm}")

    @property
    def n_rows(self) -> int:
        """Number of detections, those that were added or deleted included."""
        return self.graph.n_rows

    @property
    def frame(self) -> Ints:
        """Frame of each detection, (N,)."""
        return self.graph.frame

    @property
    def y(self) -> Floats:
        """Row of the image at which each detection lies, (N,) px."""
        return self.graph.place[:, 0]

    @property
    def x(self) -> Floats:
        """Column of the image at which each detection lies, (N,) px."""
        return self.graph.place[:, 1]

    @property
    def y_nm(self) -> Floats:
        """Place of each detection along y in the movie as recorded, (N,) nm."""
        return self.graph.place[:, 2]

    @property
    def x_nm(self) -> Floats:
        """Place of each detection along x in the movie as recorded, (N,) nm."""
        return self.graph.place[:, 3]

    @property
    def tracked(self) -> Bools:
        """Whether each detection belongs to a track, (N,)."""
        return self.graph.tracked

    @property
    def deleted(self) -> Bools:
        """Whether each detection was deleted, or lies in a frame that was marked unusable, (N,)."""
        return self.graph.deleted

    @property
    def following(self) -> Ints:
        """Row that follows each detection in its track, (N,); -1: none."""
        return self.graph.following

    @property
    def preceding(self) -> Ints:
        """Row that precedes each detection in its track, (N,); -1: none."""
        return self.graph.preceding

    @property
    def curated(self) -> Bools:
        """Whether the link that ends at each detection was made or confirmed by hand, (N,)."""
        return self.graph.curated

    @property
    def usable(self) -> Bools:
        """Whether each frame shows the surface, (n_frames,)."""
        return self.graph.usable

    @property
    def confidence(self) -> Floats:
        """Confidence of the link that ends at each detection, (N,); NaN: no link, or one made or confirmed by hand."""
        known = np.full(self.n_rows, np.nan)
        n_first = len(self._confidence)
        kept = (self.preceding == self.graph.original_preceding) & (self.preceding >= 0) & ~self.curated
        known[:n_first] = np.where(kept[:n_first], self._confidence, np.nan)
        return known

    def track_ids(self) -> Ints:
        """Return the track of each detection, (N,); -1: none.

        A track keeps the number that the tracking has given it as long as its first detection; what is cut off gets a
        new number.
        """
        return self.graph.track_ids()

    def track_rows(self, row: int) -> Ints:
        """Return the rows of the track that contains a detection, by frame.

        Parameters
        ----------
        row
            Row of the detection.
        """
        rows = [self._row(row)]
        while self.preceding[rows[0]] >= 0:
            rows.insert(0, int(self.preceding[rows[0]]))
        while self.following[rows[-1]] >= 0:
            rows.append(int(self.following[rows[-1]]))
        return np.array(rows, dtype=np.int64)

    def tracks(self) -> pd.DataFrame:
        """Return the tracked detections: ``row, track_id, frame, y, x, y_nm, x_nm``, by track, then frame."""
        import pandas as pd

        ids = self.track_ids()
        rows = np.flatnonzero(self.tracked)
        rows = rows[np.lexsort((self.frame[rows], ids[rows]))]
        columns = {"row": rows, "track_id": ids[rows], "frame": self.frame[rows]}
        places = dict(zip(("y", "x", "y_nm", "x_nm"), self.graph.place[rows].T, strict=True))
        return pd.DataFrame(columns | places)

    def links(self) -> pd.DataFrame:
        """Return the links: ``source, target`` (rows), ``track_id, frame_from, frame_to, confidence, curated``."""
        import pandas as pd

        ids = self.track_ids()
        target = np.flatnonzero(self.preceding >= 0)
        target = target[np.lexsort((self.frame[target], ids[target]))]
        source = self.preceding[target]
        return pd.DataFrame(
            {
                "source": source,
                "target": target,
                "track_id": ids[target],
                "frame_from": self.frame[source],
                "frame_to": self.frame[target],
                "confidence": self.confidence[target],
                "curated": self.curated[target],
            }
        )

    def doubtful(self, n: int | None = None) -> pd.DataFrame:
        """Return the links that were not made or confirmed by hand, the lowest confidence first.

        Parameters
        ----------
        n
            Maximum number of links; None: all of known confidence.

        Returns
        -------
        DataFrame
            ``source, target`` (rows), ``track_id, frame_from, frame_to, y, x`` (px), ``y_nm, x_nm`` (of the source),
            ``confidence``.
        """
        links = self.links()
        links = links[links["confidence"].notna()].drop(columns="curated")
        links = links.sort_values(["confidence", "frame_from", "source"], ignore_index=True)
        links = links if n is None else links.head(n)
        for column, name in enumerate(("y", "x", "y_nm", "x_nm")):
            links.insert(5 + column, name, self.graph.place[links["source"].to_numpy(), column])
        return links

    def next_doubtful(self, after: tuple[int, int] | None = None) -> tuple[int, int] | None:
        """Return the most doubtful link that was not made or confirmed by hand: its source and its target.

        Parameters
        ----------
        after
            Source and target of a link: return the next more confident one. It may have been edited meanwhile.

        Returns
        -------
        tuple of int, or None
            None if there is no further one.
        """
        links = self.doubtful()
        if after is not None:
            source, target = (self._row(row) for row in after)
            value = self._confidence[target] if target < len(self._confidence) else np.nan
            rank = (float(value) if np.isfinite(value) else -1.0, int(self.frame[source]), source)
            keys = zip(links["confidence"], links["frame_from"], links["source"], strict=True)
            links = links[[key > rank for key in keys]]
        if not len(links):
            return None
        return int(links["source"].iloc[0]), int(links["target"].iloc[0])

    def nearest(self, frame: int, y: float, x: float, within_px: float | None = None) -> int | None:
        """Return the detection nearest to a place that was not deleted; None if there is none.

        Parameters
        ----------
        frame
            0-based frame.
        y, x
            Place in the frame as analysed, px.
        within_px
            Maximum distance, px; None: any.
        """
        rows = np.flatnonzero((self.frame == frame) & ~self.deleted)
        distance = np.hypot(self.y[rows] - y, self.x[rows] - x)
        if not rows.size or (within_px is not None and not distance.min() <= within_px):
            return None
        return int(rows[np.argmin(distance)])

    def distances_nm(self, frame: int, y_nm: float, x_nm: float) -> tuple[Ints, Floats]:
        """Return the detections of a frame that were not deleted, and their distances from a place, nearest first.

        Parameters
        ----------
        frame
            0-based frame.
        y_nm, x_nm
            Place in the movie as recorded, nm.
        """
        rows = np.flatnonzero((self.frame == frame) & ~self.deleted)
        distance = np.hypot(self.y_nm[rows] - y_nm, self.x_nm[rows] - x_nm)
        order = np.argsort(distance, kind="stable")
        return rows[order], distance[order]

    def _row(self, row: int) -> int:
        """Return a row, after checking that its detection exists."""
        if not 0 <= row < self.n_rows:
            raise ParameterError(f"there is no detection {row}; there are {self.n_rows}")
        if self.deleted[row]:
            raise ParameterError(
                f"the detection in frame {self.frame[row]} was deleted, or its frame is unusable"
            )
        return int(row)
