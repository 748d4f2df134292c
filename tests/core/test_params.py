"""Parameters: what the signature does not allow is refused, what it allows is in effect."""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from playNano._options import Unit
from playNano.core.literals import Text, parse_literal, split_outside_brackets
from playNano.core.params import bind_params, checked, declared_parameters, describe_type
from playNano.errors import ParameterError, PlayNanoError


def smooth(
    frame,
    sigma: Annotated[float, Field(gt=0, le=10), Unit("px")] = 1.0,
    times: int = 1,
    *,
    mirror: bool = True,
    mode: Literal["reflect", "wrap"] = "reflect",
    label: str = "a",
    reach: float | None = None,
    axes: Sequence[str] = ("y", "x"),
    edge: Literal["none", "wrap"] = "wrap",
    word: str | Callable[..., Any] | None = "a",
):
    """Take one parameter of every kind."""


def bind(function=smooth, **params):
    return bind_params(function, params, where="step 3 (smooth)", skip=("frame",))


def test_defaults_are_in_effect():
    assert bind() == {
        "sigma": 1.0,
        "times": 1,
        "mirror": True,
        "mode": "reflect",
        "label": "a",
        "reach": None,
        "axes": ("y", "x"),
        "edge": "wrap",
        "word": "a",
    }


def test_result_follows_the_signature_order():
    assert list(bind(label="b", sigma=2.0)) == list(bind())


def test_integer_for_a_float_becomes_a_float():
    bound = bind(sigma=2, reach=3)
    assert (type(bound["sigma"]), type(bound["reach"])) == (float, float)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"sigm": 2.0}, r"step 3 \(smooth\): unknown parameter 'sigm'; did you mean 'sigma'\?"),
        ({"zzz": 2.0}, r"unknown parameter 'zzz' \(it takes: sigma, times, mirror"),
        ({"sigma": 0.0}, r"'sigma' must be 0 < float <= 10, got 0\.0"),
        ({"sigma": 11}, r"'sigma'"),
        ({"sigma": "wide"}, r"'sigma' must be 0 < float <= 10, got 'wide'"),
        ({"sigma": float("nan")}, r"'sigma'"),
        ({"reach": float("nan")}, r"'reach' must be a number, got nan"),
        ({"sigma": None}, r"'sigma'"),
        ({"sigma": [1.0]}, r"'sigma'"),
        ({"times": 1.5}, r"'times' must be int, got 1\.5"),
        ({"times": True}, r"'times' must be int, got True"),
        ({"sigma": True}, r"'sigma'"),
        ({"reach": False}, r"'reach'"),
        ({"mirror": "perhaps"}, r"'mirror' must be bool, got 'perhaps'"),
        ({"mode": "refelct"}, r"'mode' must be 'reflect' \| 'wrap', got 'refelct'"),
        ({"label": 3}, r"'label' must be str"),
        ({"axes": 3}, r"'axes'"),
        ({"frame": 1}, r"unknown parameter 'frame'"),
    ],
)
def test_what_the_signature_does_not_allow_is_refused(params, message):
    with pytest.raises(ParameterError, match=message):
        bind(**params)


@pytest.mark.parametrize("kind", [ValueError, TypeError, PlayNanoError])
def test_the_error_is_what_a_caller_would_expect(kind):
    with pytest.raises(kind):
        bind(sigm=2.0)


def test_a_needed_parameter_is_named():
    def count(k: Annotated[int, Field(ge=1)], seed: int = 0): ...

    with pytest.raises(ParameterError, match=r"'k' \(int >= 1\) is needed"):
        bind_params(count, {"seed": 3}, where="count")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("sigma", "1e-3", 0.001),
        ("sigma", "5", 5.0),
        ("times", "4", 4),
        ("times", " 4 ", 4),
        ("mirror", "false", False),
        ("mirror", "True", True),
        ("mode", "wrap", "wrap"),
        ("label", "12", "12"),
        ("label", "true", "true"),
        ("label", "/data/a b.txt", "/data/a b.txt"),
        ("label", "none", "none"),
        ("word", "nine", "nine"),
        ("edge", "none", "none"),
        ("reach", "none", None),
        ("reach", "null", None),
        ("reach", "2.5", 2.5),
    ],
)
@pytest.mark.parametrize("kind", [Text, str])
def test_text_is_read_by_the_type(name, text, value, kind):
    bound = bind(**{name: kind(text)})[name]
    assert bound == value
    assert type(bound) is type(value)


