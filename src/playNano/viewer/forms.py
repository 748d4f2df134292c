"""Forms for the parameters of steps and modules, made from their declarations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFormLayout, QLabel, QVBoxLayout, QWidget

from playNano.analysis.pipeline import module_registry
from playNano.core.declaration import Parameter
from playNano.errors import PlayNanoError
from playNano.processing.steps import step_registry
from playNano.viewer.fields import Field
from playNano.viewer.values import UNSET, help_of, label_of


@dataclass(frozen=True)
class Declared:
    """A registered step or module, as a form needs it.

    Parameters
    ----------
    name
        Its name.
    analysis
        Whether it is an analysis module, not a processing step.

    Examples
    --------
    >>> [parameter.name for parameter in Declared("gaussian_filter", False).parameters({})]
    ['sigma']
    """

    name: str
    analysis: bool

    def parameters(self, given: Mapping[str, Any]) -> list[Parameter]:
        """List the parameters; those of a detection depend on its mask.

        Parameters
        ----------
        given
            Values by name.
        """
        if self.analysis:
            declarations = module_registry()[self.name]().declarations_for(given)
        else:
            declarations = [step_registry()[self.name].declaration]
        by_name = {p.name: p for declaration in declarations for p in declaration.parameters()}
        names = list(by_name)
        if self.analysis and "mask_fn" in names:  # the parameters of the mask stand below it
            own = {p.name for one in module_registry()[self.name].declarations() for p in one.parameters()}
            first = names.index("mask_fn") + 1
            of_mask = [name for name in names if name not in own]
            names = [*names[:first], *of_mask, *(name for name in names[first:] if name in own)]
        return [by_name[name] for name in names]

    def bind(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Validate values, and return those in effect.

        Parameters
        ----------
        given
            Values by name.

        Raises
        ------
        ParameterError
            A value is wrong or missing.
        """
        if self.analysis:
            return module_registry()[self.name]().bind(given)
        return step_registry()[self.name].bind(given, self.name)


class ParameterForm(QWidget):
    """A form with a field for every parameter of a step or module.

    Values that are given are bold; the others show the default in effect, which may depend on the given ones.

    Parameters
    ----------
    declared
        The step or module.
    given
        Values by name.
    """

    changed = Signal()

    def __init__(self, declared: Declared, given: Mapping[str, Any] | None = None) -> None:
        """Make the fields."""
        super().__init__()
        self._declared = declared
        self._given: dict[str, Any] = dict(given or {})
        self._latest: dict[str, Any] = {}
        self.fields: dict[str, Field] = {}
        self._labels: dict[str, QLabel] = {}
        self.message = QLabel()
        self.message.setWordWrap(True)
        self.message.setStyleSheet("color: #ff8a80")
        self._rows = QFormLayout()
        self._rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 4, 4, 4)
        layout.addWidget(self.message)
        layout.addLayout(self._rows)
        layout.addStretch()
        self._refresh()

    @property
    def error(self) -> str:
        """What is wrong with the values; empty if nothing is."""
        return str(self.message.text())

    def values(self) -> dict[str, Any]:
        """Return the values that are given, to be validated by the step or module."""
        return dict(self._given)

    def set_values(self, given: Mapping[str, Any]) -> None:
        """Replace all values.

        Parameters
        ----------
        given
            Values by name; the others have their defaults.
        """
        self._given = dict(given)
        self._refresh()
        self.changed.emit()

    def _edited(self, name: str) -> None:
        """Take the value of a field that was edited."""
        value = self.fields[name].get()
        if value is UNSET:
            self._given.pop(name, None)
        else:
            self._given[name] = value
        if name == "mask_fn":  # another mask has other parameters
            with suppress(PlayNanoError):
                known = {parameter.name for parameter in self._declared.parameters(self._given)}
                self._given = {name: value for name, value in self._given.items() if name in known}
        self._refresh(name)
        self.changed.emit()

    def _refresh(self, edited: str | None = None) -> None:
        """Show the values in effect in all fields but that which is being edited."""
        text, in_effect = "", None
        try:
            in_effect = self._declared.bind(self._given)
        except PlayNanoError as error:
            text = str(error)
        with suppress(PlayNanoError):  # of a mask whose name is being written
            self._latest = in_effect or self._latest
            parameters = self._declared.parameters({**self._latest, **self._given})
            if [p.name for p in parameters] != list(self.fields):
                self._build(parameters)
        self.message.setText(text)
        self.message.setVisible(bool(text))
        for name, field in self.fields.items():
            if name != edited:
                field.set(self._value(field.parameter, in_effect))
            font = self._labels[name].font()
            font.setBold(name in self._given)
            self._labels[name].setFont(font)

    def _value(self, parameter: Parameter, in_effect: Mapping[str, Any] | None) -> Any:
        if in_effect is not None and parameter.name in in_effect:
            return (
                self._given[parameter.name]
                if self._same(parameter.name, in_effect)
                else in_effect[parameter.name]
            )
        if parameter.name in self._given:
            return self._given[parameter.name]
        automatic = in_effect is not None  # left out by the module until other modules have run
        return UNSET if parameter.required or automatic else parameter.default

    def _same(self, name: str, in_effect: Mapping[str, Any]) -> bool:
        return name in self._given and type(self._given[name]) is type(in_effect[name])

    def _build(self, parameters: Sequence[Parameter]) -> None:
        """Make the fields anew."""
        while self._rows.rowCount():
            self._rows.removeRow(0)
        self.fields, self._labels = {}, {}
        for parameter in parameters:
            field = Field(parameter, suggestions_for(parameter.name))
            label = QLabel(label_of(parameter))
            for widget in (label, field.widget):
                widget.setToolTip(help_of(parameter))
            self.fields[parameter.name], self._labels[parameter.name] = field, label
            field.edited.connect(lambda *_, name=parameter.name: self._edited(name))
            self._rows.addRow(label, field.widget)


def suggestions_for(name: str) -> list[str]:
    """Return the names that a parameter of a name may take: masks, or modules of a kind.

    Parameters
    ----------
    name
        Name of the parameter.
    """
    if name == "mask_fn":
        return [step for step, one in step_registry().usable().items() if one.kind == "mask"]
    kinds = {"detection_module": "detection", "tracking_module": "tracking"}
    if name in kinds:
        return [module for module, one in module_registry().usable().items() if one.kind == kinds[name]]
    return []
