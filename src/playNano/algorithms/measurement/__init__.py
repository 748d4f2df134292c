"""Measurements on tracks and images: diffusion, dwell times, states, motors, arrangement, rotation, populations."""
