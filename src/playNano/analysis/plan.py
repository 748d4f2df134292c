"""Plans of processing steps and analysis modules, given on the command line or in a pipeline file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playNano.analysis.pipeline import AnalysisPipeline
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

    @classmethod
    def from_options(cls, processing: str | None, analysis: str | None, pipeline: Path | None) -> Plan:
        """Create a plan from step strings or from a pipeline file.

        Parameters
        ----------
        processing
            Processing steps, such as ``"remove_plane;gaussian_filter:sigma=1"``.
        analysis
            Analysis modules, in the same form.
        pipeline
            YAML file with the lists ``processing`` and ``analysis``.

        Raises
        ------
        ParameterError
            If both are given, or neither.
        """
        if pipeline is not None and (processing is not None or analysis is not None):
            raise ParameterError("give steps on the command line or a pipeline file, not both")
        if pipeline is not None:
            return cls(*read_pipeline_file(pipeline), input=read_pipeline_input(pipeline))
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
