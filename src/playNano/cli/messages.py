"""Warnings and errors as lines of the console."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from playNano.errors import PlayNanoWarning


def print_warning(
    usual: Callable[..., None], message: Warning | str, category: type[Warning], *where: Any, **more: Any
) -> None:
    """Print a warning of ours on one line; leave others to Python.

    Parameters
    ----------
    usual
        Function that prints the others.
    message, category, *where, **more
        As of `warnings.showwarning`.
    """
    if not issubclass(category, PlayNanoWarning):
        usual(message, category, *where, **more)
        return
    typer.echo(f"playnano: warning: {' '.join(str(message).split())}", err=True)


def error_line(error: Exception) -> str:
    """Return an error with its notes on one line; for exceptions not raised by playNano with their type and a hint.

    Parameters
    ----------
    error
        The error, or a warning that has been made one.

    Examples
    --------
    >>> error_line(PlayNanoWarning("m.npy: no detections"))
    'm.npy: no detections (a warning, which --strict makes an error)'
    >>> error_line(KeyError("k"))
    "KeyError: 'k' (--debug shows the traceback)"
    """
    text = " ".join(str(error).split()) or type(error).__name__
    added = [f" ({note})" for note in getattr(error, "__notes__", [])]
    added += [" (a warning, which --strict makes an error)"] if isinstance(error, PlayNanoWarning) else []
    known = type(error).__module__.startswith("playNano") or isinstance(error, OSError)
    kind = "" if known else f"{type(error).__name__}: "
    return f"{kind}{text}{''.join(added)}" + ("" if known else " (--debug shows the traceback)")
