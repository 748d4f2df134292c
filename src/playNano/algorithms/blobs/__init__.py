"""Blobs: maxima of the Laplacian of Gaussian over position and scale."""
