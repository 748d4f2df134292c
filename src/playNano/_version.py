"""The version of the package; pyproject.toml takes it from here."""

__version__ = "1.0.0a1"
