"""Rooms below everything: parameters, registry, executor, provenance, serializer."""
