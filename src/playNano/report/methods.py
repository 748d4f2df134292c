"""Text on methods that can go into a paper, and the references of the algorithms in use."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from playNano.analysis.pipeline import module_registry
from playNano.core.docstrings import sections
from playNano.errors import PlayNanoError
from playNano.processing.steps import step_registry
from playNano.report.model import summary_of
from playNano.report.words import number, title, with_signs

ALGORITHMS: dict[str, tuple[str, ...]] = {
    "frame_quality": ("quality.quality:frame_quality",),
    "feature_detection": (
        "regions.regions:find_regions",
        "segmentation.segment:segment",
        "segmentation.estimate:estimate_levels",
    ),
    "log_blob_detection": ("blobs.blobs:find_blobs",),
    "peak_detection": ("peaks.peaks:find_peaks",),
    "template_detection": ("peaks.templates:find_templates",),
    "particle_tracking": ("linking.trackability:judge_trackability",),
    "k_means_clustering": ("clustering.methods:kmeans",),
    "dbscan_clustering": ("clustering.methods:dbscan",),
    "hdbscan_clustering": ("clustering.methods:hdbscan",),
    "x_means_clustering": ("clustering.xmeans:xmeans",),
    "diffusion": (
        "measurement.diffusion.pooled:fit_pooled",
        "measurement.diffusion.population:best_mixture",
        "measurement.diffusion.anomalous:fit_alpha",
        "measurement.intervals:jackknife_t",
    ),
    "dwell_times": (
        "measurement.dwell.dwell_times:measure_dwell_times",
        "measurement.dwell.survival:survival_curve",
        "measurement.dwell.exponential:fit_rate",
    ),
    "populations": ("measurement.populations.mixture:fit_mixture", "measurement.intervals:jackknife_t"),
    "states": ("measurement.states.measure:measure_states",),
    "arrangement": (
        "measurement.arrangement.arrangement:measure_arrangement",
        "measurement.arrangement.nearest:distance_function",
        "measurement.arrangement.null_models:global_test",
    ),
    "rotation": (
        "measurement.rotation.circle_filter:CircleFilter",
        "measurement.rotation.rotation:axial_order",
    ),
    "stepping": ("measurement.stepping.steps:find_steps",),
    "level": ("surface.noise:robust_noise",),
}
"""Step or module -> algorithms in `playNano.algorithms` whose docstrings have its references."""

_DOI = re.compile(r"\s*doi[: ]\s*(10\.\S+?)(?=[.,;]?(?:\s|$))")


def methods_text(record: Mapping[str, Any]) -> list[str]:
    """Return how the movie was analysed, a paragraph for processing and one for each module.

    Parameters
    ----------
    record
        The record.

    Returns
    -------
    list of str
        Sentences with every parameter that is not at its default, and with values that were found from the movie.
    """
    provenance, environment = record["provenance"], record["environment"]
    commit = environment.get("playNano_commit")
    source = f" (commit {commit[:10]})" if commit else ""
    paragraphs = [
        f"The movie was analysed with playNano {environment.get('playNano_version', '')}{source} on Python "
        f"{environment.get('python_version', '')}."
    ]
    for step in provenance.get("processing", ()):
        paragraphs.append(_sentence(step, step_registry(), {}))
    for step in provenance.get("steps", ()):
        outputs = record["analysis"].get(step.get("analysis_key"), {})
        paragraphs.append(_sentence(step, module_registry(), outputs))
    return paragraphs


def _sentence(step: Mapping[str, Any], registry: Any, outputs: Mapping[str, Any]) -> str:
    """Return what a step did, its values, and what it found."""
    name = str(step.get("name"))
    version = f", version {step['version']}" if step.get("version") else ""
    text = f"{title(name)} ({name}{version}): "
    target = _target(name, registry)
    text += _summary(target[0]) if target else "a step of its own."
    changed = _changed(step.get("params") or {}, target[1] if target else ())
    if changed:
        text += f" Parameters: {', '.join(changed)}."
    elif target:
        text += " All parameters at their defaults."
    summary = summary_of(outputs)
    found = [str(summary[key]) for key in ("detected_as", "segmentation") if key in summary]
    if step.get("kind") == "tracking":
        found += [str(text) for text in summary.get("messages", ())]
    return with_signs(text + (f" From the movie: {'; '.join(found)}." if found else ""))


def _target(name: str, registry: Any) -> tuple[Any, tuple[Any, ...]] | None:
    """Return the documented object of a step and its parameters; None if it is not installed here."""
    try:
        entry = registry[name]
    except PlayNanoError:
        return None
    if hasattr(entry, "declarations"):
        return entry, tuple(p for declaration in entry.declarations() for p in declaration.parameters())
    return entry.function, tuple(entry.declaration.parameters())


def _summary(target: Any) -> str:
    return (inspect.getdoc(target) or "").partition("\n")[0]


def _changed(params: Mapping[str, Any], declared: tuple[Any, ...]) -> list[str]:
    """Return the parameters that are not at their defaults, as text."""
    defaults = {parameter.name: parameter for parameter in declared}
    texts = []
    for name, value in params.items():
        parameter = defaults.get(name)
        if value is None or (
            parameter is not None and not parameter.required and _same(parameter.default, value)
        ):
            continue
        unit = f" {parameter.unit}" if parameter is not None and getattr(parameter, "unit", None) else ""
        texts.append(f"{name} = {number(value) if isinstance(value, float | int | str) else value}{unit}")
    return texts


def _same(default: Any, value: Any) -> bool:
    if isinstance(default, tuple | list) and isinstance(value, tuple | list):
        return [*default] == [*value]
    return bool(default == value)


def references(record: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the references of the steps that ran, each once, in alphabetical order.

    Parameters
    ----------
    record
        The record.

    Returns
    -------
    list of dict
        ``text``, and ``doi`` ("" where there is none).
    """
    provenance = record["provenance"]
    texts: list[str] = []
    for steps, registry in (
        (provenance.get("processing", ()), step_registry()),
        (provenance.get("steps", ()), module_registry()),
    ):
        for name in dict.fromkeys(str(step.get("name")) for step in steps):
            target = _target(name, registry)
            objects = [target[0], getattr(target[0], "run", None)] if target else []
            objects += [algorithm(place) for place in ALGORITHMS.get(name, ())]
            texts += [text for item in objects if item is not None for text in references_of(item)]
    return unique([{"text": _DOI.sub("", text).rstrip(" ,.;"), "doi": _doi(text)} for text in texts])


