"""Files of edits."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from playNano.analysis.curation.edits import (
    OF_LINKS,
    Edit,
    Place,
    edits_in_effect,
    merged_edits,
    read_edits,
    write_edits,
)
from playNano.errors import FileFormatError, ParameterError

number = st.floats(-1e6, 1e6)
words = st.text("abc, ;'\"\u00e9\n", max_size=12).map(str.strip)


@st.composite
def edits(draw):
    kind = draw(st.sampled_from(["join", "break", "confirm", "delete", "add", "unusable"]))
    frame = draw(st.integers(0, 1000))
    place = Place(frame, draw(number), draw(number), draw(number), draw(number))
    to = (
        Place(frame + draw(st.integers(1, 9)), y_nm=draw(number), x_nm=draw(number))
        if kind in OF_LINKS
        else None
    )
    return Edit(kind, place, to, draw(words), "2026-11-27T20:00:00.000+00:00", draw(words))


@given(st.lists(edits(), max_size=8))
def test_a_file_keeps_every_edit_exactly(tmp_path_factory, listed):
    path = tmp_path_factory.mktemp("edits") / "edits.csv"
    write_edits(path, listed)
    assert read_edits(path) == listed
    assert [Edit.from_dict(row) for row in edits_in_effect(path)] == listed


def written(tmp_path: Path, text: str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "edits.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_file_of_a_spreadsheet(tmp_path):
    text = (
        "edit;frame;y_nm;x_nm;to_frame;to_y_nm;to_x_nm;reason\r\nbreak;3;10,5;4;5;12,25;4;jump, clearly\r\n"
    )
    (edit,) = read_edits(written(tmp_path, text, "utf-8-sig"))
    expected = Place(3, y_nm=10.5, x_nm=4.0), Place(5, y_nm=12.25, x_nm=4.0)
    assert edit == Edit("break", *expected, reason="jump, clearly")


def test_rows_without_an_edit_and_other_columns_are_left_out(tmp_path):
    text = "edit,frame,y_px,x_px,status,confidence\n,1,2,3,applied,0.5\ndelete,1,2,3,no match,0.1\n"
    assert read_edits(written(tmp_path, text)) == [Edit("delete", Place(1, y_px=2.0, x_px=3.0))]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("cut,1,2,3,,,", r"line 2: edit must be one of join, break, confirm.*'cut'"),
        ("delete,1,2,,,,", "line 2: delete needs frame, and y_nm and x_nm"),
        ("delete,1.5,2,3,,,", r"frame is 1.5; frames are counted 0, 1, 2"),
        ("delete,-1,2,3,,,", "frame is -1"),
        ("unusable,1e30,,,,,", r"frame is 1e\+30"),
        ("delete,1,two,3,,,", "y_nm is 'two', which is no number"),
        ("delete,1,inf,3,,,", "no finite number"),
        ("join,1,2,3,,,", "join needs to_frame"),
        ("join,1,2,3,4,5,", "to_y_nm and to_x_nm"),
        ("join,4,2,3,4,5,6", "to_frame is 4; it must come after frame 4"),
        ("add,,2,3,,,", "add needs frame"),
        ("break,17,82,8,166,2,18,123,0", "9 values in 7 columns; decimal commas need semicolons"),
        ("break,1,2,3,,4,5", "break has a place to_..., and no to_frame"),
    ],
)
def test_a_wrong_row_is_named(tmp_path, row, message):
    path = written(tmp_path, f"edit,frame,y_nm,x_nm,to_frame,to_y_nm,to_x_nm\n{row}\n")
    with pytest.raises(FileFormatError, match=message):
        read_edits(path)
    with pytest.raises(ParameterError, match=message):
        edits_in_effect(str(path))


@pytest.mark.parametrize(
    ("head", "message"),
    [
        ("kind,frame", "no column 'edit'"),
        ("edit,fram,y_nm", "no column 'frame'"),
        ("edit,frame,y_nm,x_nn", "'x_nn' is nearly 'x_nm'"),
        ("edit,frame,y_nm,y_nm", "two columns are called 'y_nm'"),
    ],
)
def test_a_wrong_heading_is_named(tmp_path, head, message):
    with pytest.raises(FileFormatError, match=message):
        read_edits(written(tmp_path, head + "\n"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"none\.csv cannot be read: No such file"):
        edits_in_effect(str(tmp_path / "none.csv"))


def test_repeated_edits_are_merged():
    first, second = Edit("delete", Place(1, y_nm=1.0, x_nm=2.0)), Edit("unusable", Place(3))
    again = Edit("delete", Place(1, y_nm=1.0, x_nm=2.0), author="another")
    assert merged_edits([first], [second, again]) == [first, second]


def test_a_repeated_edit_stays_where_another_may_have_undone_it():
    a, b, c = Place(1, y_nm=1.0, x_nm=2.0), Place(2, y_nm=1.0, x_nm=2.0), Place(2, y_nm=9.0, x_nm=2.0)
    cut, join, other = Edit("break", a, b), Edit("join", a, b), Edit("join", a, c)
    assert merged_edits([cut, join], [cut]) == [cut, join, cut]
    assert merged_edits([], [join, other, join]) == [join, other, join]
    add, delete, lost = Edit("add", a), Edit("delete", a), Edit("unusable", Place(3))
    assert merged_edits([add, delete], [lost, add]) == [add, delete, lost, add]
    # A detection is not deleted twice: the second time its neighbour may be the nearest.
    assert merged_edits([delete, lost], [cut, delete]) == [delete, lost, cut]
    # The same file again, and a file to which rows were added, change nothing twice.
    assert merged_edits([cut, join, lost], [cut, join, lost]) == [cut, join, lost]
    assert merged_edits([cut, join], [cut, join, lost]) == [cut, join, lost]


def test_broken_text_is_named(tmp_path):
    path = written(tmp_path, "edit,frame,reason\nunusable,1," + "x" * 200_000 + "\n")
    with pytest.raises(FileFormatError, match=r"edits\.csv, line 2: field larger than"):
        read_edits(path)
    with pytest.raises(FileFormatError, match="save it as CSV in UTF-8"):
        read_edits(written(tmp_path, "edit,frame,author\nunusable,1,J\u00fcrgen\n", "cp1252"))