def test_none_in_a_step_text_where_none_is_allowed():
    assert bind(word=Text("none"))["word"] is None
    assert bind(word="none")["word"] == "none"


@pytest.mark.parametrize("text", ['"20:60"', "'20:60'", " 20:60 ", "20:60"])
def test_quotation_marks_around_a_text_are_not_part_of_it(text):
    assert bind(word=Text(text))["word"] == "20:60"


@pytest.mark.parametrize("text", ["[x, y, t]", "(x,y,t)", "x, y, t]"])
def test_lists_are_read_from_step_text_only(text):
    if text.startswith(("[", "(")):
        assert list(bind(axes=Text(text))["axes"]) == ["x", "y", "t"]
    with pytest.raises(ParameterError, match="axes"):
        bind(axes=text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("sigma", "1e-3x"),
        ("sigma", "true"),
        ("times", "1.5"),
        ("times", "1e0x"),
        ("mirror", "3"),
        ("sigma", ""),
    ],
)
def test_text_of_the_wrong_kind_is_refused(name, text):
    with pytest.raises(ParameterError, match=repr(name)):
        bind(**{name: Text(text)})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float32(2.5), 2.5),
        (np.float64(2.5), 2.5),
        (np.int16(2), 2.0),
        (np.array(2.5), 2.5),
    ],
)
def test_numpy_scalars_become_plain(value, expected):
    bound = bind(sigma=value)["sigma"]
    assert bound == expected
    assert type(bound) is float


def test_numpy_values_for_other_types():
    bound = bind(times=np.int64(3), mirror=np.bool_(False), axes=np.array(["y", "x"]), label=np.str_("b"))
    assert type(bound["times"]) is int
    assert bound["mirror"] is False
    assert list(bound["axes"]) == ["y", "x"]
    assert bound["label"] == "b"


def test_given_values_are_not_changed():
    axes = ["x", "y"]
    given_values = {"axes": axes}
    bind_params(smooth, given_values, where="w", skip=("frame",))
    assert given_values == {"axes": ["x", "y"]}
    assert axes == ["x", "y"]


def test_a_plugin_without_annotations():
    def plugin(frame, level=0.5, invert=False, other=None, count=3, word="x"): ...

    bound = bind_params(
        plugin,
        {"level": Text("1e-3"), "invert": Text("true"), "other": Text("2")},
        where="p",
        skip=("frame",),
    )
    assert bound == {"level": 0.001, "invert": True, "other": 2, "count": 3, "word": "x"}
    with pytest.raises(ParameterError, match="level"):
        bind_params(plugin, {"level": "high"}, where="p", skip=("frame",))
    with pytest.raises(ParameterError, match="did you mean 'level'"):
        bind_params(plugin, {"levl": 1}, where="p", skip=("frame",))


def test_an_open_signature_takes_further_names():
    def plugin(frame, level: float = 1.0, **rest): ...

    bound = bind_params(plugin, {"other": Text("1e-3"), "more": np.int8(3)}, where="p", skip=("frame",))
    assert bound == {"level": 1.0, "other": 0.001, "more": 3}
    assert type(bound["more"]) is int


def test_annotations_that_cannot_be_read_do_not_hinder():
    def plugin(frame, level: "NotImportedHere" = 1.0): ...  # noqa: F821

    assert bind_params(plugin, {"level": Text("2")}, where="p", skip=("frame",)) == {"level": 2.0}


