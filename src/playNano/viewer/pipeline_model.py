"""The pipeline that is built in the viewer: steps and modules with given values; without Qt."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playNano.analysis.defaults import Objects
from playNano.analysis.plan import Plan
from playNano.cli.pipeline_file import plan_in_effect, write_plan
from playNano.core.step_text import StepCall
from playNano.errors import ParameterError
from playNano.processing.pipeline import CLEAR


@dataclass
class Entry:
    """A step or module of the pipeline.

    Parameters
    ----------
    name
        Its name.
    analysis
        Whether it is an analysis module.
    given
        Values by name; others have their defaults.
    """

    name: str
    analysis: bool
    given: dict[str, Any] = field(default_factory=dict)


@dataclass
class PipelineModel:
    """An editable pipeline: processing steps, then analysis modules.

    Parameters
    ----------
    entries
        Steps and modules, in order.
    objects
        What the movie shows, if the modules are those of the default analysis; None: as in `entries`.

    Examples
    --------
    >>> model = PipelineModel()
    >>> model.add("particle_tracking", analysis=True), model.add("level", analysis=False)
    (0, 0)
    >>> [entry.name for entry in model.entries]
    ['level', 'particle_tracking']
    """

    entries: list[Entry] = field(default_factory=list)
    objects: Objects | None = None

    @classmethod
    def of_plan(cls, plan: Plan) -> PipelineModel:
        """Return the model of a plan.

        Parameters
        ----------
        plan
            The plan.
        """
        entries = [Entry(call.name, False, dict(call.params)) for call in plan.processing]
        entries += [Entry(call.name, True, dict(call.params)) for call in plan.analysis]
        return cls(entries, plan.objects)

    def plan(self) -> Plan:
        """Return the plan, not validated."""
        calls = [(entry.analysis, StepCall(entry.name, dict(entry.given))) for entry in self.entries]
        analysis = [] if self.objects is not None else [call for is_module, call in calls if is_module]
        return Plan([call for is_module, call in calls if not is_module], analysis, objects=self.objects)

    def add(self, name: str, *, analysis: bool) -> int:
        """Add a step after the last step, or a module after the last module; return its position.

        Parameters
        ----------
        name
            Its name.
        analysis
            Whether it is an analysis module.
        """
        position = len(self.entries) if analysis else sum(not entry.analysis for entry in self.entries)
        self.entries.insert(position, Entry(name, analysis))
        return position

    def move(self, position: int, by: int) -> int:
        """Move a step among the steps, or a module among the modules; return its new position.

        Parameters
        ----------
        position
            Its position.
        by
            1 for down, -1 for up.
        """
        other = position + by
        within = 0 <= other < len(self.entries) and 0 <= position < len(self.entries)
        if not within or self.entries[other].analysis != self.entries[position].analysis:
            return position
        self.entries[position], self.entries[other] = self.entries[other], self.entries[position]
        return other

    def save(self, path: Path) -> None:
        """Write a pipeline file with all values in effect.

        Parameters
        ----------
        path
            The file.

        Raises
        ------
        ParameterError
            A value is wrong; or the modules are taken by the movie, so that they are not known before it is run.
        """
        if self.objects is not None:
            raise ParameterError(
                "the modules are taken by the movie when it is run: run it (its folder has pipeline.yaml), or select "
                "'modules as listed'"
            )
        write_plan(plan_in_effect(self.plan()), path)


def has_form(entry: Entry) -> bool:
    """Return whether an entry has parameters of its own: all but the step that clears the mask.

    Parameters
    ----------
    entry
        The entry.
    """
    return entry.name != CLEAR