def unique(found: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return references without repeats: the longest text of each doi, in alphabetical order.

    Parameters
    ----------
    found
        ``text`` and ``doi`` of each.

    Examples
    --------
    >>> found = [{"text": "B 1999", "doi": "10.1/x"}, {"text": "A", "doi": ""}, {"text": "B: T, 1999", "doi": "10.1/x"}]
    >>> unique(found)
    [{'text': 'A', 'doi': ''}, {'text': 'B: T, 1999', 'doi': '10.1/x'}]
    """
    kept: dict[str, dict[str, str]] = {}
    for entry in found:
        key = entry["doi"].lower() or re.sub(r"\W+", " ", entry["text"].lower())[:50]
        if key not in kept or len(entry["text"]) > len(kept[key]["text"]):
            kept[key] = entry
    return sorted(kept.values(), key=lambda entry: entry["text"].lower())


def algorithm(place: str) -> Any:
    """Return the function or class of an entry of `ALGORITHMS`.

    Parameters
    ----------
    place
        "package.module:name", within `playNano.algorithms`.
    """
    module, _, name = place.partition(":")
    return getattr(import_module(f"playNano.algorithms.{module}"), name)


def references_of(target: Any) -> list[str]:
    """Return the references in the docstring of a function or class, one text each.

    Parameters
    ----------
    target
        The function or class.

    Examples
    --------
    >>> from playNano.algorithms.surface.noise import robust_noise
    >>> references_of(robust_noise)[0][:12]
    'Immerkaer J.'
    """
    text = " ".join(sections(inspect.getdoc(target) or "").get("References", "").split())
    text = re.sub(r"\.\. \[\d+\] ", "", text)
    # A reference ends with its doi, its year or its pages, and a full stop before a name.
    parts = re.split(r"(?<=[\w)])[.;] (?=[A-Z][\w'-]+(?:,| [A-Z]\.| et al|:))(?<!\b[A-Z]\. )", text)
    joined: list[str] = []
    for part in parts:
        complete = joined and re.search(r"10\.\d{4,}/\S+$|\b(1[89]|20)\d\d\b", joined[-1])
        if joined and not complete:
            joined[-1] += f". {part}"
        else:
            joined.append(part)
    return [part.strip() for part in joined if part.strip()]


def _doi(text: str) -> str:
    found = _DOI.search(text)
    return found[1].rstrip(".,;") if found else ""