def test_positional_catch_all_is_no_parameter():
    def plugin(frame, *rest, level: float = 1.0): ...

    assert bind_params(plugin, {}, where="p", skip=("frame",)) == {"level": 1.0}
    with pytest.raises(ParameterError, match="unknown parameter 'rest'"):
        bind_params(plugin, {"rest": 1}, where="p", skip=("frame",))


def test_a_callable_object_declares_its_parameters():
    class Threshold:
        def __call__(self, frame, level: float = 1.0): ...

    bound = bind_params(Threshold(), {"level": "3"}, where="p", skip=("frame",))
    assert bound == {"level": 3.0}


def test_types_of_no_schema_pass_by_instance():
    class Own:
        pass

    def plugin(own: Own, path: Path = Path()): ...

    own = Own()
    assert bind_params(plugin, {"own": own, "path": "a/b"}, where="p") == {"own": own, "path": Path("a/b")}
    with pytest.raises(ParameterError, match="own"):
        bind_params(plugin, {"own": 3}, where="p")


@settings(deadline=None)
@given(
    st.floats(min_value=0, max_value=10, exclude_min=True),
    st.integers(min_value=-(10**6), max_value=10**6),
    st.booleans(),
)
def test_text_means_what_the_value_means(sigma, times, mirror):
    as_text = bind(sigma=Text(repr(sigma)), times=Text(str(times)), mirror=Text(str(mirror)))
    assert as_text == bind(sigma=sigma, times=times, mirror=mirror)


NAMES = ["sigma", "times", "mirror", "mode", "label", "reach", "axes", "frame", "sigm", ""]
WORDS = ["", "1e-3", "none", "true", "wrap", "[1,2]", "nan", "inf", "-1"]


@settings(deadline=None, max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(NAMES),
        st.none() | st.booleans() | st.floats() | st.sampled_from([*WORDS, *map(Text, WORDS)]),
    )
)
def test_anything_is_either_bound_or_refused(params):
    try:
        bound = bind_params(smooth, params, where="w", skip=("frame",))
    except ParameterError:
        return
    assert set(bound) == set(bind())
    assert 0 < bound["sigma"] <= 10


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("-3", -3),
        ("1e-3", 0.001),
        (".5", 0.5),
        ("inf", float("inf")),
        ("TRUE", True),
        ("None", None),
        ("'3'", "3"),
        ('"a b"', "a b"),
        ("[1, [2, 3], x]", [1, [2, 3], "x"]),
        ("()", []),
        ("[1", "[1"),
        ("mask_threshold", "mask_threshold"),
        ("", ""),
    ],
)
def test_parse_literal(text, value):
    parsed = parse_literal(text)
    assert parsed == value
    assert type(parsed) is type(value)


def test_split_outside_brackets():
    assert split_outside_brackets("a=[1,(2,3)],b=(4,5),c", ",") == ["a=[1,(2,3)]", "b=(4,5)", "c"]
    assert split_outside_brackets("", ",") == [""]


def test_checked_checks_keyword_parameters():
    @checked
    def grow(data, factor: float = 9.0, *, times: Annotated[int, Field(ge=1)] = 2, name: str = "n"):
        return data, factor, times, name

    assert grow(1) == (1, 9.0, 2, "n")
    assert grow(1, times="3") == (1, 9.0, 3, "n")
    assert grow(data=1, factor="kept") == (1, "kept", 2, "n")
    with pytest.raises(ParameterError, match=r"grow: unknown parameter 'tims'; did you mean 'times'"):
        grow(1, tims=3)
    with pytest.raises(ParameterError, match=r"grow: parameter 'times' must be int >= 1"):
        grow(1, times=0)
    assert grow.__name__ == "grow"


