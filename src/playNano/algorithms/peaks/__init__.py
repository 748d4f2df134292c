"""Local maxima and matches to templates."""

from playNano.algorithms.peaks.options import PeakOptions, TemplateOptions
from playNano.algorithms.peaks.peaks import find_peaks
from playNano.algorithms.peaks.templates import find_templates

__all__ = ["PeakOptions", "TemplateOptions", "find_peaks", "find_templates"]
