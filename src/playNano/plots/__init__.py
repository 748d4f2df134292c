"""Figures: overview, clusters, validation."""
