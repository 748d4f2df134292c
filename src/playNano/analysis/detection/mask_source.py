"""Where a detection's masks come from: a registered mask, a user's function, or an earlier output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from playNano.afm_stack import AFMImageStack
from playNano.core.lazy import FrameArray, is_lazy
from playNano.errors import MissingInputError, ParameterError, PlayNanoError, StepError
from playNano.processing.steps import Step, step_registry

MaskFunction = Callable[..., Any]
Masks = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class StepMask:
    """Masks by a registered step."""

    step: Step
    params: dict[str, Any]

    def __call__(self, start: int, block: npt.NDArray[Any]) -> Masks:
        """Return the masks of a block of frames."""
        return np.asarray(self.step.function(block, **self.params))


@dataclass(frozen=True)
class FunctionMask:
    """Masks by a user's function of a frame.

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
        """Return the masks of a block of frames."""
        masks = np.empty(block.shape, np.bool_)
        for index, frame in enumerate(block):
            masks[index] = self._of_frame(start + index, frame)
        return masks

    def _of_frame(self, index: int, frame: npt.NDArray[Any]) -> Masks:
        at = f"{self.source}: mask function on frame {index}"
        try:
            # A copy: a function that works in place must not touch the movie.
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


def mask_source(mask: str | MaskFunction, params: dict[str, Any], source: str) -> StepMask | FunctionMask:
    """Return what makes the masks of a block of frames."""
    if isinstance(mask, str):
        return StepMask(step_registry()[mask], params)
    return FunctionMask(mask, params, source)


def stored_masks(results: Mapping[str, Any], key: str, stack: AFMImageStack) -> Any:
    """Return the masks that an earlier module gave under a name.

    Raises
    ------
    MissingInputError
        If there is no output of this name.
    ParameterError
        If it is not bool of the movie's shape.
    """
    found = results.get(key)
    if found is None or isinstance(found, Mapping):
        inside = [out[key] for out in results.values() if isinstance(out, Mapping) and key in out]
        found = inside[-1] if inside else None
    if found is None:
        raise MissingInputError(f"mask_key {key!r}: no earlier module gave an output of this name")
    array = found if isinstance(found, FrameArray) or is_lazy(found) else np.asarray(found)
    if array.dtype != np.bool_ or array.shape != stack.data.shape:
        raise ParameterError(
            f"mask_key {key!r} must be a bool array of shape {stack.data.shape}, "
            f"not {array.dtype} of {array.shape}"
        )
    return array
