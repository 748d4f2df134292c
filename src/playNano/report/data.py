"""What the script of a report reads: times, frames, detections and tables, as JSON and as blocks of text."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from playNano.core.provenance import latest_table
from playNano.io.export.colour_maps import colour_map
from playNano.io.export.render import OUTLINE_COLOUR, TRACK_COLOURS, PictureOptions, ScaleBar
from playNano.plots.analysed import AnalysedMovie
from playNano.report.encode import encode_column
from playNano.report.movie import CodedMovie

if TYPE_CHECKING:
    import pandas as pd

DARK = ("#0072b2", "#b5651d", "#00735a", "#8c3b7a", "#4b4bb5", "#a33b3b", "#3b7ba3", "#5f6b00")
"""Colours of tracks on white."""

DETECTIONS, PRESENT = "#0072b2", "#b5651d"

Kind = Literal["u2", "i4", "f4"]


@dataclass
class PageData:
    """Data of a page.

    Parameters
    ----------
    plain
        Values for JSON.
    blocks
        Id of an element -> its text: columns, tables, the first frame.
    later
        The same for the other frames and label images, which follow the scripts.
    """

    plain: dict[str, Any]
    blocks: dict[str, str] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)


def page_data(
    record: Mapping[str, Any],
    movie: AnalysedMovie | None,
    coded: CodedMovie | None,
    tables: list[dict[str, Any]],
) -> PageData:
    """Return what the script of a report reads.

    Parameters
    ----------
    record
        The record.
    movie
        The levelled movie with its detections; None without the movie.
    coded
        Its frames as text; None for a report without frames.
    tables
        As `playNano.report.tables.report_tables` returns them.
    """
    given = record["provenance"]["input"]
    n_frames, height, width = given["shape"] if movie is None else movie.stack.data.shape
    times, known = frame_times(record, movie, int(n_frames))
    page = PageData(
        {
            "shape": [int(height), int(width)],
            "pixel": [
                float(size)
                for size in (given["pixel_size_nm"] if movie is None else movie.stack.pixel_size_yx_nm)
            ],
            "times": times,
            "timesKnown": known,
            "unusable": _unusable(record, movie, int(n_frames)),
            "colours": list(TRACK_COLOURS[:-1]),
            "dark": list(DARK),
            "outline": OUTLINE_COLOUR,
            "palette": _palette(movie.options.cmap if movie is not None else PictureOptions().cmap),
            "movie": None,
            "detections": None,
            "counts": None,
            "links": None,
            "tables": [
                {"id": k, **{key: table[key] for key in ("file", "sort", "singles")}}
                for k, table in enumerate(tables)
            ],
        }
    )
    page.blocks |= {f"t-{k}": table["text"] for k, table in enumerate(tables)}
    _add_detections(page, record, movie, int(n_frames))
    if movie is not None and coded is not None:
        _add_movie(page, movie, coded)
    return page


def frame_times(
    record: Mapping[str, Any], movie: AnalysedMovie | None, n_frames: int
) -> tuple[list[float], bool]:
    """Return the start of each frame, s, and whether it is known; else its number.

    Parameters
    ----------
    record, movie, n_frames
        The record, the movie if it is there, and the number of frames.
    """
    if movie is not None:
        times, label = movie.time_axis()
        return np.round(times, 9).tolist(), label != "frame"
    given = record["provenance"].get("frame_times")
    known = (
        bool(record["provenance"].get("frame_times_known")) and given is not None and len(given) == n_frames
    )
    if known:
        times = np.asarray(given, np.float64)
        if np.isfinite(times).all() and (np.diff(times) > 0).all():
            return np.round(times, 9).tolist(), True
    return np.arange(n_frames, dtype=np.float64).tolist(), False


def _unusable(record: Mapping[str, Any], movie: AnalysedMovie | None, n_frames: int) -> list[str]:
    """Return why each frame was not used; "" for those that were."""
    table = latest_table(record, "quality")
    if table is not None and len(table) == n_frames and "usable" in table:
        reasons = table["reason"].tolist() if "reason" in table else [""] * n_frames
        return [
            "" if use else str(why or "unusable")
            for use, why in zip(table["usable"].tolist(), reasons, strict=True)
        ]
    if movie is not None:
        return ["" if use else "not analysed" for use in movie.observed.tolist()]
    return [""] * n_frames


def _palette(name: str) -> str:
    """Return 256 colours as bytes in base64: red, green, blue of each."""
    colours = np.asarray(colour_map(name)(np.linspace(0, 1, 256)))[:, :3]
    return base64.b64encode(np.round(255 * colours).astype(np.uint8).tobytes()).decode("ascii")


def value_column(table: pd.DataFrame) -> str | None:
    """Return the column with the height of each detection, in the unit of the pixels.

    Parameters
    ----------
    table
        Detections.
    """
    names = [str(name) for name in table.columns]
    return next((name for stem in ("height_", "z_max_") for name in names if name.startswith(stem)), None)


def _add_detections(
    page: PageData, record: Mapping[str, Any], movie: AnalysedMovie | None, n_frames: int
) -> None:
    """Add the detections of the last tracking, or without one of the last detection, and counts by frame."""
    if movie is None:
        detected, tracks = latest_table(record, "detection"), latest_table(record, "tracking")
    else:
        detected, tracks = movie.detections, movie.tracks
    series = []
    for table, name, colour in (
        (detected, "detections", DETECTIONS),
        (tracks, "in tracks of 2 or more", PRESENT),
    ):
        if table is None or "frame" not in table:
            continue
        if table is tracks and "track_id" in table:
            table = table[table.groupby("track_id")["frame"].transform("size") > 1]
        counts: list[int | None] = np.bincount(table["frame"].to_numpy(np.intp), minlength=n_frames)[
            :n_frames
        ].tolist()
        counts = [None if why else n for n, why in zip(counts, page.plain["unusable"], strict=True)]
        series.append([name, counts, colour])
    page.plain["counts"] = series or None
    table = tracks if tracks is not None else detected
    if table is None or not {"frame", "y", "x"} <= {*table.columns} or not len(table):
        return
    table = table.sort_values("frame", kind="stable")
    value = value_column(table)
    columns: dict[str, tuple[Kind, Any]] = {
        "frame": ("i4", table["frame"]),
        "label": ("i4", table["label"] if "label" in table else np.zeros(len(table))),
        "track": ("i4", table["track_id"] if "track_id" in table else np.full(len(table), -1)),
        "y": ("f4", table["y"].round(2)),
        "x": ("f4", table["x"].round(2)),
        "value": ("f4", table[value].round(3) if value else np.full(len(table), np.nan)),
    }
    for name, (kind, values) in columns.items():
        page.blocks[f"c-{name}"] = encode_column(np.asarray(values), kind)
    page.plain["detections"] = {
        "n": len(table),
        "columns": {name: kind for name, (kind, _) in columns.items()},
    }
    words = (value or "height").rpartition("_")
    page.plain["valueName"] = words[0].replace("_", " ") or "height"
    page.plain["valueUnit"] = words[2] if value else ""
    page.plain["valueLabel"] = f"{page.plain['valueName']} ({words[2]})"


def _add_movie(page: PageData, movie: AnalysedMovie, coded: CodedMovie) -> None:
    """Add the frames."""
    low, high = (float(end) for end in movie.limits)
    times = page.plain["times"]
    width_nm = movie.stack.width * movie.stack.pixel_size_yx_nm[1]
    intervals = np.diff(times)
    for name, texts in (("f", coded.frames), ("l", coded.labels)):
        for k, text in enumerate(texts):
            (page.later if k else page.blocks)[f"{name}{k}"] = text
    bin_px = coded.detail.bin_px
    page.plain["movie"] = {
        "numbers": coded.numbers,
        "height": coded.shape[0],
        "width": coded.shape[1],
        "covered": [coded.shape[0] * bin_px, coded.shape[1] * bin_px],
        "bin": bin_px,
        "axis": coded.coding.axis,
        "low": coded.levels.low,
        "step": coded.levels.step,
        "count": coded.levels.count,
        "zrange": [low, high],
        "zlimits": [low - (high - low), high + (high - low)],
        "labels": list(movie.stack.image_shape) if coded.labels else None,
        "unit": movie.stack.unit or "arb. units",
        "interval": float(np.median(intervals)) if len(intervals) else 1.0,
        "bar": ScaleBar.for_width(width_nm).length_nm if width_nm > 0 else 0,
    }


def poster(movie: AnalysedMovie) -> str:
    """Return a typical frame as a data URI of a PNG, for a browser without scripts.

    Parameters
    ----------
    movie
        The movie.
    """
    from PIL import Image

    low, high = movie.limits
    heights: npt.NDArray[Any] = movie.pixels(movie.typical_frame)
    scaled = np.clip(np.nan_to_num((heights - low) / (high - low)), 0, 1)
    colours = np.round(255 * np.asarray(colour_map(movie.options.cmap)(scaled))[..., :3]).astype(np.uint8)
    image = Image.fromarray(colours)
    image.thumbnail((400, 400))
    file = io.BytesIO()
    image.quantize(64).save(file, format="png", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode("ascii")
