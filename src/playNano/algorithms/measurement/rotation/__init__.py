"""Rotation of molecules about the normal of the surface, order of their axes, and distances of pairs."""
