"""Write the report of a movie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.record_file import listed_record
from playNano.core.files import atomic_write
from playNano.core.phases import phase
from playNano.core.provenance import latest_table, outputs_of_kind
from playNano.core.result_folder import Run
from playNano.io.export.render import PictureOptions
from playNano.plots.analysed import AnalysedMovie
from playNano.report.data import PageData, page_data, poster, value_column
from playNano.report.figures import figures_of
from playNano.report.methods import methods_text, references
from playNano.report.model import REPORT, quality_model, record_model, summary_of
from playNano.report.movie import CodedMovie, code_movie
from playNano.report.options import ReportOptions
from playNano.report.page import render
from playNano.report.svg import histogram, quality_strip
from playNano.report.tables import report_tables
from playNano.report.validation import validation_model
from playNano.report.words import printed_unit, with_signs


@dataclass(frozen=True)
class Written:
    """A report that was written.

    Parameters
    ----------
    path
        The file.
    bytes
        Its size.
    remarks
        What of the movie is not in it, in words.
    """

    path: Path
    bytes: int
    remarks: tuple[str, ...]


def write_report(
    record: Mapping[str, Any],
    movie: AnalysedMovie | None,
    path: str | Path,
    options: ReportOptions | None = None,
    *,
    folder: str | Path | None = None,
    no_movie: str = "the movie was left out of this report",
) -> Written:
    """Write the results of a movie as one HTML file that opens without a network.

    The same record and movie give the same bytes.

    Parameters
    ----------
    record
        A record as `AnalysisPipeline.run` returns it, or `playNano.analysis.record_file.read_record`.
    movie
        The levelled movie with its detections, `AnalysedMovie.of`; None without pixels.
    path
        The file; its folder must exist.
    options
        Whether the frames are in the report, and its maximum size; None for the defaults.
    folder
        Folder of the results, in which a validation is looked up.
    no_movie
        Why the frames are not in the report, where they are not.

    Returns
    -------
    Written
        The file, its size, and what was left out.

    Raises
    ------
    OSError
        If the file cannot be written.
    FileFormatError
        A validation beside the results is damaged.

    Examples
    --------
    >>> import tempfile, warnings
    >>> from playNano.afm_stack import AFMImageStack
    >>> from playNano.analysis.pipeline import AnalysisPipeline
    >>> stack = AFMImageStack(np.random.default_rng(0).normal(0, 0.1, (3, 16, 16)), 2.0, "h", "m.asd")
    >>> record = AnalysisPipeline().run(stack)
    >>> with tempfile.TemporaryDirectory() as place:
    ...     report = write_report(record, AnalysedMovie.of(stack, record), Path(place) / "report.html")
    ...     text = report.path.read_text(encoding="utf-8")
    >>> "<title>m.asd" in text, report.remarks
    (True, ())
    """
    options = options or ReportOptions()
    tables, left_out = report_tables(record)
    if not options.movie:
        no_movie = "the movie was left out (--no-movie)"
    values = _values(record, movie, folder)
    values |= {"tables": tables, "left_out": left_out, "no_movie": no_movie}
    coded: CodedMovie | None = None
    if movie is not None and options.movie and movie.stack.n_frames:
        without = len(_page(values, page_data(record, movie, None, tables), None, movie))
        coded = code_movie(movie, max(options.size_mb * 1e6 - without - 100_000, 0))
    data = page_data(record, movie, coded, tables)
    text = _page(values, data, coded, movie)
    with atomic_write(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")
    reductions = (
        () if coded is None or movie is None else tuple(coded.reductions(movie.stack.unit or "arb. units"))
    )
    return Written(Path(path), len(text.encode("utf-8")), reductions)


def write_result_report(
    run: Run, record: Mapping[str, Any], stack: AFMImageStack, pictures: PictureOptions | None = None
) -> None:
    """Write report.html among the results of a run, before its record.

    Parameters
    ----------
    run
        The folder of the run, with all files except record.json.
    record
        The record.
    stack
        The levelled movie.
    pictures
        Colour map and height range; None for the defaults.

    Raises
    ------
    OSError
        If the file cannot be written.
    """
    with phase(REPORT):
        movie = AnalysedMovie.of(stack, record, pictures)
        write_report(listed_record(run, record), movie, run.path / REPORT)


def _page(
    values: dict[str, Any], data: PageData, coded: CodedMovie | None, movie: AnalysedMovie | None
) -> str:
    """Return the text of a report."""
    player = None
    if coded is not None and movie is not None:
        unit = movie.stack.unit or "arb. units"
        player = {
            "step": f"{coded.levels.step:.2g} {unit}",
            "noise": f"{coded.noise:.2g} {unit}",
            "reductions": coded.reductions(unit),
            "poster": poster(movie),
            "poster_frame": movie.typical_frame,
            "times_known": data.plain["timesKnown"],
            "has_tracks": data.plain["detections"] is not None and movie.tracks is not None,
        }
    return render(
        "report.html.j2",
        {
            **values,
            "player": player,
            "blocks": data.blocks,
            "later": data.later,
            "has_counts": bool(data.plain["counts"]),
        },
        data.plain,
    )


def _values(
    record: Mapping[str, Any], movie: AnalysedMovie | None, folder: str | Path | None
) -> dict[str, Any]:
    """Return the variables of the template that do not depend on the frames."""
    quality = quality_model(record)
    return {
        "model": record_model(record),
        "quality": quality,
        "strip": None if quality is None else quality_strip(quality["usable"], quality["flags"]),
        "histograms": _histograms(record),
        "tracks": _tracks_in_words(record),
        "links": _links(record),
        "figures": figures_of(record),
        "validation": validation_model(None if folder is None else Path(folder)),
        "methods": methods_text(record),
        "references": references(record),
    }


def _histograms(record: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the histograms of heights: of all detections, and of the means of tracks."""
    found = []
    table = latest_table(record, "detection")
    value = None if table is None else value_column(table)
    if table is not None and value is not None:
        stem, _, unit = value.rpartition("_")
        label = f"{stem.replace('_', ' ')} ({printed_unit(unit)})"
        found.append(
            {
                "caption": "Heights of all detections.",
                "svg": histogram(table[value], label, "detections", (0, 99.8)),
            }
        )
        tracks = latest_table(record, "tracking")
        if tracks is not None and value in tracks and "track_id" in tracks:
            by_track = tracks.groupby("track_id")[value].agg(["mean", "size"])
            means = by_track.loc[by_track["size"] > 1, "mean"]
            caption = "Mean heights of tracks with two or more detections."
            found.append({"caption": caption, "svg": histogram(means, f"mean {label}", "tracks", (0, 99.8))})
    return [entry for entry in found if entry["svg"] is not None]


