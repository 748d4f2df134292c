"""Sources of masks for detection: a registered mask, a user's function, or an earlier output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.geometry import MovieGeometry
from playNano.core.lazy import FrameArray, is_lazy
from playNano.errors import MissingInputError, ParameterError, PlayNanoError, StepError
from playNano.processing.steps import Step, step_registry

MaskFunction = Callable[..., Any]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class StepMask:
    """Masks computed by a registered step.

    Parameters
    ----------
    step, params
        The step, and the values of its parameters in effect.
    """

    step: Step
    params: dict[str, Any]

    def __call__(self, start: int, block: npt.NDArray[Any]) -> Masks:
        """Return the masks of a block of frames.

        Parameters
        ----------
        start
            Number of the first frame.
        block
            (n, h, w) pixels.
        """
        return np.asarray(self.step.function(block, **self.params))


@dataclass(frozen=True)
class FunctionMask:
    """Masks computed by a user's function of a frame.

    Parameters
    ----------
    function, params
        The function and its parameters.
    source
        Name of the movie, for messages.
    """

    function: MaskFunction
    params: dict[str, Any]
    source: str

    def __call__(self, start: int, block: npt.NDArray[Any]) -> Masks:
        """Return the masks of a block of frames.

        Parameters
        ----------
        start
            Number of the first frame.
        block
            (n, h, w) pixels.
        """
        masks = np.empty(block.shape, np.bool_)
        for index, frame in enumerate(block):
            masks[index] = self._of_frame(start + index, frame)
        return masks

    def _of_frame(self, index: int, frame: npt.NDArray[Any]) -> Masks:
        """Return the mask of one frame, or raise an error that names it."""
        at = f"{self.source}: mask function on frame {index}"
        try:
            # A copy: a function that works in place must not modify the movie.
            result = np.asarray(self.function(frame.copy(), **self.params))
        except PlayNanoError:
            raise
        except Exception as error:
            raise StepError(f"{at} failed: {type(error).__name__}: {error}") from error
        if result.shape != frame.shape or result.dtype != np.bool_:
            raise ParameterError(
                f"{at} must return bool of shape {frame.shape}, not {result.dtype} of {result.shape}"
            )
        return result


def mask_source(
    mask: str | MaskFunction, params: dict[str, Any], source: str, geometry: MovieGeometry | None = None
) -> StepMask | FunctionMask:
    """Return an object that computes the masks of a block of frames.

    Parameters
    ----------
    mask
        Name of a registered mask, or a function frame -> bool mask.
    params
        Parameters of the mask.
    source
        Name of the movie, for messages.
    geometry
        Geometry of the movie, for masks of places in nm.

    Returns
    -------
    StepMask or FunctionMask
        Called with the number of the first frame and a block of frames.
    """
    if isinstance(mask, str):
        step = step_registry()[mask]
        return StepMask(step, {**params, "geometry": geometry} if step.uses_geometry else params)
    return FunctionMask(mask, params, source)


def stored_masks(results: Mapping[str, Any], key: str, stack: AFMImageStack) -> Any:
    """Return the masks that an earlier module returned under a name.

    Parameters
    ----------
    results
        Module name -> its latest outputs; the array may also be given here directly, by its name.
    key
        Name of the array.
    stack
        The movie.

    Returns
    -------
    array
        (n_frames, h, w) bool, in memory or lazy.

    Raises
    ------
    MissingInputError
        If there is no output with this name.
    ParameterError
        If it is not a bool array of the shape of the movie.
    """
    masks = results.get(key)
    if masks is None or isinstance(masks, Mapping):
        inside = [out[key] for out in results.values() if isinstance(out, Mapping) and key in out]
        masks = inside[-1] if inside else None
    if masks is None:
        raise MissingInputError(f"mask_key {key!r}: no earlier module returned an output with this name")
    array = masks if isinstance(masks, FrameArray) or is_lazy(masks) else np.asarray(masks)
    if array.dtype != np.bool_ or array.shape != stack.data.shape:
        raise ParameterError(
            f"mask_key {key!r} must be a bool array of shape {stack.data.shape}, "
            f"not {array.dtype} of {array.shape}"
        )
    return array
