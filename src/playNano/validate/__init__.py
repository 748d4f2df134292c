"""Errors of a pipeline on the user's movie with its particles put back at known places: `validate_pipeline`."""

from __future__ import annotations

from playNano.validate.result import Validation
from playNano.validate.scores import score_result
from playNano.validate.statements import Measure
from playNano.validate.validation import QUICK, Effort, validate_pipeline

__all__ = ["QUICK", "Effort", "Measure", "Validation", "score_result", "validate_pipeline"]
