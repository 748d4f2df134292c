"""Define analysis pipelines, run them on stacks, and return the record."""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, check_module
from playNano.analysis.inputs import describe_input
from playNano.analysis.kept import KeptModules, movie_identity
from playNano.analysis.modules import BUILTIN_ANALYSIS_MODULES
from playNano.analysis.previous import PreviousResults
from playNano.analysis.run_record import AnalysisRecord as AnalysisRecord
from playNano.analysis.storable import check_storable
from playNano.core.edits import note_changed_pixels
from playNano.core.phases import phase
from playNano.core.provenance import (
    collect_warnings,
    gather_environment_info,
    to_record,
    utc_now,
)
from playNano.core.registry import Registry, plugin_groups
from playNano.core.stack import Stack
from playNano.core.step_cache import StepCache
from playNano.core.step_text import step_calls
from playNano.core.value_units import topography_doubt
from playNano.errors import PlayNanoWarning, PluginError, PluginTypeError

logger = logging.getLogger(__name__)

TABLE_COLUMNS = {"detection": ("frame",), "tracking": ("track_id", "frame", "y_nm", "x_nm")}
"""Kind -> columns that the output ``table`` of its modules must have."""

TIMED_KINDS = frozenset({"tracking", "clustering", "measurement"})
"""Kinds of modules whose results depend on the times of the frames."""


def module_registry() -> Registry[type[AnalysisModule]]:
    """Return the registry of analysis modules: built-ins and plugins."""
    return Registry("analysis module", BUILTIN_ANALYSIS_MODULES, plugin_groups("analysis", check_module))


