"""What is to be done with a movie: steps and modules by name, not yet bound to one."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.step_text import StepCall, parse_steps, read_pipeline_file
from playNano.errors import ParameterError
from playNano.processing.pipeline import ProcessingPipeline


@dataclass(frozen=True)
class Plan:
    """What is to be done with a movie."""

    processing: list[StepCall] = field(default_factory=list)
    analysis: list[StepCall] = field(default_factory=list)

    @classmethod
    def from_options(cls, processing: str | None, analysis: str | None, pipeline: Path | None) -> Plan:
        """Make a plan of step strings or of a pipeline file.

        Raises
        ------
        ParameterError
            If both are given, or neither.
        """
        if pipeline is not None and (processing is not None or analysis is not None):
            raise ParameterError("give steps on the command line or a pipeline file, not both")
        if pipeline is not None:
            return cls(*read_pipeline_file(pipeline))
        if processing is None and analysis is None:
            raise ParameterError("nothing to do: give --steps, or a --pipeline file")
        return cls(parse_steps(processing or ""), parse_steps(analysis or ""))

    def bind(self, stack: AFMImageStack) -> tuple[ProcessingPipeline, AnalysisPipeline]:
        """Return both pipelines, every name and parameter checked."""
        processing, analysis = ProcessingPipeline(stack), AnalysisPipeline()
        for call in self.processing:
            processing.add_call(call)
        for call in self.analysis:
            analysis.add(call.name, **call.params)
        return processing, analysis
