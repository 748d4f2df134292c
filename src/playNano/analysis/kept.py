"""Keep the outputs of the modules of an analysis in a cache."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.analysis.defaults import DefaultAnalysis, Objects, default_analysis
from playNano.analysis.inputs import describe_input
from playNano.core.edits import FRAMES, OUTSIDE, PixelMark
from playNano.core.files import temporary_path
from playNano.core.lazy import FrameArray
from playNano.core.provenance import array_fingerprint
from playNano.core.serialize import StoredFrames
from playNano.core.serialize.values import is_table
from playNano.core.stack import Stack
from playNano.core.step_cache import StepCache, is_plain, key_of
from playNano.core.step_text import StepCall
from playNano.core.tables import LastMasks, TableView
from playNano.processing.steps import step_registry

_PASSING = ("timestamp", "duration_s", "from_cache")
_FRAMES = "frames"


def movie_identity(stack: Any, described: Mapping[str, Any] | None = None) -> dict[str, Any] | None:
    """Return all properties of a movie on which the result of a module of playNano can depend, as plain values.

    These modules read the pixels, the raw pixels, calibration, times, metadata and record of a stack, and no other
    snapshot or mask.

    Parameters
    ----------
    stack
        The movie.
    described
        Return value of `describe_input`, if it is known.

    Returns
    -------
    dict or None
        None if the movie is not determined by them: a lazy one that is not of a file, or was changed by other than
        playNano's own steps.
    """
    if not isinstance(stack, Stack):
        return None
    described = describe_input(stack) if described is None else described
    given = described["input"]
    pixels = _identity_of_lazy(stack, described) if stack.is_lazy else _identity_of_pixels(stack, given)
    if pixels is None:
        return None
    taken = (
        "channel",
        "requested_channel",
        "unit",
        "shape",
        "dtype",
        "frames",
        "pixel_size_nm",
        "times_from",
    )
    return {
        "name": stack.file_path.name,
        "named_channel": stack.channel,
        "pixels": pixels,
        **{key: given[key] for key in taken},
        "times": [described["frame_times"], described["frame_times_known"]],
        "frame_metadata": stack.frame_metadata,
        "scan": None if stack.scan is None else stack.scan.to_dict(),
        "metadata": stack.metadata,
        "processing": [
            {key: value for key, value in step.items() if key not in _PASSING}
            for step in described["processing"]
        ],
    }


def _identity_of_pixels(stack: Stack, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the checksums of pixels in memory, and of those before the first step."""
    raw = stack.processed.get("raw")
    return {"checksum": given["checksum"], "raw": None if raw is None else array_fingerprint(raw)}


