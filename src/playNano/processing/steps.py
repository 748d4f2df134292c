"""Declare processing steps, and register them by name."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeVar, cast

import numpy as np
import numpy.typing as npt

from playNano.core.geometry import MovieGeometry
from playNano.core.params import Declaration, bind_all, checked
from playNano.core.registry import Registry, accept_declared, by_name, plugin_groups
from playNano.core.scan import ScanGeometry
from playNano.errors import ParameterError, PluginTypeError, StackError
from playNano.processing.frame_functions import FrameByFrame
from playNano.processing.surveys import Survey

Pixels = npt.NDArray[Any]
Kind = Literal["filter", "mask", "video", "edit"]
F = TypeVar("F", bound=Callable[..., Any])

ALIASES = {"threshold_mask": "mask_threshold"}
"""Alternative names of built-in steps in the documentation of the interface."""

STEP_ATTRIBUTE = "__step__"
"""Attribute of a function in which `step` stores the declaration."""

_PACKAGES = (
    "flatten", "rows", "levels", "smooth", "masks", "background", "missing", "regions", "repair", "denoise",
    "video.temporal", "edits.frames", "edits.field", "edits.pixels", "edits.retrace", "edits.drift", "edits.centre",
)  # fmt: skip


@dataclass(frozen=True)
class Step:
    """The declaration of a processing step: a named function of a block of frames, and its properties.

    Parameters
    ----------
    name
        Unique name by which pipelines and users select the step.
    kind
        A "filter" converts pixels to pixels, a "mask" to a bool array of the same shape, a "video" step processes
        several frames together, an "edit" changes frames, size, calibration or scan together with the pixels.
    version
        Version of the algorithm, for the record; None if it is unknown.
    function
        ``function(block, **params)`` for (n, height, width) blocks; filters that use a mask also
        accept ``mask``. Of an edit: ``function(movie, **params)``, which returns the plan.
    uses_mask
        Whether the step uses the mask in force.
    min_pixels
        Minimum number of usable pixels in a frame, as a function of the parameters; frames with fewer are
        left unchanged and listed in the record.
    direct
        The same function without validation, for contiguous float blocks and bound parameters.
    neighbours
        Number of frames on either side on which the result of a frame depends, as a function of the parameters;
        None for steps that process each frame independently.
    scan
        For a filter that changes the scan: that of its result, as a function of that of its input and of the rows of a
        frame.
    survey
        For a step whose frames share values of the whole movie: what they share.
    """

    name: str
    kind: Kind
    version: str | None
    function: Callable[..., Pixels]
    uses_mask: bool = False
    min_pixels: Callable[[Mapping[str, Any]], int] | None = None
    direct: Callable[..., Pixels] | None = None
    neighbours: Callable[[Mapping[str, Any]], int] | None = None
    scan: Callable[[ScanGeometry, int], ScanGeometry] | None = None
    survey: Survey | None = None

    def __reduce__(self) -> Any:
        # A declared step is pickled as the function that declares it, which is pickled by name.
        if self.direct is not None:
            return _step_of, (self.function,)
        return Step, (self.name, self.kind, self.version, self.function, self.uses_mask)

    def bind(self, params: Mapping[str, Any], where: str) -> dict[str, Any]:
        """Validate parameters and return the values in effect, or raise `ParameterError`.

        Parameters
        ----------
        params
            Values by name, as given by the caller.
        where
            Context for error messages.

        Returns
        -------
        dict
            Every parameter with its value.
        """
        bound = bind_all([self.declaration], params, where=where)
        place = {"geometry": MovieGeometry((), (1, 1), (1.0, 1.0))} if self.uses_geometry else {}
        if (
            self.kind == "mask"
            and self.direct is not None
            and self.function.__module__.startswith("playNano.")
        ):
            # What contradicts itself, such as low above high, is refused by the function; it sees one pixel here.
            try:
                self.direct(np.zeros((1, 1, 1)), **bound, **place)
            except ParameterError as error:
                raise ParameterError(f"{where}: {error}") from error
        return bound

    @property
    def declaration(self) -> Declaration:
        """The function whose signature declares the parameters."""
        return Declaration(self.function, self.leading)

    @property
    def uses_geometry(self) -> bool:
        """Whether the function of the step has an argument for the geometry of the movie, as places in nm need."""
        return self.direct is not None and "geometry" in inspect.signature(self.direct).parameters

    @property
    def leading(self) -> tuple[str, ...]:
        """Names of the arguments that are not parameters: the pixels, the mask, the geometry."""
        first = next(iter(inspect.signature(self.function).parameters), "data")
        others = (
            "mask" if self.uses_mask else "",
            "survey" if self.survey else "",
            "geometry" if self.uses_geometry else "",
        )
        return (first, *filter(None, others))


def step(
    kind: Kind,
    version: str,
    *,
    min_pixels: Callable[[Mapping[str, Any]], int] | None = None,
    neighbours: Callable[[Mapping[str, Any]], int] | None = None,
    scan: Callable[[ScanGeometry, int], ScanGeometry] | None = None,
    survey: Survey | None = None,
) -> Callable[[F], F]:
    """Declare a function of a block of frames as a processing step.

    The decorated function accepts a frame (height, width) or a block (n, height, width) of any
    numeric type; integers are converted to floats, float64 stays float64. Its keyword-only parameters are
    validated by its signature. A second argument `mask` receives the mask in force, one named `geometry` the
    `MovieGeometry` of the frames.

    Parameters
    ----------
    kind
        "filter", "mask" or "video", as in `Step`.
    version
        Version of the algorithm, for the record.
    min_pixels
        Minimum number of usable pixels in a frame, as a function of the parameters.
    neighbours
        Number of frames on either side on which the result of a frame depends, as a function of the parameters.
    scan
        For a filter that changes the scan: that of its result, as a function of that of its input and of the rows of a
        frame.
    survey
        For a step whose frames share values of the whole movie: what they share.

    Returns
    -------
    callable
        The decorator.

    Examples
    --------
    >>> @step("filter", "1.0")
    ... def scale_heights(data, *, factor: float = 1.0):
    ...     \"\"\"Multiply heights.\"\"\"
    ...     return data * factor
    >>> scale_heights(np.ones((2, 2)), factor=3).tolist()
    [[3.0, 3.0], [3.0, 3.0]]
    """

    def declare(function: F) -> F:
        """Attach the declaration to a function."""
        inner = checked(function)

        @functools.wraps(function)
        def call(data: Any, *args: Any, **kwargs: Any) -> Pixels:
            """Convert the input to a float block, check the mask, and return the result in the shape of the input."""
            block, is_frame = as_float_block(data)
            mask = kwargs.get("mask")
            if mask is not None:
                kwargs["mask"] = _checked_mask(mask, np.shape(data))
            if not len(block):
                inner(
                    np.zeros((1, 1, 1), block.dtype),
                    *args,
                    **{**kwargs, "mask": None} if mask is not None else kwargs,
                )
                return np.zeros(block.shape, np.bool_ if kind == "mask" else block.dtype)
            result = inner(block, *args, **kwargs)
            result = result[0] if survey is not None else result
            return np.asarray(result[0]) if is_frame else result

        uses_mask = "mask" in inspect.signature(function).parameters
        call.__step__ = Step(  # type: ignore[attr-defined]
            function.__name__,
            kind,
            version,
            call,
            uses_mask=uses_mask,
            min_pixels=min_pixels,
            direct=function,
            neighbours=neighbours,
            scan=scan,
            survey=survey,
        )
        return cast(F, call)

    return declare


def as_float_block(data: Any) -> tuple[Pixels, bool]:
    """Convert pixels to a contiguous float block (n, height, width); also return whether they were a single frame.

    Parameters
    ----------
    data
        A frame (height, width) or a block (n, height, width) of any real type.

    Returns
    -------
    block : ndarray
        float64 if the input is float64 or a wide integer, else float32.
    is_frame : bool
        Whether the input was a single frame.

    Raises
    ------
    StackError
        If the array has neither two nor three axes.
    """
    array = np.asarray(data)
    if array.ndim not in (2, 3):
        raise StackError(f"a frame has two axes and a block of frames three, not {array.ndim}")
    if array.dtype.kind not in "biuf":
        raise ParameterError(f"pixels must be real numbers, not {array.dtype}")
    wide = array.dtype == np.float64 or (array.dtype.kind in "iu" and array.dtype.itemsize > 2)
    # The order of summation depends on the memory layout; the result must not.
    block = np.ascontiguousarray(array, dtype=np.float64 if wide else np.float32)
    if not block.flags.writeable:
        block = block.copy()  # else every kernel would be compiled a second time, for read-only arrays
    return (block[None] if array.ndim == 2 else block), array.ndim == 2


def _checked_mask(mask: Any, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    array = np.asarray(mask)
    if array.shape != shape or array.dtype != np.bool_:
        raise ParameterError(
            f"mask must be a bool array of the pixels' shape {shape}, not {array.dtype} of {array.shape}"
        )
    return np.ascontiguousarray(array[None] if array.ndim == 2 else array)


def all_finite(pixels: Pixels) -> bool:
    """Return whether no pixel is NaN or infinite.

    Parameters
    ----------
    pixels
        Any array of floats.

    Returns
    -------
    bool
        True for an empty one.
    """
    return bool(np.isfinite(pixels).all())


def usable_pixels(block: Pixels, mask: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.bool_] | None:
    """Return which pixels can be used in a fit: finite and not masked; None if all of them.

    Parameters
    ----------
    block
        Frames (n, height, width).
    mask
        The mask in force, of the same shape, or None.

    Returns
    -------
    ndarray of bool or None
        Of the same shape.
    """
    finite = None if all_finite(block) else np.isfinite(block)
    if mask is None:
        return finite
    return ~mask if finite is None else finite & ~mask


def _accept_step(kind: Kind) -> Callable[[str, Any], Step]:
    """Return a function that converts a plugin of one kind to a `Step`: a declared step, or a function of a frame."""

    def accept(name: str, target: Any) -> Step:
        """Convert the object of an entry point to a step."""
        if hasattr(target, STEP_ATTRIBUTE):
            declared = accept_declared(name, target, Step, STEP_ATTRIBUTE)
            if declared.kind != kind:
                raise PluginTypeError(f"the plugin {name!r} is a {declared.kind} in the group of a {kind}")
            return declared
        if not callable(target):
            raise PluginTypeError(
                f"the plugin {name!r} is a {type(target).__name__}, not a function of a frame"
            )
        function = target if kind == "video" else FrameByFrame(target, is_mask=kind == "mask")
        return Step(name, kind, getattr(target, "__version__", None), function)

    return accept


def _step_of(function: Any) -> Step:
    """Return the declaration of a function, for unpickling."""
    return cast(Step, getattr(function, STEP_ATTRIBUTE))


def _builtins() -> dict[str, Step]:
    """Return the steps that the package's modules declare, by name.

    Raises
    ------
    DuplicateNameError
        If two functions declare one name.
    """
    modules = [import_module(f"playNano.processing.{package}") for package in _PACKAGES]
    declared = (getattr(value, STEP_ATTRIBUTE, None) for module in modules for value in vars(module).values())
    return by_name(step for step in declared if isinstance(step, Step))


@functools.cache
def step_registry() -> Registry[Step]:
    """Return the registry of processing steps: built-ins, and plugins of filters, masks and video steps."""
    groups = {
        **plugin_groups("filters", _accept_step("filter")),
        **plugin_groups("masks", _accept_step("mask")),
        **plugin_groups("video_processing", _accept_step("video")),
    }
    return Registry("processing step", _builtins(), groups, ALIASES)
