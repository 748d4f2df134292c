"""Version of the package; read by pyproject.toml."""

__version__ = "1.0.0a1"
