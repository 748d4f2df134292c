"""Names by the unit of the pixels, and parameters that are heights in nm."""

from dataclasses import dataclass
from typing import Annotated

import pandas as pd
import pytest

from playNano._options import HeightUnit
from playNano.core.params import Declaration
from playNano.core.value_units import (
    is_length,
    missing_column_reason,
    named_by_unit,
    parameters_by_unit,
    table_by_unit,
    topography_doubt,
    value_label,
    value_suffix,
)
from playNano.errors import ParameterError


@pytest.mark.parametrize(
    ("unit", "suffix"),
    [
        ("nm", "nm"), (" nm ", "nm"), ("deg", "deg"), ("°", "deg"), ("º", "deg"), ("Degrees", "deg"), ("V", "V"),
        ("volts", "V"), ("mV", "mV"), ("Hz", "Hz"), ("A", "A"), ("%", "percent"), ("µV", "uV"), ("μm", "um"),
        ("Å", "angstrom"), ("Ω", "ohm"), ("nN/V", "nNperV"), ("V/nm", "Vpernm"), ("m²", "m2"), ("a.u.", "au"),
        ("log(Arb)", "logArb"), ("", "au"), ("  ", "au"), ("漢", "au"), (None, "au"),
    ],
)  # fmt: skip
def test_a_suffix_is_one_word_of_ascii(unit, suffix):
    assert value_suffix(unit) == suffix
    assert is_length(unit) == (suffix == "nm")
    assert suffix.isascii() and suffix.isalnum()


def test_names_follow_the_unit_and_lateral_lengths_stay():
    names = [
        "y_nm",
        "area_nm2",
        "background_nm",
        "z_max_nm",
        "height_nm",
        "volume_nm3",
        "prominence_nm",
        "min",
    ]
    assert list(named_by_unit(names, "nm")) == list(named_by_unit(names, "nm").values()) == names
    assert list(named_by_unit(names, "°").values()) == [
        "y_nm", "area_nm2", "background_deg", "z_max_deg", "height_deg", "prominence_deg", "min",
    ]  # fmt: skip
    assert named_by_unit(["level_nm", "height_nm"], "V", ["level"]) == {
        "level_nm": "level_V",
        "height_nm": "height_nm",
    }


def test_a_table_of_lengths_is_returned_as_it_is():
    table = pd.DataFrame({"y_nm": [1.0], "height_nm": [2.0], "volume_nm3": [3.0]})
    assert table_by_unit(table, "nm") is table
    renamed = table_by_unit(table, "")
    assert renamed.to_dict("list") == {"y_nm": [1.0], "height_au": [2.0]}
    assert list(table) == ["y_nm", "height_nm", "volume_nm3"]


def test_labels_and_reasons(make_stack):
    height = make_stack()
    phase, nothing = (make_stack(unit=unit, channel="phase_trace") for unit in ("deg", ""))
    assert (height.is_length, height.value_suffix) == (True, "nm")
    assert (phase.is_length, phase.value_suffix) == (False, "deg")
    assert [value_label(stack) for stack in (height, phase, nothing)] == [
        "height (nm)",
        "phase_trace (deg)",
        "phase_trace (arbitrary units)",
    ]
    assert topography_doubt(height) is None
    assert "'phase_trace' is in deg, not a length" in topography_doubt(phase)
    assert "height_deg" in topography_doubt(phase)
    assert "has no unit" in topography_doubt(nothing)
    amplitude = make_stack(metadata={"file_channel": "Amplitude"})
    assert "'Amplitude' is not a topography" in topography_doubt(amplitude)
    assert missing_column_reason("height_nm", height) == missing_column_reason("other", phase) == ""
    assert "'height_deg'" in missing_column_reason("height_nm", phase)
    assert "there are no volumes" in missing_column_reason("volume_nm3", phase)


@dataclass
class Limits:
    """Limits.

    Parameters
    ----------
    low_nm
        A height.
    depth_nm
        A height or a distance.
    by
        Which of them.
    size
        Another parameter.
    """

    low_nm: Annotated[float, HeightUnit(instead="select by height_<unit>")] | None = 0.0
    depth_nm: Annotated[float, HeightUnit(when=("by", "height"))] | None = None
    by: str = "distance"
    size: int = 3


def test_heights_in_nm_are_refused_and_left_out_where_pixels_are_not_lengths(make_stack):
    declared, phase = [Declaration(Limits)], make_stack(unit="deg", channel="phase_trace")
    values = {"low_nm": 0.0, "depth_nm": 2.0, "by": "distance", "size": 4}
    assert parameters_by_unit(declared, {**values, "low_nm": 5.0}, make_stack(), "x") == {
        **values,
        "low_nm": 5.0,
    }
    assert parameters_by_unit(declared, values, phase, "x") == {"depth_nm": 2.0, "by": "distance", "size": 4}
    message = (
        r"step 2: low_nm is a height in nm, but the channel 'phase_trace' is in deg.*select by height_deg"
    )
    with pytest.raises(ParameterError, match=message):
        parameters_by_unit(declared, {**values, "low_nm": 5.0}, phase, "step 2")
    with pytest.raises(ParameterError, match=r"depth_nm.*leave it out"):
        parameters_by_unit(declared, {**values, "by": "height"}, phase, "x")
    assert "depth_nm" not in parameters_by_unit(
        declared, {**values, "by": "height", "depth_nm": None}, phase, "x"
    )
