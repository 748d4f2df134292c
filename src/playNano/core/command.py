"""The command line that is running, for records."""

from __future__ import annotations

from contextvars import ContextVar

COMMAND: ContextVar[tuple[str, ...] | None] = ContextVar("command", default=None)
"""Words of the command line that is running; None in Python."""
