"""Validation of a pipeline on simulated movies that resemble the user's movie: `validate_pipeline`."""

from __future__ import annotations

from playNano.validate.movie_model import MovieModel, fit_movie_model
from playNano.validate.result import Validation
from playNano.validate.validation import QUICK, Effort, validate_pipeline

__all__ = ["QUICK", "Effort", "MovieModel", "Validation", "fit_movie_model", "validate_pipeline"]
