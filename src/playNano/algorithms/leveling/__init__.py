"""Planes, polynomials and row offsets of frames."""
