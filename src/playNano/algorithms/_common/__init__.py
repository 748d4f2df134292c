"""Helpers that the algorithm packages share: input checks, threads, medians, union-find, paraboloid fits."""
