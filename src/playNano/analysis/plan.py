"""Plans of processing steps and analysis modules, given on the command line or in a pipeline file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast, get_args

from playNano.afm_stack import AFMImageStack
from playNano.analysis.curation.edits import Edit, merged_edits
from playNano.analysis.curation.planned import with_curation
from playNano.analysis.defaults import DefaultAnalysis, Objects, default_processing
from playNano.analysis.kept import kept_default_analysis
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.edits import frame_range
from playNano.core.remember import remember
from playNano.core.step_cache import StepCache
from playNano.core.step_text import StepCall, parse_steps, read_pipeline_file, read_pipeline_input
from playNano.errors import ParameterError
from playNano.processing.pipeline import ProcessingPipeline


@dataclass(frozen=True)
class Plan:
    """Steps and modules to run on a movie, with parameters as text, not validated yet.

    Parameters
    ----------
    processing
        Processing steps, in order.
    analysis
        Analysis modules, in order.
    input
        The movie for which a pipeline file was written; see `read_pipeline_input`.
    objects
        What the movie shows, if the modules are to be taken by that after processing; None: as in `analysis`.
    selections
        Number of processing steps before frames are selected, and these frames: ``first, step, count``.
    taken
        The modules that `for_movie` has taken, and why.
    edits
        Edits of the tracks that `for_movie` takes; where the modules are known, a step `curation` has them.

    Examples
    --------
    >>> plan = Plan.from_options("remove_plane;zero_mean", "count_nonzero", None)
    >>> processing, analysis = plan.bind()
    >>> [step.name for step in processing.steps], analysis.steps
    (['remove_plane', 'zero_mean'], [('count_nonzero', {})])
    """

    processing: list[StepCall] = field(default_factory=list)
    analysis: list[StepCall] = field(default_factory=list)
    input: dict[str, Any] = field(default_factory=dict)
    objects: Objects | None = None
    taken: DefaultAnalysis | None = None
    selections: list[tuple[int, dict[str, int]]] = field(default_factory=list)
    edits: tuple[Edit, ...] = ()

    @classmethod
    def default(cls, objects: Objects = "auto") -> Plan:
        """Return the plan that needs no number: levelling, quality control, detection and tracking.

        Parameters
        ----------
        objects
            What the movie shows; see `playNano.analysis.defaults.default_analysis`.

        Examples
        --------
        >>> Plan.default().processing
        [StepCall(name='level', params={})]
        """
        return cls(default_processing(objects), objects=objects)

    @classmethod
    def from_options(
        cls,
        processing: str | None,
        analysis: str | None,
        pipeline: Path | None,
        objects: str | None = None,
    ) -> Plan:
        """Create a plan from step strings or from a pipeline file.

        Parameters
        ----------
        processing
            Processing steps, such as ``"remove_plane;gaussian_filter:sigma=1"``.
        analysis
            Analysis modules, in the same form.
        pipeline
            YAML file with the lists ``processing`` and ``analysis``.
        objects
            What the movie shows, one of `playNano.analysis.defaults.Objects`: then the modules, and without
            processing steps also these, are those of the default analysis.

        Raises
        ------
        ParameterError
            If analysis modules are given in more than one way, or nothing is given.
        """
        if objects is not None and (pipeline is not None or analysis is not None):
            raise ParameterError(
                "objects are for the default analysis: leave out the analysis steps, or objects"
            )
        if pipeline is not None and (processing is not None or analysis is not None):
            raise ParameterError("give steps on the command line or a pipeline file, not both")
        if pipeline is not None:
            return cls(*read_pipeline_file(pipeline), input=read_pipeline_input(pipeline))
        if objects is not None:
            if objects not in get_args(Objects):
                raise ParameterError(
                    f"objects must be one of {', '.join(get_args(Objects))}, not {objects!r}"
                )
            default = cls.default(cast(Objects, objects))
            return default if processing is None else replace(default, processing=parse_steps(processing))
        if processing is None and analysis is None:
            raise ParameterError("nothing to do: give --steps, or a --pipeline file")
        return cls(parse_steps(processing or ""), parse_steps(analysis or ""))

    def bind(self) -> tuple[ProcessingPipeline, AnalysisPipeline]:
        """Validate all names and parameters, and return both pipelines; no movie is needed.

        Raises
        ------
        ParameterError
            If a parameter is unknown or wrong.
        UnknownNameError
            If a step or module does not exist; the message has the most similar names.
        """
        processing, analysis = ProcessingPipeline(), AnalysisPipeline()
        for call in self.processing:
            processing.add_call(call)
        for call in self.analysis:
            analysis.add(call.name, **call.params)
        return processing, analysis

    def for_movie(self, stack: AFMImageStack, cache: StepCache | None = None) -> Plan:
        """Return the plan with the analysis modules that suit a movie, if they are to be taken by that.

        Parameters
        ----------
        stack
            The movie, after the processing steps.
        cache
            Cache of earlier results; None for none.
        """
        if self.objects is None or self.taken is not None:
            return self
        taken = kept_default_analysis(cache, stack, self.objects)
        calls = with_curation(taken.calls, self.edits) if self.edits else taken.calls
        return replace(self, analysis=calls, taken=taken)

    def curated(self, edits: Sequence[Edit], *, anew: bool = False) -> Plan:
        """Return the plan with edits of the tracks by hand, which are made before anything is measured.

        Parameters
        ----------
        edits
            The edits; they are added to those that the plan has.
        anew
            Whether the edits that the plan has are left out.

        Raises
        ------
        ParameterError
            If no tracking is in the plan.

        Examples
        --------
        >>> plan = Plan.from_options(None, "feature_detection;particle_tracking;states", None)
        >>> [call.name for call in plan.curated([]).analysis]
        ['feature_detection', 'particle_tracking', 'curation', 'states']
        """
        if self.objects is not None and self.taken is None:
            return replace(self, edits=tuple(merged_edits([] if anew else self.edits, edits)))
        return replace(self, analysis=with_curation(self.analysis, edits, anew=anew))

    def process(self, stack: AFMImageStack) -> AFMImageStack:
        """Process a movie in place, and return it, or the part of its frames that is selected between the steps.

        Parameters
        ----------
        stack
            The movie.

        Raises
        ------
        PlayNanoError
            If a name or parameter is wrong, or a step fails.
        """
        done = 0
        for position, frames in [*self.selections, (len(self.processing), None)]:
            replace(self, processing=self.processing[done:position]).bind()[0].run(stack)
            done = position
            if frames is not None:
                stack = stack[frame_range(frames["first"], frames["step"], frames["count"])]
        return stack

    def run(self, stack: AFMImageStack) -> dict[str, Any]:
        """Process and analyse a movie, and return the record.

        Parameters
        ----------
        stack
            The movie; it is processed in place.

        Raises
        ------
        PlayNanoError
            If a name or parameter is wrong, or a step fails.
        """
        processing, _ = self.bind()
        processing.run(stack)
        return self.analyze(stack)

    def analyze(self, stack: AFMImageStack, cache: StepCache | None = None) -> dict[str, Any]:
        """Run the analysis modules on a processed movie, and return the record.

        Parameters
        ----------
        stack
            The movie, after the processing steps.
        cache
            Cache of earlier results; None for none.

        Raises
        ------
        PlayNanoError
            If a name or parameter is wrong, or a module fails.
        """
        with remember():
            plan = self.for_movie(stack, cache)
            _, analysis = plan.bind()
            for doubt in plan.taken.doubts if plan.taken else ():
                stack.warn(doubt)
            record = analysis.run(stack, cache=cache)
        if plan.taken is not None:
            detection, reason = plan.taken.detection, plan.taken.reason
            record["provenance"]["automatic"] = {
                "objects": plan.objects,
                "detection": detection,
                "reason": reason,
            }
            record["provenance"]["results_by_name"][detection][-1]["summary"]["detected_as"] = reason
        return record
