"""Fields of forms: one for every kind of parameter, none of which loses a value."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QValidator
from qtpy.QtWidgets import QAbstractSpinBox, QCheckBox, QComboBox, QCompleter, QLineEdit, QWidget

from playNano.core.declaration import Parameter
from playNano.viewer.values import UNSET, from_text, is_listed, number_type, to_text


class NumberBox(QAbstractSpinBox):
    """A number with its limits and arrows, kept exactly as it is written.

    Qt's own boxes round to a number of decimals, and are limited to 32 bits.

    Parameters
    ----------
    parameter
        The parameter, an int or float that is not optional.
    """

    edited = Signal()

    def __init__(self, parameter: Parameter) -> None:
        super().__init__()
        self._whole = number_type(parameter) is int
        self._limits = parameter.limits
        self.setKeyboardTracking(False)
        self.lineEdit().textEdited.connect(self.edited)

    def stepBy(self, steps: int) -> None:
        """Add one, or a tenth of the number's own size, for an arrow.

        Parameters
        ----------
        steps
            1 for up, -1 for down.
        """
        value = self._number()
        step = 1.0 if self._whole else 10.0 ** math.floor(math.log10(abs(value)) - 1) if value else 0.1
        changed = value + steps * step
        changed = int(changed) if self._whole else float(f"{changed:.12g}")
        if self._within(changed):
            self.lineEdit().setText(to_text(changed))
            self.edited.emit()

    def stepEnabled(self) -> Any:
        """Return which arrows are usable: both."""
        return (
            QAbstractSpinBox.StepEnabledFlag.StepUpEnabled | QAbstractSpinBox.StepEnabledFlag.StepDownEnabled
        )

    def validate(self, text: str, position: int) -> Any:
        """Accept any text while it is written; the form says what is wrong with it.

        Parameters
        ----------
        text
            The text.
        position
            Place of the cursor.
        """
        return QValidator.State.Acceptable, text, position

    def wheelEvent(self, event: Any) -> None:
        """Leave the wheel to the form, which scrolls.

        Parameters
        ----------
        event
            The event of Qt.
        """
        event.ignore()

    def _number(self) -> float:
        try:
            return float(self.lineEdit().text())
        except ValueError:
            return 0.0

    def _within(self, value: float) -> bool:
        tests = {
            "ge": lambda limit: value >= limit,
            "gt": lambda limit: value > limit,
            "le": lambda limit: value <= limit,
            "lt": lambda limit: value < limit,
        }
        return all(tests[name](limit) for name, limit in self._limits.items())


class _List(QComboBox):
    def wheelEvent(self, event: Any) -> None:
        event.ignore()


class Field:
    """One parameter of a form: its widget, and its value.

    A value that was set and not edited is returned as it was set.

    Parameters
    ----------
    parameter
        The parameter.
    suggestions
        Texts to choose from, for a parameter that is a name.
    """

    def __init__(self, parameter: Parameter, suggestions: Sequence[str] = ()) -> None:
        """Make the widget."""
        self.parameter = parameter
        self._set: tuple[Any, Any] = (UNSET, UNSET)
        self.widget: QWidget
        self._values: list[Any] = []
        if is_listed(parameter):
            self._values = [*([None] if parameter.allows_none else []), *parameter.choices]
            self.widget = _List()
            self.widget.addItems(["none" if value is None else str(value) for value in self._values])
            self.edited = self.widget.activated
        elif number_type(parameter) is bool:
            self.widget = QCheckBox()
            self.edited = self.widget.clicked
        elif number_type(parameter) is not None:
            self.widget = NumberBox(parameter)
            self.edited = self.widget.edited
        else:
            self.widget = QLineEdit()
            self.widget.setPlaceholderText(_placeholder(parameter))
            if suggestions:
                completer = QCompleter(list(suggestions), self.widget)
                completer.setFilterMode(Qt.MatchFlag.MatchContains)
                completer.setCompletionMode(QCompleter.CompletionMode.UnfilteredPopupCompletion)
                self.widget.setCompleter(completer)
                self.widget.setToolTip(", ".join(suggestions))
                completer.activated.connect(self.widget.textEdited)
            self.edited = self.widget.textEdited

    def set(self, value: Any) -> None:
        """Show a value; `UNSET` shows nothing.

        Parameters
        ----------
        value
            A value as it is in effect.
        """
        if self._values:
            known = [k for k, one in enumerate(self._values) if type(one) is type(value) and one == value]
            self.widget.setCurrentIndex(known[0] if known else -1)
        elif isinstance(self.widget, QCheckBox):
            self.widget.setChecked(value is True)
        else:
            text = "" if value is UNSET else to_text(value)
            line = self.widget.lineEdit() if isinstance(self.widget, NumberBox) else self.widget
            if line.text() != text:
                line.setText(text)
                line.setCursorPosition(0)
        self._set = (self._shown(), value)

    def get(self) -> Any:
        """Return the value, to be validated; `UNSET` where none is given."""
        shown, value = self._set
        return value if self._shown() == shown else self._typed()

    def type_text(self, text: str) -> None:
        """Write a text as a user does.

        Parameters
        ----------
        text
            The text; of a list, its entry.
        """
        if isinstance(self.widget, QComboBox):
            self.widget.setCurrentText(text)
            self.widget.activated.emit(self.widget.currentIndex())
        elif isinstance(self.widget, QCheckBox):
            if self.widget.isChecked() != (text == "true"):
                self.widget.click()
        else:
            line = self.widget.lineEdit() if isinstance(self.widget, NumberBox) else self.widget
            line.setText(text)
            line.textEdited.emit(text)

    @property
    def text(self) -> str:
        """What the widget shows, as a text."""
        shown = self._shown()
        return str(shown).lower() if isinstance(shown, bool) else str(shown)

    def _shown(self) -> Any:
        if isinstance(self.widget, QComboBox):
            return self.widget.currentText()
        if isinstance(self.widget, QCheckBox):
            return self.widget.isChecked()
        return (self.widget.lineEdit() if isinstance(self.widget, NumberBox) else self.widget).text()

    def _typed(self) -> Any:
        if self._values:
            index = self.widget.currentIndex()
            return UNSET if index < 0 else self._values[index]
        shown = self._shown()
        return shown if isinstance(shown, bool) else from_text(shown, self.parameter)


def _placeholder(parameter: Parameter) -> str:
    if parameter.required:
        return "a value is needed"
    return "none" if parameter.allows_none else "default"
