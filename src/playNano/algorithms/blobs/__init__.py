"""Blobs: maxima of the Laplacian of Gaussian over position and scale."""

from playNano.algorithms.blobs.blobs import find_blobs
from playNano.algorithms.blobs.options import BlobOptions

__all__ = ["BlobOptions", "find_blobs"]
