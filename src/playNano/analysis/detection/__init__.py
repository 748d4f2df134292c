"""Shared code of the detection modules."""
