"""Every parameter of every registered step and module has a field, and no value is lost on the way."""

import os

import pytest

if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")  # forms need no display

from playNano.analysis.pipeline import module_registry
from playNano.core.literals import Text
from playNano.core.params import declared_parameters
from playNano.errors import ParameterError
from playNano.processing.steps import step_registry
from playNano.viewer.fields import Field
from playNano.viewer.forms import Declared, ParameterForm
from playNano.viewer.values import UNSET, from_text, to_text

NEEDED = {
    "low_nm": 0.5, "high_nm": 1.25, "start": 1, "end": 3, "y": 1.5, "x": 0.0, "height": 8.0, "width": 9.0,
    "angle_deg": 30.0, "k": 3, "edits": [], "template_box": [0, 2, 2, 9, 9],
}  # fmt: skip
"""Values of parameters that have no default."""

ALL = [Declared(name, False) for name in step_registry().usable()]
ALL += [Declared(name, True) for name in module_registry().usable()]


def bindable(declared):
    """Return needed values, with a region of the right shape."""
    needed = {p.name: NEEDED.get(p.name) for p in declared.parameters({}) if p.required}
    if "region" in needed:
        corners = [[1.0, 1.0], [1.0, 6.0], [6.0, 6.0]]
        needed["region"] = {"name": "box", "shape": "polygon", "points_px": corners}
    if declared.name == "template_detection":
        needed["template_box"] = NEEDED["template_box"]
    if declared.name == "kymograph":
        needed["line_nm"] = [[0.0, 0.0], [10.0, 12.5]]
    return needed


@pytest.fixture(params=ALL, ids=lambda one: one.name)
def declared(request):
    return request.param


def test_round_trip(declared, qtbot):
    needed = bindable(declared)
    form = ParameterForm(declared, needed)
    qtbot.addWidget(form)
    assert form.error == ""
    in_effect = declared.bind(needed)
    assert list(form.fields) == [p.name for p in declared.parameters(needed)]
    assert set(form.fields) >= set(in_effect)
    assert declared.bind(form.values()) == in_effect, "an untouched form gives the defaults"
    form.set_values(in_effect)
    assert declared.bind(form.values()) == in_effect
    shown = {name: field.get() for name, field in form.fields.items() if field.get() is not UNSET}
    assert declared.bind(shown) == in_effect, "what the fields show are the values in effect"


def test_typed_again(declared, qtbot):
    """What a form shows, written into another form by hand, gives the same values, None included."""
    in_effect = declared.bind(bindable(declared))
    first, second = ParameterForm(declared, in_effect), ParameterForm(declared, bindable(declared))
    for form in (first, second):
        qtbot.addWidget(form)
    for name in ("mask_fn", *first.fields):
        if name in first.fields and not isinstance(in_effect.get(name), dict):
            second.fields[name].type_text("?")
            second.fields[name].type_text(first.fields[name].text)
    assert second.error == ""
    assert declared.bind(second.values()) == in_effect


def test_none_stays_none_in_every_optional_field(declared, qtbot):
    for parameter in declared.parameters({}):
        field = Field(parameter)
        qtbot.addWidget(field.widget)
        field.set(None) if parameter.allows_none else field.set(UNSET)
        assert field.get() is (None if parameter.allows_none else UNSET)
        if parameter.allows_none:
            assert field._typed() is None


def field_of(annotation, default, qtbot):
    def function(value=default): ...

    function.__annotations__["value"] = annotation
    (parameter,) = declared_parameters(function)
    field = Field(parameter)
    qtbot.addWidget(field.widget)
    return field


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (float, 1e-20), (float, 0.1 + 0.2), (float, -12345678.123456789), (int, 2**53 + 1), (int | None, 0),
        (int | None, None), (float | None, 0.0), (str, "none"), (str | None, "20:60"), (bool, True), (bool, False),
        (tuple[float, float] | None, (1.5, 2.25)), (list[list[float]], [[0.1, 2.0], [3.0, 4.5]]),
    ],
)  # fmt: skip
def test_values_are_exact(annotation, value, qtbot):
    from playNano.core.params import bind_params

    field = field_of(annotation, value, qtbot)
    field.set(value)
    assert field.get() == value
    field.type_text("")
    field.type_text(to_text(value) or "")
    typed = field._typed()

    def function(value: annotation = value): ...

    function.__annotations__["value"] = annotation
    bound = bind_params(function, {"value": typed}, where="x")["value"]
    assert bound == value
    assert type(bound) is type(value)


def test_arrows_respect_limits(qtbot):
    form = ParameterForm(Declared("mask_morphological", False), {"structure_size": 2})
    qtbot.addWidget(form)
    box = form.fields["structure_size"].widget
    box.stepBy(-1)
    assert form.values()["structure_size"] == Text("1")
    box.stepBy(-1)
    assert form.fields["structure_size"].text == "1", "below its limit"
    box.stepBy(2)
    assert Declared("mask_morphological", False).bind(form.values())["structure_size"] == 3


def test_a_wrong_value_is_said_and_kept(qtbot):
    form = ParameterForm(Declared("gaussian_filter", False))
    qtbot.addWidget(form)
    form.fields["sigma"].type_text("-1")
    assert "sigma" in form.error
    assert form.fields["sigma"].text == "-1"
    with pytest.raises(ParameterError):
        Declared("gaussian_filter", False).bind(form.values())
    form.fields["sigma"].type_text("")
    assert form.error == ""
    assert Declared("gaussian_filter", False).bind(form.values()) == {"sigma": 1.0}


def test_the_mask_brings_its_parameters(qtbot):
    form = ParameterForm(Declared("feature_detection", True))
    qtbot.addWidget(form)
    assert form.fields["min_size"].text == "0", "the default of the automatic segmentation"
    assert "threshold" not in form.fields
    form.fields["mask_fn"].type_text("mask_threshold")
    form.fields["threshold"].type_text("1.5")
    assert form.fields["min_size"].text == "10", "the default with a mask"
    bound = Declared("feature_detection", True).bind(form.values())
    assert (bound["threshold"], bound["min_size"]) == (1.5, 10)
    form.fields["mask_fn"].type_text("")
    assert "threshold" not in form.fields
    assert Declared("feature_detection", True).bind(form.values()) == Declared(
        "feature_detection", True
    ).bind({})


def test_a_threshold_alone_is_kept(qtbot):
    """`threshold` without a mask stands for `mask_threshold`."""
    declared = Declared("feature_detection", True)
    form = ParameterForm(declared, {"threshold": Text("1"), "min_size": 3})
    qtbot.addWidget(form)
    assert form.fields["mask_fn"].text == "mask_threshold"
    assert declared.bind(form.values()) == declared.bind({"threshold": 1.0, "min_size": 3})
    form.fields["mask_fn"].type_text("mask_otsu")
    assert "threshold" not in form.fields
    assert form.error == ""
    assert declared.bind(form.values())["nbins"] == 256


def test_empty_is_not_zero():
    (parameter,) = declared_parameters(lambda limit=None: None)
    assert from_text("0", parameter) == "0"
    assert from_text(" ", parameter) is None
