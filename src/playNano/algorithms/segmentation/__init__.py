"""Automatic segmentation: thresholds from a movie's own background and noise, and objects at half of their height."""

from playNano.algorithms.segmentation.estimate import estimate_levels
from playNano.algorithms.segmentation.levels import Levels
from playNano.algorithms.segmentation.options import SegmentationOptions
from playNano.algorithms.segmentation.segment import segment

__all__ = ["Levels", "SegmentationOptions", "estimate_levels", "segment"]
