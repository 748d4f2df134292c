"""Errors in slots: shown to the user, never fatal to the window."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from playNano.errors import PlayNanoError


def guarded(slot: Callable[..., None]) -> Callable[..., None]:
    """Decorate a slot of a widget so that errors of files and values are shown in its ``status``.

    An exception that leaves a slot ends the process under PyQt6. Others than these are faults of the program, and are
    raised to napari, which shows them with their traceback.

    Parameters
    ----------
    slot
        Method of a widget that has a label ``status``.
    """

    @functools.wraps(slot)
    def call(self: Any, *args: Any, **kwargs: Any) -> None:
        try:
            slot(self, *args, **kwargs)
        except (PlayNanoError, OSError) as error:
            self.status.setText(str(error))

    return call
