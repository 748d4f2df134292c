"""A folder of images is a movie in the order of acquisition."""

import os
import pickle

import numpy as np
import pytest
import tifffile

from playNano.errors import ChannelError, FileFormatError, ParameterError
from playNano.io.loader import find_reader, list_channels, open_movie

MAIN = {
    0x8008: None,
    0x8042: 8e-9,
    0x8043: 15e-9,
    0x8049: 50.0,
    0x804B: "topDown",
    0x8050: "thumbnail",
}
SCALING = {
    0x8080: 1,
    0x8081: "cal",
    0x8090: "cal",
    0x80A2: "m",
    0x80A3: "LinearScaling",
    0x80A4: 1e-9,
    0x80A5: 0.0,
}


def extra(tags):
    kinds = {str: "s", int: "i", float: "d"}
    return [
        (code, kinds[type(value)], 0 if isinstance(value, str) else 1, value, True)
        for code, value in sorted(tags.items())
        if value is not None
    ]


def write(path, value, second, channel="height", shape=(3, 4), **change):
    main = {**MAIN, **{int(code, 16): new for code, new in change.items()}}
    if second is not None:
        main[0x8003] = f"2023-02-16 12:08:{second:06.3f} GMT"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(np.zeros((4, 4), np.uint8), extratags=extra(main), metadata=None)
        tags = extra({0x8050: channel, 0x8051: 0, **SCALING})
        tiff.write(np.full(shape, value, np.int32), extratags=tags, metadata=None)


def values(movie):
    return movie.read(0, movie.shape[0])[:, 0, 0].tolist()


def test_time_decides_and_not_the_name(tmp_path):
    for name, value, second in (("c.jpk", 1, 1.0), ("b.jpk", 3, 9.5), ("a.jpk", 2, 4.25)):
        write(tmp_path / name, value, second)
        os.utime(tmp_path / name, (value, value))
    movie = pickle.loads(pickle.dumps(open_movie(tmp_path)))
    assert values(movie) == [1.0, 2.0, 3.0]
    assert [frame["timestamp"] for frame in movie.frame_metadata] == [0.0, 3.25, 8.5]
    assert [frame["file"] for frame in movie.frame_metadata] == ["c.jpk", "a.jpk", "b.jpk"]
    assert movie.shape == (3, 3, 4)
    assert movie.pixel_size_nm == pytest.approx((5.0, 2.0))
    assert movie.path == tmp_path
    assert movie.read(1, 1).shape == (0, 3, 4)
    np.testing.assert_array_equal(movie.read(1, 3)[:, 0, 0], [2.0, 3.0])
    with pytest.raises(ParameterError):
        movie.read(0, 4)


def test_without_times_names_decide_as_numbers(tmp_path):
    for i in (10, 9, 1):
        write(tmp_path / f"scan-{i}.jpk", i, None)
    movie = open_movie(tmp_path)
    assert values(movie) == [1.0, 9.0, 10.0]
    assert "timestamp" not in movie.frame_metadata[0]


def test_frames_of_one_moment_go_by_name(tmp_path):
    for i in (10, 2):
        write(tmp_path / f"{i}.jpk", i, 5.0)
    assert values(open_movie(tmp_path)) == [2.0, 10.0]


def test_channels_and_other_files(tmp_path):
    write(tmp_path / "a.jpk", 1, 1.0)
    (tmp_path / "notes.txt").write_text("notes")
    (tmp_path / "empty.log").touch()
    (tmp_path / ".hidden.jpk").write_text("no image")
    (tmp_path / "sub").mkdir()
    movie = open_movie(tmp_path)
    assert movie.header["other_files"] == ["empty.log", "notes.txt"]
    assert list_channels(tmp_path) == ("height_trace",)
    assert find_reader(tmp_path).name == "folder"
    with pytest.raises(ChannelError, match=r"a\.jpk.*'phase'.*height_trace"):
        open_movie(tmp_path, "phase")


@pytest.mark.parametrize("content", [b"", b"no image at all"])
def test_a_damaged_frame_does_not_vanish(tmp_path, content):
    write(tmp_path / "a.jpk", 1, 1.0)
    (tmp_path / "b.jpk").write_bytes(content)
    with pytest.raises(FileFormatError, match=r"b\.jpk: the file has the name of an image, but jpk: "):
        open_movie(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (4, 4), "0x8043": 20e-9}, r"pixels \(3, 4\) in a\.jpk, \(4, 4\) in b\.jpk"),
        ({"0x8042": 9e-9}, r"nm \(y, x\) in a\.jpk"),
        ({"channel": "phase"}, "channel height_trace in"),
        ({"second": None}, r"1 of 2 images do not contain an acquisition time.*b\.jpk"),
    ],
)
def test_images_that_are_no_movie(tmp_path, change, message):
    write(tmp_path / "a.jpk", 1, 1.0)
    write(tmp_path / "b.jpk", **{"value": 2, "second": 2.0, **change})
    with pytest.raises(FileFormatError, match=message):
        open_movie(tmp_path, None)


def test_several_formats(tmp_path):
    write(tmp_path / "a.jpk", 1, 1.0)
    (tmp_path / "a.spm").write_bytes(
        b"\\*File list\r\n\\*Ciao image list\r\n\\Samps/line: 1\r\n\\*File list end\r\n"
    )
    with pytest.raises(FileFormatError, match="1 jpk, 1 spm"):
        open_movie(tmp_path)


@pytest.mark.parametrize(
    ("motions", "direction", "alternating"),
    [
        (["topDown", "topDown", "topDown"], "up", False),
        (["bottomUp", "topDown", "bottomUp"], "down", True),
        (["topDown", "topDown", "bottomUp"], None, False),
        (["topDown", "spiral", "topDown"], None, False),
    ],
)
def test_turns_of_the_slow_axis(tmp_path, motions, direction, alternating):
    for i, motion in enumerate(motions):
        write(tmp_path / f"{i}.jpk", i, float(i), **{"0x804B": motion})
    scan = open_movie(tmp_path).scan
    assert (scan.direction, scan.alternating) == (direction, alternating)
    assert scan.line_time_s == pytest.approx(0.02)


def spm(path, value, date):
    header = (
        f"\\*File list\r\n\\Date: {date}\r\n\\*Ciao scan list\r\n\\Scan Rate: 0.2\r\n\\*Ciao image list\r\n"
        "\\Data offset: 1024\r\n\\Data length: 4\r\n\\Samps/line: 1\r\n\\Number of lines: 2\r\n"
        '\\Scan Size: 1 1 nm\r\n\\@2:Image Data: S [Height] "Height"\r\n'
        "\\@2:Z scale: V (1 nm/LSB) 65536 nm\r\n\\*File list end\r\n"
    )
    path.write_bytes(header.encode().ljust(1024, b"\0") + np.array([value, value], "<i2").tobytes())


@pytest.mark.parametrize(
    ("seconds", "expected"), [([0, 11, 20], [0.0, 10.0, 20.0]), ([0, 11, 45], [0.0, 11.0, 45.0])]
)
def test_a_clock_of_whole_seconds(tmp_path, seconds, expected):
    """Frames that follow each other get exact times from the scan rate; a pause shows in the clock."""
    for i, second in enumerate(seconds):
        spm(tmp_path / f"x.{i:03d}", i, f"01:00:{second:02d} PM Fri Apr 25 2014")
    movie = open_movie(tmp_path)
    assert [frame["timestamp"] for frame in movie.frame_metadata] == pytest.approx(expected)
    assert values(movie) == [0.0, 1.0, 2.0]
