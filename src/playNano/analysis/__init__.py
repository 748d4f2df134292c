"""Analysis modules, the pipeline that runs them, and the record that it returns."""

from __future__ import annotations

from playNano.analysis.modules import BUILTIN_ANALYSIS_MODULES

__all__ = ["BUILTIN_ANALYSIS_MODULES"]
