"""Connected regions of foreground: labelling, separation, and the properties of each."""

from playNano.algorithms.regions.options import RegionOptions
from playNano.algorithms.regions.regions import Regions, find_regions
from playNano.algorithms.regions.separate import Separation, separate_touching

__all__ = ["RegionOptions", "Regions", "Separation", "find_regions", "separate_touching"]
