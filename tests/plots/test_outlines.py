"""Outlines of label images."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from playNano.plots.outlines import outline


def unit_edges(y, x):
    """The edges of pixels, one pixel long, that the lines cover: {(centre y, centre x)}."""
    edges = []
    for y0, y1, x0, x1 in zip(y[0::3], y[1::3], x[0::3], x[1::3], strict=True):
        n = round(abs(y1 - y0) + abs(x1 - x0))
        for k in range(n):
            edges.append((y0 + (y1 - y0) * (k + 0.5) / n, x0 + (x1 - x0) * (k + 0.5) / n))
    return edges


def label_borders(labels):
    """The same, by comparing each pixel with its neighbours one by one; outside of the image is background."""
    rows, columns = labels.shape

    def at(r, c):
        return labels[r, c] if 0 <= r < rows and 0 <= c < columns else 0

    edges = []
    for r in range(-1, rows):
        edges += [(r + 0.5, float(c)) for c in range(columns) if at(r, c) != at(r + 1, c)]
    for c in range(-1, columns):
        edges += [(float(r), c + 0.5) for r in range(rows) if at(r, c) != at(r, c + 1)]
    return edges


@given(arrays(np.int32, st.tuples(st.integers(1, 7), st.integers(1, 7)), elements=st.integers(0, 3)))
def test_lines_are_the_borders_of_the_labels(labels):
    y, x = outline(labels)
    assert np.isnan(y[2::3]).all() and np.isnan(x[2::3]).all()
    assert sorted(unit_edges(y, x)) == sorted(label_borders(labels))


def test_long_borders_are_one_line():
    labels = np.zeros((20, 30), np.int32)
    labels[5:15, 10:25] = 4
    y, x = outline(labels)
    assert len(y) == 3 * 4
    assert (np.nanmin(y), np.nanmax(y), np.nanmin(x), np.nanmax(x)) == (4.5, 14.5, 9.5, 24.5)
