"""The record of a run as a dict that a notebook shows, with figures of its results."""

from __future__ import annotations

import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from playNano.core.accessors import accessor
from playNano.core.stack import Stack


class AnalysisRecord(dict[str, Any]):
    """Record of an analysis, as `AnalysisPipeline.run` returns it.

    ``environment``: versions and machine. ``analysis``: outputs by ``"step_<n>_<module>"``. ``provenance``:
    ``record_version``, ``steps`` (each ``index, name, kind, params, timestamp, version, analysis_key, duration_s``),
    ``results_by_name`` (module -> list of its outputs), ``frame_times`` (s), ``frame_times_known``,
    ``input`` (see `playNano.analysis.inputs.describe_input`), ``warnings`` (what makes the movie or a result doubtful,
    one text each) and ``processing`` (the processing steps run before).

    Parameters
    ----------
    content
        These values.
    stack
        The levelled movie, to which only a weak reference is kept; None if it is not at hand.
    path
        record.json, if the record was read from a file.

    Examples
    --------
    >>> AnalysisRecord({"analysis": {}}) == {"analysis": {}}
    True
    """

    def __init__(
        self, content: Mapping[str, Any], *, stack: Stack | None = None, path: Path | None = None
    ) -> None:
        super().__init__(content)
        self._stack = None if stack is None else weakref.ref(stack)
        self._path = path

    @property
    def stack(self) -> Stack | None:
        """The levelled movie, as long as it is in use elsewhere; else None."""
        return None if self._stack is None else self._stack()

    @property
    def path(self) -> Path | None:
        """Its record.json; None if it was not read from a file."""
        return self._path

    @property
    def plot(self) -> Any:
        """Figures of the results, ``record.plot.tracks()``; see `playNano.plots.accessor.RecordPlots`."""
        return accessor("plots of a record")(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Return what a copy or another process needs: the values."""
        return AnalysisRecord, (dict(self),)

    def __repr__(self) -> str:
        """Return the movie and the steps; the values are in the hundreds of kilobytes."""
        movie = self.get("provenance", {}).get("input", {}).get("file")
        return f"<AnalysisRecord of {movie!r}: {', '.join(self.get('analysis', {})) or 'no step'}>"

    def _repr_html_(self) -> str:
        """Return warnings, steps and results for a notebook."""
        return str(accessor("record in a notebook")(self))
