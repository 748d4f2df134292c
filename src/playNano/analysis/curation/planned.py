"""Put the step that applies edits by hand into the modules of an analysis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from playNano.analysis.curation.edits import Edit, edits_in_effect, merged_edits
from playNano.analysis.pipeline import module_registry
from playNano.core.step_text import StepCall
from playNano.errors import ParameterError

CURATION = "curation"
_INPUTS = ("tracking_module", "detection_module")


def with_curation(calls: Sequence[StepCall], edits: Sequence[Edit], *, anew: bool = False) -> list[StepCall]:
    """Return analysis modules with a step `curation` after the tracking, so that what follows measures edited tracks.

    Parameters
    ----------
    calls
        The modules.
    edits
        The edits; they are added to those of a curation that is there.
    anew
        Whether the edits of a curation that is there are left out.

    Raises
    ------
    ParameterError
        If no tracking is among the modules.

    Examples
    --------
    >>> from playNano.core.step_text import parse_steps
    >>> calls = parse_steps("feature_detection;particle_tracking;diffusion")
    >>> [call.name for call in with_curation(calls, [])]
    ['feature_detection', 'particle_tracking', 'curation', 'diffusion']
    """
    registry = module_registry()
    tracking = [n for n, call in enumerate(calls) if call.name in registry and _tracks(registry[call.name])]
    if not tracking:
        raise ParameterError(
            "edits are of tracks, and there is no tracking among the steps: add particle_tracking"
        )
    last = tracking[-1]
    own = calls[last]
    if own.name == CURATION:
        before = [] if anew else [Edit.from_dict(e) for e in edits_in_effect(own.params.get("edits", []))]
        step = replace(own, params={**own.params, "edits": _plain(merged_edits(before, edits))})
        return [*calls[:last], step, *calls[last + 1 :]]
    step = StepCall(CURATION, {"edits": _plain(edits)})
    return [*calls[: last + 1], step, *(_on_edited(call, own.name) for call in calls[last + 1 :])]


def _plain(edits: Sequence[Edit]) -> list[dict[str, object]]:
    return [edit.to_dict() for edit in edits]


def _tracks(module: object) -> bool:
    return getattr(module, "kind", "") == "tracking"


def _on_edited(call: StepCall, tracking: str) -> StepCall:
    """Return a module that takes the edited tracks, if it was to take those of the tracking."""
    changed = {name: CURATION for name in _INPUTS if call.params.get(name) == tracking}
    return replace(call, params={**call.params, **changed}) if changed else call
