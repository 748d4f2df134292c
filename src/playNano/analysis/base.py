"""The base class of analysis modules."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal, TypeAlias, TypeVar, cast, get_args

from playNano.afm_stack import AFMImageStack
from playNano.core.params import Declaration, bind_all
from playNano.core.value_units import parameters_by_unit
from playNano.errors import PluginTypeError

AnalysisOutputs: TypeAlias = dict[str, Any]
"""Output name -> result, as returned by `run` of a module."""

ModuleKind: TypeAlias = Literal["quality", "detection", "tracking", "clustering", "measurement", "analysis"]
"""Kind of a module; "analysis" for modules that declare none."""

LEADING = ("stack", "previous_results")


class AnalysisModule(ABC):
    """Base class of all analysis modules, built-in or plugin.

    A subclass defines `name` and `run`; the signature of `run` declares the parameters: types, limits
    (``Annotated[float, Field(gt=0)]``) and defaults.

    Attributes
    ----------
    kind : str
        Kind of the module: "quality", "detection", "tracking", "clustering" or "measurement". It is stored in the
        record, and determines how the outputs are exported, plotted and summarised.
    version : str or None
        Version of the algorithm, for the record.
    requires : tuple of str
        Modules, of which at least one must have run before, if any.
    writes_files : bool
        Whether `run` writes files, so that it is run although its outputs are known from a cache.
    options_type : type or None
        Dataclass whose fields are the further parameters, which `run` receives as ``**options``.
    automatic : tuple of str
        Parameters whose default depends on the modules that ran before. If they are not given, `bind` omits them
        and `resolve_defaults` sets them.

    Notes
    -----
    Outputs that other code uses, by kind; all are optional, lengths are in nm and frames are numbered from 0.
    Quantities in the unit of the pixels end in ``stack.value_suffix``: ``height_nm``, ``height_deg``, ``height_V``.
    A parameter that is a height in nm is annotated with `playNano._options.HeightUnit`.

    * quality: ``usable``, bool (n_frames,).
    * detection: ``table``, a DataFrame with one row per detection and the columns ``frame, y, x`` (px) and
      ``y_nm, x_nm``; ``features_per_frame``, per frame a sequence of dicts; ``observed``, bool (n_frames,).
    * tracking: ``table``, the detections with ``track_id``, ``frame``, ``y, x`` and ``y_nm, x_nm``; ``tracks``,
      a sequence with one dict per track (``id, frames, point_indices, coords``); ``track_table``, one row per track;
      ``links``, one row per link; ``events``, one row per merge or split.
    * clustering: ``table``, the points with ``cluster_id``; ``clusters``, a sequence of dicts;
      ``cluster_table``, one row per cluster; ``occupancy_table``, one row per cluster and frame.

    Examples
    --------
    >>> class Highest(AnalysisModule):
    ...     name = "highest"
    ...     kind = "measurement"
    ...     def run(self, stack, previous_results=None, *, scale: float = 1.0):
    ...         return {"highest": stack.data.max(axis=(1, 2)) * scale}
    >>> Highest().bind({"scale": "1e-3"})
    {'scale': 0.001}
    """

    kind: ClassVar[ModuleKind] = "analysis"
    version: ClassVar[str | None] = None
    requires: ClassVar[tuple[str, ...]] = ()
    options_type: ClassVar[type[Any] | None] = None
    automatic: ClassVar[tuple[str, ...]] = ()
    writes_files: ClassVar[bool] = False

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique name by which pipelines select the module."""

    @abstractmethod
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        **params: Any,
    ) -> AnalysisOutputs:
        """Analyse a stack.

        Parameters
        ----------
        stack
            The movie; it is not modified.
        previous_results
            Module name -> its latest outputs.
        **params
            The module's own parameters.

        Returns
        -------
        dict
            Output name -> result.
        """

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, and return the values in effect, defaults included (but see `automatic`).

        Parameters
        ----------
        params
            Values by name, as given: numbers may be text.
        where
            Name of the step for messages; by default the module's.

        Raises
        ------
        ParameterError
            If a name is unknown or a value wrong.
        """
        bound = bind_all(self.declarations_for(params), params, where=where or self.name)
        return {name: value for name, value in bound.items() if name in params or name not in self.automatic}

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return what declares the parameters: by default the signature of `run`, and `options_type` if any."""
        if cls.options_type is None:
            return (Declaration(cls.run, LEADING),)
        return (Declaration(cls.run, LEADING, closed=True), Declaration(cls.options_type))

    def declarations_for(self, params: Mapping[str, Any]) -> Sequence[Declaration]:
        """Return the declarations of the parameters of a call; by default the same for all calls.

        Parameters
        ----------
        params
            Values by name; a module whose parameters depend on them overrides this method.
        """
        return self.declarations()

    def for_channel(self, params: Mapping[str, Any], stack: Any, where: str | None = None) -> dict[str, Any]:
        """Return the parameters in effect for a movie: without heights in nm, if its pixels are not lengths.

        Parameters
        ----------
        params
            Parameters as `bind` returns them.
        stack
            The movie.
        where
            Name of the step for messages; by default the module's.

        Raises
        ------
        ParameterError
            If such a height is not the default.
        """
        return parameters_by_unit(self.declarations_for(params), params, stack, where or str(self.name))

    def resolve_defaults(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Set the `automatic` parameters that are not given, from the results of earlier modules.

        A module with such parameters overrides this method; the record contains the returned values.

        Parameters
        ----------
        params
            Parameters as `bind` returns them.
        previous_results
            Module name -> its latest outputs.
        """
        return params


def check_module(name: str, target: Any) -> type[AnalysisModule]:
    """Validate the declaration of an analysis module class, and return the class.

    Parameters
    ----------
    name
        Name under which it is registered, for messages.
    target
        The registered object.

    Raises
    ------
    PluginTypeError
        If it is not a subclass of `AnalysisModule`, or its kind is unknown.
    """
    if not (isinstance(target, type) and issubclass(target, AnalysisModule)):
        raise PluginTypeError(f"the analysis module {name!r} is {target!r}, not a subclass of AnalysisModule")
    if target.kind not in get_args(ModuleKind):
        raise PluginTypeError(
            f"the analysis module {name!r} is of the kind {target.kind!r}; there are: "
            f"{', '.join(get_args(ModuleKind))}"
        )
    return target


Run = TypeVar("Run", bound=Callable[..., AnalysisOutputs])


def checked_run(run: Run) -> Run:
    """Decorate the method `run` of a module so that its parameters are validated at every call.

    Parameters
    ----------
    run
        The method; it is called with the values in effect, as returned by `bind` of the module.

    Examples
    --------
    >>> import numpy as np
    >>> class Count(AnalysisModule):
    ...     name, version, kind = "count", "1.0", "measurement"
    ...
    ...     @checked_run
    ...     def run(self, stack, previous_results=None, *, level: float = 0.0):
    ...         return {"n": int((stack > level).sum())}
    >>> Count().run(np.array([0.5, 2.0]), level=1)
    {'n': 1}
    """

    @functools.wraps(run)
    def call(
        self: AnalysisModule,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        **params: Any,
    ) -> AnalysisOutputs:
        in_effect = self.resolve_defaults(self.bind(params), previous_results or {})
        self.for_channel(in_effect, stack)
        return run(self, stack, previous_results, **in_effect)

    return cast(Run, call)