def _tracks_in_words(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return whether there are tracks of use, in words; None without a tracking step."""
    table = latest_table(record, "tracking")
    if table is None or "track_id" not in table:
        return None
    lengths = np.sort(table["track_id"].value_counts().to_numpy())
    longer = int((lengths > 1).sum())
    if not len(lengths):
        words = "There are no tracks: nothing was detected, or nothing was linked."
    elif not longer:
        words = f"There are no tracks of use: each of the {len(lengths)} tracks is a single detection."
    else:
        single = len(lengths) - longer
        words = f"{longer} tracks of two or more detections, the longest of {lengths[-1]}; {single} single detections."
    return {"words": words, "any": longer > 0}


def _links(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how far the links can be trusted; None without a tracking step."""
    outputs = [*outputs_of_kind(record, "tracking").values()]
    if not outputs:
        return None
    summary = summary_of(outputs[-1])
    links = outputs[-1].get("links")
    judged = summary.get("trackability")
    confidence = links["confidence"] if links is not None and "confidence" in links else []
    return {
        "verdict": str(judged.get("verdict", "")) if isinstance(judged, Mapping) else "",
        "reason": with_signs(str(judged.get("reason", ""))) if isinstance(judged, Mapping) else "",
        "histogram": histogram(confidence, "confidence of a link", "links", limits=(0.0, 1.0)),
        "messages": [with_signs(str(text)) for text in summary.get("messages", ())],
    }
