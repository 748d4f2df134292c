"""Shared code of the clustering modules."""
