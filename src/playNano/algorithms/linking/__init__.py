"""Linking of detections to tracks: motion model, assignment, confidence, merges and splits."""

from playNano.algorithms.linking.features import FeatureCost
from playNano.algorithms.linking.frames import link_frames
from playNano.algorithms.linking.movie import LinkedMovie, link_movie
from playNano.algorithms.linking.settings import LinkingOptions

__all__ = ["FeatureCost", "LinkedMovie", "LinkingOptions", "link_frames", "link_movie"]
