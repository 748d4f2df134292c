"""The lowest layer of the package: stack, parameters, registry, executor, provenance, serialization."""
