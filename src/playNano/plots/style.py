"""Style of the figures: sizes of a journal page, fonts, and writing of files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.core.files import atomic_write

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE_WIDTH_IN = 7.09
"""Width of a figure over two columns of a journal (180 mm), inches."""

COLUMN_WIDTH_IN = 3.46
"""Width of a figure in one column (88 mm), inches."""

DPI = 200
"""Resolution of PNG files, pixels per inch."""

PNG_LEVEL = 2
"""Compression of PNG files, 0 to 9: half the time of the default for a sixth more bytes."""

_STYLE: Any = {
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 6.5,
    "axes.linewidth": 0.6,
    "axes.titlepad": 3.0,
    # A fixed place: finding a free one lays out the whole axes once more.
    "axes.titley": 1.0,
    "axes.labelpad": 2.0,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 0.9,
    # Text stays text, so that it can be edited and searched.
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "playNano",
}


@contextmanager
def figure_style() -> Iterator[None]:
    """Use the fonts and lines of the figures inside the context."""
    import matplotlib

    with matplotlib.rc_context(_STYLE):
        yield


def new_figure(width_in: float, height_in: float) -> Figure:
    """Return an empty figure.

    Parameters
    ----------
    width_in, height_in
        Size, inches.
    """
    from playNano.plots.shown_figure import ShownFigure

    return ShownFigure(_STYLE, figsize=(width_in, height_in), dpi=DPI)


def add_axes(figure: Figure, left: float, top: float, width: float, height: float) -> Any:
    """Add axes at a place given in inches, which no later layout changes.

    Parameters
    ----------
    figure
        The figure.
    left, top
        Distance of the upper left corner from that of the figure, inches.
    width, height
        Size, inches.
    """
    wide, tall = figure.get_size_inches()
    return figure.add_axes((left / wide, 1 - (top + height) / tall, width / wide, height / tall))


def plain_log_ticks(axis: Any) -> None:
    """Label a logarithmic axis with plain numbers, within one or two decades also at 2 and 5.

    Parameters
    ----------
    axis
        The x or y axis of Matplotlib axes, after its limits were set.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axis.get_view_interval()
    narrow = high < 150 * low
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if narrow else (1.0,)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def plural(number: int, noun: str) -> str:
    """Return a number with its noun in singular or plural.

    Parameters
    ----------
    number
        How many.
    noun
        Singular.

    Examples
    --------
    >>> plural(1, "track"), plural(2, "track")
    ('1 track', '2 tracks')
    """
    return f"{number} {noun}{'s' * (number != 1)}"


def save_figure(figure: Figure, path: str | Path, dpi: float | None = None) -> None:
    """Write a figure to a file; the same figure gives the same bytes.

    Parameters
    ----------
    figure
        The figure.
    path
        The file: .png, .pdf or .svg; its folder is created if needed.
    dpi
        Resolution, pixels per inch; None for `DPI`. In .pdf and .svg it is that of images of many pixels only.

    Raises
    ------
    OSError
        If the file cannot be written; an existing file is left unchanged.
    ValueError
        If Matplotlib does not know the format.
    """
    suffix = Path(path).suffix.lower().lstrip(".") or "png"
    options: dict[str, Any] = {} if suffix != "png" else {"pil_kwargs": {"compress_level": PNG_LEVEL}}
    date = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(suffix)
    with figure_style(), atomic_write(path) as temporary:
        figure.savefig(temporary, format=suffix, metadata=date, dpi=dpi or DPI, **options)
