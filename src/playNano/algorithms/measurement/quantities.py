"""Names of measured quantities: a stem and a unit, and the names of all that is derived from them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_UNIT = re.compile(
    r"_(1(?:_(?:nm2|nm|s|frame))+|nm[23]?_(?:s|frame)|rad2_(?:s|frame)|nm[23]?|px2?|s|frame|rad2?|V)$"
)
_OF_PIXELS = re.compile(r"^((?:mean_)?height|z_min|z_max|z_mean|background|prominence)_([A-Za-z0-9]+)$")


@dataclass(frozen=True)
class Quantity:
    """A column of measured values.

    Parameters
    ----------
    stem
        Its name without the unit.
    unit
        The unit as in names of columns; "" for a plain number.

    Examples
    --------
    >>> height = Quantity.of("height_nm")
    >>> height.name, height.derived("low"), Quantity.of("rate_1_s").derived("high")
    ('height_nm', 'height_low_nm', 'rate_high_1_s')
    >>> Quantity.of("height_deg").unit, Quantity.of("eccentricity").derived("sd")
    ('deg', 'eccentricity_sd')
    """

    stem: str
    unit: str = ""

    @classmethod
    def of(cls, name: str) -> Quantity:
        """Return the quantity of a column.

        Parameters
        ----------
        name
            Name of the column.
        """
        of_pixels = _OF_PIXELS.match(name)
        if of_pixels:
            return cls(of_pixels[1], of_pixels[2])
        unit = _UNIT.search(name)
        return cls(name[: unit.start()], unit[1]) if unit and unit.start() else cls(name)

    @property
    def name(self) -> str:
        """Name of the column."""
        return f"{self.stem}_{self.unit}" if self.unit else self.stem

    @property
    def words(self) -> str:
        """Its name as it is printed."""
        return self.stem.replace("_", " ")

    def derived(self, what: str) -> str:
        """Return the name of a derived value in the same unit.

        Parameters
        ----------
        what
            "low", "high", "sd", "error".
        """
        return Quantity(f"{self.stem}_{what}", self.unit).name
