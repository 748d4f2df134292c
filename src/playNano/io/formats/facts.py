"""What is known of each format: vendor, order of the lines, where times and directions come from, what was tested.

The table of formats in docs/formats.md is generated from these entries, and `playnano info` shows them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from playNano.core.registry import by_name


@dataclass(frozen=True)
class FormatFacts:
    """Facts on a file format that hold for all of its files.

    Parameters
    ----------
    name
        Name of the reader.
    vendor
        Who makes the instrument, or the program that writes the files.
    tested_on
        On what files the reader was tested, and against what.
    keeps
        What is read besides pixels, pixel size and unit.
    first_line
        Line of the picture that is stored first: "top" or "bottom"; None if it varies or is not known. A reader that
        decides by file states it as ``first_stored_line`` of the header.
    direction
        What states the direction of the scan: a tag of the file, in words; None if nothing does.
    times
        Where the times of the frames come from, in words; None if there are none.
    own
        Whether playNano writes the files, so that directions and times are those of the movie's source.
    """

    name: str
    vendor: str
    tested_on: str
    keeps: str
    first_line: str | None = None
    direction: str | None = None
    times: str | None = None
    own: bool = False


_ONE = "start times of the files of a folder"
_MADE = "made files only, written by the published description of the format"

FORMAT_FACTS: dict[str, FormatFacts] = by_name(
    (
        FormatFacts(
            "asd",
            "high-speed AFMs of the Kanazawa design (RIBM)",
            "4 real movies (header versions 0 and 1) against independent readers; made files of versions 0, 1, 2",
            "frame time, scan direction, channels TP, ER and PH, all fields of the header",
            "bottom",
            "scan direction code of the header",
            "frame time of the header times the number of the frame",
        ),
        FormatFacts(
            "h5-jpk",
            "JPK (Bruker), NanoRacer and NanoWizard",
            "a real movie against an independent reader and the vendor's thumbnail; made files",
            "start and duration of each frame, line rate, scan direction, all channels",
            None,
            "motion and grid reflection of the file",
            "start time of each frame in the file",
        ),
        FormatFacts(
            "bundle",
            "playNano",
            "round trips",
            "everything: times, scan, metadata, steps, snapshots, masks, results, records",
            "top",
            None,
            None,
            own=True,
        ),
        FormatFacts(
            "npz",
            "playNano, numpy",
            "round trips; files written by numpy",
            "times, scan, metadata, warnings",
            "top",
            None,
            None,
            own=True,
        ),
        FormatFacts(
            "npy",
            "numpy",
            "files written by numpy",
            "nothing; pixel size, frame time and unit are given by the user",
            "top",
            None,
            "frame time given by the user",
        ),
        FormatFacts(
            "jpk",
            "JPK (Bruker), NanoWizard and NanoRacer",
            "real images and a real movie of 4 files against Gwyddion and the vendor's thumbnails; made files",
            "start and duration, line rate, scan direction, all channels with their default calibration",
            None,
            "motion and grid reflection of the file",
            _ONE,
        ),
        FormatFacts(
            "spm",
            "Bruker (Veeco, Digital Instruments), NanoScope",
            "a real movie of 4 files against Gwyddion and independent readers; made files of versions 5 and 9",
            "start, line rate, scan direction, all image channels",
            "bottom",
            "capture or frame direction of the header",
            _ONE,
        ),
        FormatFacts(
            "gwy",
            "Gwyddion",
            "2 real files against Gwyddion; made files",
            "all channels, metadata of the channel",
            "top",
        ),
        FormatFacts(
            "ibw",
            "Asylum Research (Oxford Instruments), MFP-3D and Cypher",
            "a real image against Gwyddion; made files",
            "start, line rate, scan direction, all channels, the note",
            "bottom",
            "ScanDown of the note",
            _ONE,
        ),
        FormatFacts(
            "wsxm",
            "WSxM (Nanotec)",
            "2 real images against Gwyddion; made files",
            "start, line rate, scan direction",
            "bottom",
            "Y scanning direction of the header",
            _ONE,
        ),
        FormatFacts(
            "topostats",
            "TopoStats",
            "a real file against an independent reader; made files",
            "the levelled or the original image",
            "top",
        ),
        FormatFacts(
            "nid",
            "Nanosurf, easyScan and C3000",
            "2 real files against Gwyddion and an independent reader; made files",
            "start, line time, scan direction, all image channels, the note",
            "bottom",
            "Scan direction of the header",
            _ONE,
        ),
        FormatFacts(
            "nhf",
            "Nanosurf, Studio",
            "a real file of version 1.1 against the vendor's own export; made files of versions 1 and 2",
            "start of each measurement, line rate, scan direction, all image channels",
            "bottom",
            "image_scan_direction of the file",
            "start time of each measurement in the file",
        ),
        FormatFacts(
            "sxm",
            "Nanonis (SPECS)",
            _MADE + ", which Gwyddion reads alike",
            "start, line time, scan direction, all channels, the header",
            None,
            "SCAN_DIR of the header",
            _ONE,
        ),
        FormatFacts(
            "mi",
            "Agilent, Keysight (Molecular Imaging), PicoView",
            _MADE + ", which Gwyddion reads alike",
            "line rate, scan direction, all channels, the header",
            "bottom",
            "scanUp of the header",
            None,
        ),
        FormatFacts(
            "park",
            "Park Systems",
            _MADE + ", which Gwyddion reads alike",
            "line rate, scan direction",
            "bottom",
            "scan up flag of the header",
            None,
        ),
        FormatFacts(
            "aris",
            "Asylum Research (Oxford Instruments), Jupiter and Cypher VRS (Ergo)",
            _MADE + "; no real file was at hand",
            "times of the frames, frames that are missing, all channels",
            "bottom",
            None,
            "time series of the file, or its time per frame",
        ),
        FormatFacts(
            "ardf",
            "Asylum Research (Oxford Instruments)",
            _MADE + "; no real file was at hand, and the order of its lines is not certain",
            "start, line rate, all image channels, the note",
            None,
            None,
            _ONE,
        ),
        FormatFacts(
            "bundle-05",
            "playNano 0.5",
            "files that release 0.5.0 wrote from 7 movies, against the movies; made files",
            "times, frame metadata, snapshots, masks, the record of that release",
            None,
            None,
            "as in the movie's source",
        ),
        FormatFacts(
            "ome-tiff",
            "playNano, playNano 0.5, Bio-Formats and other programs for OME-TIFF",
            "round trips; files written by tifffile, and by playNano 0.5.0 from 7 movies, against the movies",
            "times of the planes, or frame interval; channels; in files of playNano also scan, metadata, warnings",
            None,
            None,
            "times of the planes, frame interval, or the times of the movie's source",
            own=True,
        ),
        FormatFacts(
            "tiff",
            "ImageJ, Fiji and other programs",
            "files written by tifffile and by hand",
            "frame interval, unit and calibration of ImageJ, channels",
            "top",
            None,
            "frame interval of ImageJ, or given by the user",
        ),
        FormatFacts(
            "ome-zarr",
            "playNano and programs for OME-Zarr",
            "round trips; stores of version 0.4 (zarr v2) and 0.5 (zarr v3) written by zarr, and by ome-zarr-py",
            "frame interval; in stores of playNano also times, scan, metadata, warnings",
            "top",
            None,
            "frame interval of the time axis, or the times of the movie's source",
            own=True,
        ),
    )
)
"""Reader -> facts, for the formats that are read."""


def format_facts(format_name: str) -> FormatFacts | None:
    """Return the facts on a format.

    Parameters
    ----------
    format_name
        ``format`` of a movie, such as "asd" or "folder of jpk".

    Returns
    -------
    FormatFacts or None
        None for formats of plugins.

    Examples
    --------
    >>> format_facts("folder of jpk").vendor
    'JPK (Bruker), NanoWizard and NanoRacer'
    """
    return FORMAT_FACTS.get(format_name.removeprefix("folder of "))


def first_stored_line(format_name: str, header: Mapping[str, Any]) -> str | None:
    """Return which line of the picture is stored first in a file: "top" or "bottom"; None if it is not known.

    Parameters
    ----------
    format_name
        ``format`` of a movie.
    header
        Its header.

    Returns
    -------
    str or None
        The header's ``first_stored_line`` where the format does not decide it.

    Examples
    --------
    >>> first_stored_line("asd", {}), first_stored_line("jpk", {"first_stored_line": "top"})
    ('bottom', 'top')
    """
    facts = format_facts(format_name)
    if facts is not None and facts.first_line is not None:
        return facts.first_line
    stated = header.get("first_stored_line")
    return stated if facts is None or not facts.own else None
