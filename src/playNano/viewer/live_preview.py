"""Live preview of the frame that is shown: one job at a time, the latest request last."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from qtpy.QtCore import QObject, QTimer, Signal

from playNano.analysis.plan import Plan
from playNano.errors import PlayNanoError
from playNano.io.export.render import height_limits
from playNano.viewer.colours import colour_map_of
from playNano.viewer.layers import placing
from playNano.viewer.movie import Frames
from playNano.viewer.preview import Preview, Previewer
from playNano.viewer.results import CONTOUR, places, point_style
from playNano.viewer.worker import Cancelled, Worker

DEBOUNCE_MS = 120
"""Time after the last change of a value or of the slider before a preview is made."""
JOB = "preview"
IMAGE, OUTLINES, DETECTIONS = "preview", "preview outlines", "preview detections"


class LivePreview(QObject):
    """Keeps three layers of the current frame up to date with a plan.

    Parameters
    ----------
    viewer
        The viewer.
    worker
        The thread for the work.
    plan
        Returns the plan as it is now.
    """

    status = Signal(str)
    """What the preview shows, or why there is none."""

    def __init__(self, viewer: Any, worker: Worker, plan: Callable[[], Plan]) -> None:
        """Listen to the slider and to the worker."""
        super().__init__()
        self._viewer, self._worker, self._plan = viewer, worker, plan
        self._previewer: Previewer | None = None
        self._enabled = False
        self._generation = self._started = 0
        self._new_range = True
        self.shown: Preview | None = None
        """The preview in the layers."""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DEBOUNCE_MS)
        self._timer.timeout.connect(self._start)
        worker.finished.connect(self._finished)
        viewer.dims.events.current_step.connect(self._moved)

    def set_movie(self, movie: Frames | None) -> None:
        """Preview another movie.

        Parameters
        ----------
        movie
            The movie as recorded; None for none.
        """
        self._previewer = None if movie is None else Previewer(movie)
        self.request(new_range=True)

    def set_enabled(self, enabled: bool) -> None:
        """Switch the preview on or off; its layers are removed when it is off.

        Parameters
        ----------
        enabled
            Whether it is on.
        """
        self._enabled = enabled
        if enabled:
            self.request(new_range=True)
        else:
            self._timer.stop()
            self._generation += 1
            for name in (IMAGE, OUTLINES, DETECTIONS):
                if name in self._viewer.layers:
                    self._viewer.layers.remove(name)
            self.shown = None
            self.status.emit("")

    def request(self, *, new_range: bool = False) -> None:
        """Ask for a new preview; it is made when nothing changes for a moment.

        Parameters
        ----------
        new_range
            Whether the range of the colours is taken from it.
        """
        self._generation += 1
        self._new_range |= new_range
        if self._enabled and self._previewer is not None:
            self._timer.start()

    def close(self) -> None:
        """Stop; the viewer remains."""
        self._timer.stop()
        self._enabled = False
        self._viewer.dims.events.current_step.disconnect(self._moved)

    def _moved(self, event: Any = None) -> None:
        self.request()

    def _start(self) -> None:
        """Start a job for the latest request."""
        if self._worker.running or self._previewer is None or not self._enabled:
            return  # it is started when the running job has ended
        previewer, generation = self._previewer, self._generation
        self._started = generation
        last = previewer.movie.stack.n_frames - 1
        frame = min(int(self._viewer.dims.current_step[0]), last) if self._viewer.dims.ndim > 2 else 0
        plan = self._plan()

        def job() -> tuple[int, Preview]:
            return generation, previewer.preview(frame, plan)

        self._worker.start(JOB, job)

    def _finished(self, name: str, result: Any) -> None:
        try:
            if name == JOB and self._enabled:
                self._take(result)
        finally:
            if self._enabled and (name != JOB or self._started != self._generation):
                self._timer.start()

    def _take(self, result: Any) -> None:
        """Show a preview, unless it is outdated."""
        if isinstance(result, Cancelled):
            return
        if isinstance(result, BaseException):
            known = isinstance(result, PlayNanoError | OSError)
            self.status.emit(str(result) if known else f"{type(result).__name__}: {result}")
            return
        generation, preview = result
        if generation != self._generation:
            return
        self._show(preview)
        self.shown = preview
        count = "" if preview.detections is None else f", {len(preview.detections)} detections"
        self.status.emit("\n".join([f"frame {preview.frame}{count}", *preview.messages]))

    def _show(self, preview: Preview) -> None:
        """Show a preview in the layers."""
        stack = preview.stack
        if not stack.n_frames:
            return
        place = {key: value[1:] for key, value in placing(stack).items()}
        pixels = np.asarray(stack.data[0])
        image = self._update("image", IMAGE, pixels, place, colormap=colour_map_of(), rgb=False)
        if self._new_range:
            image.contrast_limits = height_limits(pixels[None])
            image.contrast_limits_range = tuple(image.contrast_limits)
            self._new_range = False
        if preview.labels is not None:
            labels = np.asarray(preview.labels, np.int32)
            self._update("labels", OUTLINES, labels, place, opacity=0.9, metadata={CONTOUR: 1}).contour = 1
        elif OUTLINES in self._viewer.layers:
            self._viewer.layers.remove(OUTLINES)
        if preview.detections is not None:
            points = places(stack, preview.detections)[:, 1:]
            self._update("points", DETECTIONS, points, place, **point_style())
        elif DETECTIONS in self._viewer.layers:
            self._viewer.layers.remove(DETECTIONS)

    def _update(self, kind: str, name: str, data: Any, place: dict[str, Any], **more: Any) -> Any:
        """Replace the data of a layer in place, or add it."""
        layers = self._viewer.layers
        if name in layers:
            layer = layers[name]
            layer.data = data
            layer.scale, layer.translate = place["scale"], place["translate"]
            return layer
        selected = set(layers.selection)
        layer = getattr(self._viewer, f"add_{kind}")(data, name=name, **place, **more)
        if selected:
            layers.selection = selected
        return layer