class AnalysisPipeline:
    """A sequence of analysis modules for a stack.

    Modules and parameters are validated when they are added: a wrong name or value raises before any pixel
    is read. Every `run` creates a new record; earlier records are not modified.

    Attributes
    ----------
    steps : list of (str, dict)
        Module names and the values in effect; a default that depends on earlier modules is set when the
        pipeline runs, and is stored in the record.

    Examples
    --------
    >>> import numpy as np
    >>> stack = AFMImageStack(np.eye(3)[None], 1.0, "height", "movie.npy")
    >>> pipeline = AnalysisPipeline()
    >>> pipeline.add("count_nonzero")
    >>> record = pipeline.run(stack)
    >>> record["analysis"]["step_1_count_nonzero"]["counts"].tolist()
    [3]
    """

    def __init__(self) -> None:
        self.steps: list[tuple[str, dict[str, Any]]] = []
        self._modules: list[AnalysisModule] = []

    def add(self, module_name: str, **params: Any) -> None:
        """Add a module; return None, as in the documented interface (`add_steps` returns the pipeline).

        Parameters
        ----------
        module_name
            Name of a built-in or plugin module.
        **params
            Its parameters.

        Raises
        ------
        ValueError
            If there is no such module (the message has the most similar names), or a parameter is unknown or wrong.
        TypeError
            If the plugin with this name is not an AnalysisModule, or its kind is unknown.
        """
        module = _instance(module_name)
        where = f"step {len(self.steps) + 1} ({module_name})"
        self.steps.append((module_name, module.bind(params, where)))
        self._modules.append(module)

    def add_steps(self, steps: str | Sequence[Any]) -> AnalysisPipeline:
        """Add modules given as text or in the form of a pipeline file; return the pipeline.

        Parameters
        ----------
        steps
            ``"feature_detection:mask_fn=mask_threshold,threshold=1;particle_tracking:max_distance=5"``, or a
            list of such strings or mappings.

        Raises
        ------
        ValueError
            If a module or parameter is unknown or wrong.
        """
        for call in step_calls(steps, "steps"):
            self.add(call.name, **call.params)
        return self

    @property
    def kinds(self) -> list[str]:
        """Kinds of the planned modules, in order: "detection", "tracking", ..."""
        return [module.kind for module in self._modules]

    def clear(self) -> None:
        """Remove all planned modules."""
        self.steps.clear()
        self._modules.clear()

    def steps_for(self, stack: AFMImageStack) -> list[tuple[str, dict[str, Any]]]:
        """Return the planned steps with the values in effect for a movie.

        Parameters
        ----------
        stack
            The movie; if its pixels are not lengths, parameters that are heights in nm are left out.

        Raises
        ------
        ParameterError
            If the pixels are not lengths, and such a parameter has a value other than its default.
        """
        return [
            (name, module.for_channel(params, stack, f"step {number} ({name})"))
            for number, ((name, params), module) in enumerate(
                zip(self.steps, self._modules, strict=True), start=1
            )
        ]

    def run(
        self,
        stack: AFMImageStack,
        log_to: str | os.PathLike[str] | None = None,
        *,
        cache: StepCache | str | os.PathLike[str] | None = None,
    ) -> AnalysisRecord:
        """Run the planned modules on a stack.

        Parameters
        ----------
        stack
            The movie. Outputs are stored in ``stack.analysis``, their record in
            ``stack.provenance["analysis"]``, the environment in ``stack.provenance["environment"]`` unless it
            is set. Results of an earlier run are replaced in the stack; the record of that run is not modified.
        log_to
            JSON file for the record; large arrays are written to an HDF5 file next to it.
        cache
            A folder, or a `playNano.core.step_cache.StepCache`, with results of earlier runs: modules that have been
            run on the same movie, after the same modules, with the same values are not run again. The result does not
            depend on it. None for none.

        Returns
        -------
        AnalysisRecord
            ``{"environment", "analysis", "provenance"}``.

        Raises
        ------
        ParameterError
            If a parameter is a height in nm, and the pixels are not lengths.
        Exception
            The exception of a module, with the name of the step added; ``stack.analysis`` then contains the steps
            before.
        OSError
            If `log_to` cannot be written.
        """
        steps = self.steps_for(stack)
        if isinstance(stack, Stack):
            note_changed_pixels(stack)
        environment = gather_environment_info()
        analysis: dict[str, dict[str, Any]] = {}
        provenance: dict[str, Any] = {"steps": [], "results_by_name": {}, **describe_input(stack)}
        _attach(stack, environment, analysis, provenance)
        folder = StepCache.of(cache)
        kept = KeptModules(folder, movie_identity(stack, provenance) if folder else None, analysis)
        latest = PreviousResults()
        with collect_warnings(provenance["warnings"]):
            _warn_of_channel(stack, self.kinds)
            _warn_without_times(stack, self.kinds)
        for number, ((name, params), module) in enumerate(zip(steps, self._modules, strict=True), start=1):
            with collect_warnings(provenance["warnings"]):
                record, outputs = _run_module(number, name, module, params, stack, latest, kept)
            analysis[record["analysis_key"]] = outputs
            provenance["steps"].append(record)
            provenance["results_by_name"].setdefault(name, []).append(outputs)
            latest.put(name, module.kind, outputs, len(stack.data))
        parts = {"environment": environment, "analysis": analysis, "provenance": provenance}
        result = AnalysisRecord(parts, stack=stack if isinstance(stack, Stack) else None)
        if log_to is not None:
            from playNano.analysis.export import export_analysis_to_json

            export_analysis_to_json(log_to, result)
        return result


def _warn_of_channel(stack: AFMImageStack, kinds: Collection[str]) -> None:
    """Warn that the values of a channel in which something is detected are not heights."""
    doubt = topography_doubt(stack) if "detection" in kinds else None
    if doubt is not None:
        warnings.warn(f"{stack.file_path.name}: {doubt}", PlayNanoWarning, stacklevel=3)


