"""What an analysis module is."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeAlias, TypeVar, cast

from playNano.afm_stack import AFMImageStack
from playNano.core.params import Declaration, bind_all

AnalysisOutputs: TypeAlias = dict[str, Any]
"""Output name -> result, as a module's `run` returns it."""

LEADING = ("stack", "previous_results")


class AnalysisModule(ABC):
    """Base of every analysis module, built-in or plugin.

    A subclass gives a `name` and a `run`; the signature of `run` declares the parameters: types, limits
    (``Annotated[float, Field(gt=0)]``) and defaults.

    Attributes
    ----------
    version : str or None
        Version of the algorithm, for the record.
    requires : tuple of str
        Modules of which one must have run before, if any.

    Examples
    --------
    >>> class Highest(AnalysisModule):
    ...     name = "highest"
    ...     def run(self, stack, previous_results=None, *, scale: float = 1.0):
    ...         return {"highest": stack.data.max(axis=(1, 2)) * scale}
    >>> Highest().bind({"scale": "1e-3"})
    {'scale': 0.001}
    """

    version: ClassVar[str | None] = None
    requires: ClassVar[tuple[str, ...]] = ()

    @property
    @abstractmethod
    def name(self) -> str:
        """Unique name, by which pipelines know the module."""

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
            The movie; it is not changed.
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
        """Return the values in effect for a run, defaults included.

        Raises
        ------
        ParameterError
            If a name is unknown or a value wrong.
        """
        return bind_all(self.declarations(), params, where=where or self.name)

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return the functions whose signatures declare the parameters; by default `run` alone."""
        return (Declaration(cls.run, LEADING),)

    def settle(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Return the values in effect once it is known what ran before.

        A module whose default depends on the modules before it overrides this; what it returns is what
        runs, and what the record says.
        """
        return params


Run = TypeVar("Run", bound=Callable[..., AnalysisOutputs])


def checked_run(run: Run) -> Run:
    """Give a module's `run` the values in effect, as its `bind` returns them, however it is called."""

    @functools.wraps(run)
    def call(
        self: AnalysisModule,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        **params: Any,
    ) -> AnalysisOutputs:
        return run(self, stack, previous_results, **self.bind(params))

    return cast(Run, call)
