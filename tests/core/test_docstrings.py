"""Descriptions of parameters, from numpydoc docstrings."""

import inspect

from playNano.core.docstrings import parameter_descriptions, sections


def smooth(frame, sigma, radius, *parts, mode="a", **rest):
    """Smooth a frame.

    Parameters
    ----------
    frame : ndarray
        Heights, nm.
    sigma, radius
        Width of the Gaussian,
        px: a number.

        More that only a manual needs.
    *parts
        Further frames.
    mode : {"a", "b"}
        How: by "a" or
            an indented "b".
    **rest
        What is handed on.

    Returns
    -------
    sigma
        Not a parameter.

    Other Parameters
    ----------------
    hidden
        One more.

    Notes
    -----
    radius
        Not a parameter either.
    """


def test_every_parameter_has_its_paragraph_on_one_line():
    assert parameter_descriptions(smooth) == {
        "frame": "Heights, nm.",
        "sigma": "Width of the Gaussian, px: a number.",
        "radius": "Width of the Gaussian, px: a number.",
        "parts": "Further frames.",
        "mode": 'How: by "a" or an indented "b".',
        "rest": "What is handed on.",
        "hidden": "One more.",
    }


def test_no_docstring_and_no_section():
    assert parameter_descriptions(lambda x: x) == {}

    def plain(x):
        """Say nothing of x."""

    assert parameter_descriptions(plain) == {}


class Base:
    """Options.

    Parameters
    ----------
    width
        Of the base.
    height
        Of the base too.
    """


class Child(Base):
    """Further options.

    Parameters
    ----------
    width
        Of the child.
    """


class Silent(Child):
    pass


def test_a_class_inherits_descriptions():
    expected = {"width": "Of the child.", "height": "Of the base too."}
    assert parameter_descriptions(Child) == parameter_descriptions(Silent) == expected


def test_sections_of_a_docstring():
    parts = sections(inspect.getdoc(smooth))
    assert list(parts) == ["", "Parameters", "Returns", "Other Parameters", "Notes"]
    assert parts[""] == "Smooth a frame."
    assert parts["Returns"] == "sigma\n    Not a parameter."
    assert parts["Notes"].endswith("Not a parameter either.")
    assert sections("") == {"": ""}
    assert sections("One.\n\nTwo\nlines.") == {"": "One.\n\nTwo\nlines."}