def _warn_without_times(stack: AFMImageStack, kinds: Collection[str]) -> None:
    """Warn that the times and rates of a movie without frame times are numbers of frames."""
    if TIMED_KINDS.isdisjoint(kinds) or getattr(stack, "has_times", True) or len(stack.data) < 2:
        return
    name = stack.file_path.name
    warnings.warn(
        f"{name}: no frame times are known: all columns in s count frames, from 0, and rates are per frame; give "
        "the frame time where the file is loaded (--read frame_time_s=0.5 for .npy), or set "
        "stack.frame_metadata[k]['timestamp']",
        PlayNanoWarning,
        stacklevel=3,
    )


def _instance(name: str) -> AnalysisModule:
    """Return an instance of a registered module class."""
    module_class = check_module(name, module_registry()[name])
    try:
        module = module_class()
    except Exception as error:
        raise PluginError(
            f"the analysis module {name!r} cannot be created: {type(error).__name__}: {error}"
        ) from error
    return module


def _run_module(
    number: int,
    name: str,
    module: AnalysisModule,
    params: dict[str, Any],
    stack: AFMImageStack,
    latest: PreviousResults,
    kept: KeptModules,
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Run one module, or take its outputs from the cache, and return its entry of the record and its outputs."""
    in_effect = module.resolve_defaults(params, latest)
    record: dict[str, Any] = {
        "index": number,
        "name": name,
        "kind": module.kind,
        "params": to_record(in_effect),
        "timestamp": utc_now(),
        "version": getattr(module, "version", None),
        "analysis_key": f"step_{number}_{name}",
    }
    started = time.perf_counter()
    key = kept.key(module, in_effect)
    stored = kept.get(key)
    if stored is not None:
        outputs, texts, of_stack = stored
        stack.provenance["warnings"] += [
            text for text in of_stack if text not in stack.provenance["warnings"]
        ]
        for text in texts:
            warnings.warn(text, PlayNanoWarning, stacklevel=2)
        record["from_cache"] = True
    else:
        texts, before = [], list((getattr(stack, "provenance", None) or {}).get("warnings", ()))
        with collect_warnings(texts):
            outputs = _outputs(f"step {number} ({name})", module, stack, latest, in_effect)
        of_stack = [
            text for text in texts if text in stack.provenance.get("warnings", ()) and text not in before
        ]
        kept.put(key, outputs, texts, of_stack)
    record["duration_s"] = time.perf_counter() - started
    return record, outputs


def _outputs(
    where: str, module: AnalysisModule, stack: AFMImageStack, latest: PreviousResults, params: dict[str, Any]
) -> dict[str, Any]:
    """Run one module, and return its outputs, which are checked."""
    try:
        with phase(module.kind):
            outputs = module.run(stack, previous_results=latest.copy(), **params)
    except Exception as error:
        source = getattr(stack, "file_path", "the stack")
        error.add_note(f"in analysis {where} of {source}")
        logger.error("analysis %s failed: %s", where, error)
        raise
    if not isinstance(outputs, Mapping):
        raise PluginTypeError(f"{where} returned a {type(outputs).__name__}, not a dict of outputs")
    _check_table(where, module.kind, outputs.get("table"))
    check_storable(outputs, where)
    return dict(outputs)


def _check_table(where: str, kind: str, table: Any) -> None:
    """Check that a table has the columns by which results of its kind are written and drawn."""
    if table is None or kind not in TABLE_COLUMNS:
        return
    missing = [name for name in TABLE_COLUMNS[kind] if name not in getattr(table, "columns", ())]
    if missing:
        raise PluginTypeError(
            f"{where}: the output 'table' of a module of the kind {kind!r} lacks {', '.join(missing)}"
        )


def _attach(
    stack: AFMImageStack, environment: dict[str, Any], analysis: dict[str, Any], provenance: dict[str, Any]
) -> None:
    """Attach the outputs and the record of this run to the stack; they are filled as the run proceeds."""
    if not isinstance(getattr(stack, "provenance", None), dict):
        stack.provenance = {}
    if not stack.provenance.get("environment"):
        stack.provenance["environment"] = dict(environment)
    stack.provenance["analysis"] = provenance
    stack.analysis = analysis
