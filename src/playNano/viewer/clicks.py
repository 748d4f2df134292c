"""Clicks into the canvas of a viewer, which are not drags."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np


class Clicks:
    """Calls a function with frame, row and column of each click on a movie.

    Parameters
    ----------
    viewer
        The viewer.
    placed
        Returns the layer in whose pixels the place is given; None ignores the click.
    clicked
        ``clicked(frame, y, x)``, px.
    """

    def __init__(
        self, viewer: Any, placed: Callable[[], Any], clicked: Callable[[int, float, float], None]
    ) -> None:
        self._viewer, self._placed, self._clicked = viewer, placed, clicked
        self.enabled = True
        viewer.mouse_drag_callbacks.append(self._pressed)

    def close(self) -> None:
        """Listen no more."""
        if self._pressed in self._viewer.mouse_drag_callbacks:
            self._viewer.mouse_drag_callbacks.remove(self._pressed)

    def _pressed(self, viewer: Any, event: Any) -> Iterator[None]:
        moved = False
        yield
        while event.type == "mouse_move":
            moved = True
            yield
        if not moved and self.enabled:
            self.at(event.position)

    def at(self, position: Any) -> None:
        """Handle a click.

        Parameters
        ----------
        position
            The place in the world of the viewer: s, nm, nm.
        """
        layer = self._placed()
        if layer is None:
            return
        frame, y, x = np.asarray(layer.world_to_data(position), dtype=np.float64)[-3:]
        self._clicked(round(frame), float(y), float(x))