def test_declared_parameters_tell_what_help_needs():
    listed = {p.name: p for p in declared_parameters(smooth, skip=("frame",))}
    assert list(listed) == list(bind())
    assert (listed["sigma"].type_name, listed["sigma"].unit, listed["sigma"].default) == (
        "0 < float <= 10",
        "px",
        1.0,
    )
    assert not listed["sigma"].required
    assert listed["times"].unit is None
    (needed,) = declared_parameters(lambda k: k)
    assert needed.required
    assert needed.default is inspect.Parameter.empty


def test_a_parameter_knows_limits_choices_and_meaning():
    def part(
        sigma: Annotated[float, Field(gt=0, le=10), Unit("px")] | None = 1.0,
        mode: Annotated[Literal["a", "b"], "note"] | None = None,
        sizes: tuple[Annotated[int, Field(ge=1, lt=9)], ...] = (1,),
        other: Any = None,
    ):
        """Do a part.

        Parameters
        ----------
        sigma, sizes
            Width and sizes.
        mode
            How it is done.
        """

    sigma, mode, sizes, other = declared_parameters(part)
    assert (sigma.limits, sigma.unit, sigma.allows_none) == ({"gt": 0, "le": 10}, "px", True)
    assert get_args(get_args(sigma.annotation)[0])[0] is float
    assert (mode.choices, mode.allows_none, mode.limits) == (("a", "b"), True, {})
    assert (sizes.limits, sizes.choices, sizes.allows_none) == ({"ge": 1, "lt": 9}, (), False)
    assert (other.annotation, other.allows_none, other.description) == (Any, True, "")
    assert [sigma.description, mode.description, sizes.description] == [
        "Width and sizes.",
        "How it is done.",
        "Width and sizes.",
    ]


@dataclass(frozen=True)
class Options:
    """Options of a part.

    Parameters
    ----------
    width
        Its width, px.
    names
        Its names.
    """

    width: Annotated[float, Field(gt=0)] = 2.0
    names: list[str] = field(default_factory=lambda: ["a"])


@dataclass(frozen=True)
class MoreOptions(Options):
    """More of them.

    Parameters
    ----------
    height
        Its height, px.
    """

    height: float = 1.0


def test_a_dataclass_declares_with_what_it_inherits():
    width, names, height = declared_parameters(MoreOptions)
    assert (width.type_name, width.description) == ("float > 0", "Its width, px.")
    assert (names.default, names.description) == (["a"], "Its names.")
    assert (height.type_name, height.default, height.description) == ("float", 1.0, "Its height, px.")
    bound = bind_params(MoreOptions, {"width": "3"}, where="part")
    assert MoreOptions(**bound) == MoreOptions(3.0)
    with pytest.raises(ParameterError, match="'width' must be float > 0"):
        bind_params(MoreOptions, {"width": -1}, where="part")


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (int, "int"),
        (Annotated[float, Field(ge=0, lt=1)], "0 <= float < 1"),
        (Annotated[int, Field(le=999, ge=1)] | None, "1 <= int <= 999 or None"),
        (tuple[Annotated[float, Field(gt=0, lt=1)], ...], "tuple of 0 < float < 1"),
        (Annotated[float, Field(lt=1)], "float < 1"),
        (Annotated[float, Field(gt=0, ge=1)], "float > 0 >= 1"),
        (Annotated[float, Field(gt=0)] | None, "float > 0 or None"),
        (str | Callable[..., Any] | None, "str or callable or None"),
        (Literal["a", "b"], "'a' | 'b'"),
        (Sequence[str], "sequence of str"),
        (tuple[float, ...], "tuple of float"),
        (dict[str, int], "dict of str, int"),
        (Any, "any"),
        (inspect.Parameter.empty, "any"),
    ],
)
def test_describe_type(annotation, words):
    assert describe_type(annotation) == words


def test_a_choice_called_none_stays_text():
    def part(stack, separate: Literal["none", "opening"] = "opening", name: str | None = "x"): ...

    bound = bind_params(part, {"separate": Text("none"), "name": Text("none")}, where="part", skip=("stack",))
    assert bound == {"separate": "none", "name": None}
