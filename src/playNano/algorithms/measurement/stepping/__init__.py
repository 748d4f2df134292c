"""Molecules that move along a path: velocities, run lengths, steps."""
