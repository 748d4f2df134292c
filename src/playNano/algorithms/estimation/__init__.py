"""Estimates from a movie: noise, particles, motion and dynamics."""
