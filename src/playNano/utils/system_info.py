"""The environment of a run, under its public path."""

from playNano.core.provenance import gather_environment_info

__all__ = ["gather_environment_info"]
