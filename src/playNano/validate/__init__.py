"""How wrong a pipeline is on movies like the user's: `validate_pipeline`."""

from __future__ import annotations

from playNano.validate.likeness import Likeness, measure
from playNano.validate.result import Validation
from playNano.validate.validation import QUICK, Effort, validate_pipeline

__all__ = ["QUICK", "Effort", "Likeness", "Validation", "measure", "validate_pipeline"]