def _identity_of_lazy(stack: Stack, described: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what determines the pixels of a lazy movie besides its steps: the file, and how it was read."""
    given, raw = described["input"], stack.processed.get("raw")
    done = described["processing"][given["steps_before"] :]
    # These steps are of earlier runs, whose code is not known, or of this process.
    plugins = [
        step for step in done if step["kind"] not in (OUTSIDE, FRAMES, "clear") and _is_plugin(step["name"])
    ]
    changed = raw is not None and stack.marks.get("raw") not in (None, PixelMark.of(raw))
    known = given["raw"] is not None and given["raw"]["sha256"] is not None
    if not known or plugins or changed or any(step["kind"] == OUTSIDE for step in done):
        return None
    return {"file": given["raw"]["sha256"], "options": given["reader_options"]}


def _is_plugin(name: str) -> bool:
    """Return whether a processing step is none of playNano's own."""
    registry = step_registry()
    return name not in registry or not str(registry[name].function.__module__).startswith("playNano.")


@dataclass
class KeptModules:
    """The cache of one run of an analysis.

    Parameters
    ----------
    cache
        The cache; None for none.
    movie
        Return value of `movie_identity`.
    analysis
        Outputs of the modules that have run, by ``"step_<n>_<module>"``.
    chain
        Name, version and parameters of these modules; None after a plugin, on which later modules may depend.
    """

    cache: StepCache | None
    movie: Mapping[str, Any] | None
    analysis: Mapping[str, Mapping[str, Any]]
    chain: list[Any] | None = field(default_factory=list)

    def key(self, module: Any, params: Mapping[str, Any]) -> str | None:
        """Add a module to the chain, and return the key of its outputs; None if they cannot be kept.

        Parameters
        ----------
        module
            The module, which is about to run.
        params
            The values in effect.

        Returns
        -------
        str or None
            The key.
        """
        if self.cache is None or self.movie is None or self.chain is None:
            return None
        own = type(module).__module__.startswith("playNano.")
        names = [value for value in params.values() if isinstance(value, str) and value in step_registry()]
        if not own or not is_plain(params) or any(map(_is_plugin, names)):
            self.chain = None
            return None
        self.chain.append([module.name, module.version, dict(params)])
        if module.writes_files:
            return None
        return key_of(kind="analysis", movie=self.movie, modules=self.chain)

    def get(self, key: str | None) -> tuple[dict[str, Any], list[str], list[str]] | None:
        """Return outputs from the cache.

        Parameters
        ----------
        key
            Return value of `key`.

        Returns
        -------
        tuple or None
            Outputs; texts of the warnings of the module; those of them that it gave as warnings of the stack. None if
            they are not in the cache.
        """
        if self.cache is None or key is None:
            return None
        entry = self.cache.get(key, _frames_on_demand)
        if entry is None:
            return None
        outputs = {name: self._decoded(value) for name, value in entry["outputs"].items()}
        return outputs, entry["warnings"], entry["of_stack"]

    def put(self, key: str | None, outputs: Mapping[str, Any], texts: list[str], of_stack: list[str]) -> None:
        """Keep outputs, if they can be restored exactly.

        Parameters
        ----------
        key
            Return value of `key`.
        outputs
            Output name -> value.
        texts, of_stack
            Texts of warnings, as in `get`.
        """
        if self.cache is None or key is None:
            return
        earlier = {
            id(value): [step, name]
            for step, values in self.analysis.items()
            for name, value in values.items()
            if isinstance(value, np.ndarray | FrameArray | TableView) or is_table(value)
        }
        encoded = {name: _encoded(value, earlier) for name, value in outputs.items()}
        if all(value is not None for value in encoded.values()):
            self.cache.put(key, {"outputs": encoded, "warnings": texts, "of_stack": of_stack})

    def _decoded(self, value: Mapping[str, Any]) -> Any:
        """Return an output that `_encoded` described."""
        (kind, stored), *_ = value.items()
        if kind == "earlier":
            return self._earlier(stored)
        if kind == "masks":
            positions = {group: (frame, label) for group, frame, label in stored["positions"]}
            return LastMasks(self._earlier(stored["labels"]), positions)
        return stored

    def _earlier(self, place: tuple[str, str]) -> Any:
        step, name = place
        return self.analysis[step][name]


def _encoded(value: Any, earlier: Mapping[int, list[str]]) -> dict[str, Any] | None:
    """Return an output as it is stored: an output of an earlier module by its place; None if it is not exact."""
    if id(value) in earlier:
        return {"earlier": earlier[id(value)]}
    if isinstance(value, FrameArray):
        return {_FRAMES: value} if value.ndim == 3 else None
    if isinstance(value, LastMasks):
        if id(value.labels) not in earlier:
            return None
        positions = [[group, *place] for group, place in value.positions.items()]
        return {"masks": {"labels": earlier[id(value.labels)], "positions": positions}}
    return {"value": value} if _is_exact(value) else None


def _is_exact(value: Any) -> bool:
    """Return whether a value is read from an HDF5 file exactly as it was written."""
    if type(value) is dict:
        return all(isinstance(key, str | int) for key in value) and all(map(_is_exact, value.values()))
    if type(value) in (list, tuple):
        return all(map(_is_exact, value))
    if type(value) is np.ndarray:
        return value.dtype.kind in "biufcU" and value.dtype.isnative
    if isinstance(value, TableView):
        return _is_exact(value.table)
    if is_table(value):
        plain = all(
            getattr(dtype, "kind", "O") in "biufc" or str(dtype) in ("object", "str")
            for dtype in value.dtypes
        )
        index = value.index
        return plain and type(index).__name__ == "RangeIndex" and (index.start, index.step) == (0, 1)
    return value is None or type(value) in (bool, int, float, str) or isinstance(value, np.generic)


def _frames_on_demand(path: Path, member: Any) -> FrameArray | None:
    """Return the frames of a lazy output, which are read when they are used; None for an array that is read now."""
    parts = member.name.split("/")  # /value/outputs/<output>/frames
    if parts[-1] != _FRAMES or len(parts) != 5:
        return None
    own = _own_link(path)
    stored = StoredFrames(own, member.name, member.shape, member.dtype)
    frames = FrameArray(partial(_read_frames, stored), member.shape, member.dtype, by_chunk=True)
    if own != path:
        weakref.finalize(frames, _remove, own)
    return frames


def _own_link(path: Path) -> Path:
    """Return another name of an entry, which stays readable when the cache removes it; the same where none can be."""
    link = temporary_path(path.with_name("open.h5"))
    try:
        os.link(path, link)
    except OSError:
        return path
    return link


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink()


def _read_frames(stored: StoredFrames, start: int, stop: int) -> npt.NDArray[Any]:
    return np.asarray(stored[start:stop])


def kept_default_analysis(cache: StepCache | None, stack: Any, objects: Objects) -> DefaultAnalysis:
    """Return the analysis modules that suit a movie, from a cache if possible.

    Parameters
    ----------
    cache
        The cache; None to examine the movie.
    stack
        The movie, after the processing steps.
    objects
        What it shows; see `playNano.analysis.defaults.default_analysis`.

    Returns
    -------
    DefaultAnalysis
        The modules.
    """
    movie = None if cache is None else movie_identity(stack)
    if cache is None or movie is None:
        return default_analysis(stack, objects)
    key = key_of(kind="default analysis", movie=movie, objects=objects)
    entry = cache.get(key)
    if entry is not None:
        return DefaultAnalysis([StepCall(*call) for call in entry["calls"]], entry["reason"], entry["doubts"])
    taken = default_analysis(stack, objects)
    calls = [(call.name, call.params) for call in taken.calls]
    cache.put(key, {"calls": calls, "reason": taken.reason, "doubts": taken.doubts})
    return taken
