"""The layer below all others: stack, parameters, registry, executor, provenance, serializer."""
