"""Reports: the results of a movie or a study as one HTML file that opens without a network."""

from __future__ import annotations

from playNano.report.options import ReportOptions
from playNano.report.study import StudyMovie, movies_in, write_study
from playNano.report.write import write_report

__all__ = ["ReportOptions", "StudyMovie", "movies_in", "write_report", "write_study"]
