"""Populations of tracks by height or volume: values of tracks, Gaussian mixtures, oligomers, merges."""
