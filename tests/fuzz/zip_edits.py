"""Damages of zip archives of arrays: members, their compression and their sums."""

import io
import json
import struct
import zipfile

import numpy as np

ARRAYS = (
    0, 1, -1, 2**31 - 1, 1.5, np.nan, np.inf, "x", "", "[1,2", "{}", "[]", "null", "nm", [], [1.0, 2.0],
    [1.0, 2.0, 3.0], np.zeros((0, 3)), np.zeros((2, 2, 2)), np.zeros((2, 2, 2), complex), ["a", "b"], b"abc",
    np.zeros(3, [("a", "f4")]), np.datetime64(0, "s"), np.zeros((1, 1, 1), "f2"), np.asfortranarray(np.ones((2, 3, 4))),
)  # fmt: skip
JSON = (
    {"scan": {"bogus": 1}}, {"scan": 3}, {"scan": {"lines": "x", "line_time_s": "y"}}, {"frame_metadata": [{}]},
    {"frame_metadata": 5}, {"frame_metadata": [1, 2, 3]}, {"header": [1]}, {"header": None}, [1], 5, "x", None,
    {"frame_metadata": [{"timestamp": "x"}] * 3}, {"frame_metadata": [{"timestamp": [1]}] * 3},
    {"scan": {"lines": -1, "line_time_s": -5.0, "direction": "sideways"}}, {"header": {"dtype": {}}},
)  # fmt: skip


def stored(array):
    buffer = io.BytesIO()
    np.save(buffer, np.asarray(array))
    return buffer.getvalue()


def edit_zip(members, rng):
    """Write an archive anew with another member, or change its central directory; return what was done."""
    with zipfile.ZipFile(io.BytesIO(members[""])) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name, way = sorted(parts)[rng.integers(len(parts))], int(rng.integers(9))
    if way == 0:
        del parts[name]
    elif way == 1:
        parts[name] = stored(ARRAYS[rng.integers(len(ARRAYS))])
    elif way == 2:
        parts[name] = parts[name][: rng.integers(len(parts[name]))]
    elif way == 3:
        text = json.dumps(JSON[rng.integers(len(JSON))])
        parts["metadata.npy"] = stored(text)
    elif way == 4:
        parts["unused.npy"] = stored(np.zeros(10**6))
    elif way == 5:
        data = bytearray(parts[name])
        data[rng.integers(min(len(data), 128))] = int(rng.integers(32, 127))
        parts[name] = bytes(data)
    new = io.BytesIO()
    kind = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA][rng.integers(4)]
    with zipfile.ZipFile(new, "w", kind) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
            if way == 6 and part == name:
                archive.writestr(f"../{part}", content)
    data = bytearray(new.getvalue())
    if way > 6:
        places = [i for i in range(len(data) - 46) if data[i : i + 4] == b"PK\1\2"]
        at = places[rng.integers(len(places))]
        field, layout = ((8, "H"), (10, "H"), (16, "I"), (20, "I"), (24, "I"), (42, "I"), (28, "H"))[
            rng.integers(7)
        ]
        struct.pack_into(f"<{layout}", data, at + field, int(rng.choice([0, 1, 9, 99, 65535])))
    members[""] = bytes(data)
    return f"zip {name}: way {way}"
