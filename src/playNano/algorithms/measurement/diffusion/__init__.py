"""Diffusion of tracked particles: mean squared displacements, diffusion coefficients, populations, confinement."""
