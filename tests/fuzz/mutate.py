"""Make mutants: the bytes of a seed with one to three damages."""

import re
import struct

import numpy as np
from tests.fuzz.hdf5_edits import edit_hdf5
from tests.fuzz.json_edits import edit_json
from tests.fuzz.zip_edits import edit_zip

COUNTS = (
    0,
    1,
    -1,
    2,
    3,
    127,
    255,
    256,
    65535,
    65536,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**32,
    2**63 - 1,
    -(2**31),
)
FLOATS = (np.nan, np.inf, -np.inf, 0.0, -1.0, 1e300, 1e-300, 3e38, 1.0)
WORDS = [*list("([{%\"'mV"), "%s", "{}", "µm", "é", "../other", "/etc/hostname", "1,5", "0x10", "true"]
WORDS += [
    "0",
    "1",
    "-1",
    "2",
    "2147483647",
    "2147483648",
    "9" * 20,
    "1e400",
    "1e-320",
    "nan",
    "inf",
    "-inf",
    "1.5",
]
WORDS += ["nm", "um", "deg", "", " ", "\n", "\r\n", "\0", "x" * 300, "7" * 5000, "(" * 3000, "[1, 2]"]
TEXT_FORMATS = ("spm", "wsxm", "nid", "sxm", "mi", "ibw", "npy", "tiff", "ome-tiff", "ardf", "folder")
HDF5_FORMATS = ("h5-jpk", "bundle", "topostats", "nhf", "aris", "bundle-05")
_NUMBER = re.compile(rb"[-+]?\d[\d.]*(?:[eE][-+]?\d+)?")
_LINE = re.compile(rb"[^\r\n]*[\r\n]+")


def interesting(rng, order=None):
    """Return the bytes of a number that a header should not have."""
    order = order or "<>"[rng.integers(2)]
    if rng.random() < 0.25:
        with np.errstate(over="ignore"):
            number = np.asarray(FLOATS[rng.integers(len(FLOATS))], f"{order}f{rng.choice([4, 8])}")
        return number.tobytes()
    width = int(rng.choice([1, 2, 2, 4, 4, 4, 8]))
    value = COUNTS[rng.integers(len(COUNTS))] % 2 ** (8 * width)
    return value.to_bytes(width, "little" if order == "<" else "big")


def place(data, rng):
    """Return a position, more often near the begin, where headers are."""
    if rng.random() < 0.3:
        return int(rng.integers(len(data)))
    return int(len(data) * rng.random() ** 3)


def flip_bit(data, rng):
    at = place(data, rng)
    data[at] ^= 1 << int(rng.integers(8))


def set_byte(data, rng):
    data[place(data, rng)] = int(rng.integers(256))


def flip_last(data, rng):
    """Change a byte of the last half, where pixels are."""
    data[-1 - int(rng.integers(max(1, len(data) // 2)))] ^= 255


def write_number(data, rng):
    value = interesting(rng)
    at = place(data, rng) // len(value) * len(value)
    data[at : at + len(value)] = value[: len(data) - at]


def write_number_anywhere(data, rng):
    value, at = interesting(rng), place(data, rng)
    data[at : at + len(value)] = value[: len(data) - at]


def swap_bytes(data, rng):
    width, at = int(rng.choice([2, 4, 8])), place(data, rng)
    data[at : at + width] = data[at : at + width][::-1]


def cut(data, rng):
    del data[place(data, rng) :]


def cut_aligned(data, rng):
    del data[place(data, rng) // 16 * 16 :]


def cut_line(data, rng):
    """Cut behind a line of a header of text."""
    ends = [match.end() for match in _LINE.finditer(data[:20000])]
    del data[ends[rng.integers(len(ends))] if ends else len(data) // 2 :]


def drop(data, rng):
    at = place(data, rng)
    del data[at : at + int(rng.choice([1, 2, 4, 16, 100]))]


def insert(data, rng):
    at = place(data, rng)
    data[at:at] = rng.bytes(int(rng.choice([1, 2, 4, 16, 100])))


def repeat(data, rng):
    at, count = place(data, rng), int(rng.choice([4, 16, 100, 1000]))
    data[at:at] = data[at : at + count]


def blank(data, rng):
    at, count = place(data, rng), int(rng.choice([2, 8, 32, 512]))
    data[at : at + count] = bytes([int(rng.choice([0, 255]))]) * len(data[at : at + count])


def noise(data, rng):
    at, count = place(data, rng), int(rng.choice([4, 16, 64]))
    data[at : at + count] = rng.bytes(len(data[at : at + count]))


def append(data, rng):
    data += rng.bytes(int(rng.choice([1, 10, 1000])))


def other_order(data, rng):
    """Declare the other byte order."""
    for one, two in ((b"II*\0", b"MM\0*"), (b"\5\0", b"\0\5"), (b"'<", b"'>"), (b"Intel", b"Motor")):
        if one in data[:400]:
            at = data.index(one)
            data[at : at + len(one)] = two
            return
    data[:2] = data[:2][::-1]


def word(rng):
    return WORDS[rng.integers(len(WORDS))].encode("utf-8" if rng.random() < 0.5 else "latin-1")


def change_number(data, rng):
    """Put another word in the place of a number in a header of text."""
    matches = list(_NUMBER.finditer(data[:20000]))
    if matches:
        match = matches[rng.integers(len(matches))]
        value = word(rng)
        if rng.random() < 0.5:  # The length of the header stays.
            value = value[: match.end() - match.start()].ljust(match.end() - match.start())
        data[match.start() : match.end()] = value


def change_value(data, rng):
    """Put another word in the place of what stands behind a colon or an equals sign."""
    matches = list(re.finditer(rb"[:=]\s?([^\r\n:=]{1,200})", data[:20000]))
    if matches:
        match = matches[rng.integers(len(matches))]
        data[match.start(1) : match.end(1)] = word(rng)


def change_line(data, rng):
    """Leave out, double or exchange lines of a header of text."""
    lines = list(_LINE.finditer(data[:20000]))
    if len(lines) > 2:
        one, two = (lines[i] for i in sorted(rng.choice(len(lines), 2, replace=False)))
        way = rng.integers(3)
        if way == 0:
            del data[one.start() : one.end()]
        elif way == 1:
            data[two.start() : two.start()] = one[0]
        else:
            data[two.start() : two.end()], data[one.start() : one.end()] = one[0], two[0]


def tiff_tag(data, rng):
    """Change code, type, count or value of a tag of a TIFF file."""
    if data[:2] not in (b"II", b"MM") or len(data) < 16:
        return
    order = "<" if data[:2] == b"II" else ">"
    at, starts = int.from_bytes(data[4:8], "little" if order == "<" else "big"), []
    while 0 < at < len(data) - 2 and len(starts) < 2000:
        (count,) = struct.unpack_from(f"{order}H", data, at)
        starts += [at + 2 + 12 * i for i in range(count)]
        behind = at + 2 + 12 * count
        if behind + 4 > len(data):
            break
        if rng.random() < 0.02:  # The next page: this one, or outside of the file.
            struct.pack_into(f"{order}I", data, behind, int(rng.choice([at, 1, 2**31, len(data) - 1])))
        at = struct.unpack_from(f"{order}I", data, behind)[0]
    start = starts[rng.integers(len(starts))] if starts else len(data)
    if start + 12 <= len(data):
        way, count = rng.integers(4), COUNTS[rng.integers(len(COUNTS))] % 2**32
        if way == 0:
            struct.pack_into(f"{order}H", data, start + 2, int(rng.integers(20)))
        elif way == 1:
            struct.pack_into(f"{order}I", data, start + 4, count)
        elif way == 2:
            struct.pack_into(f"{order}I", data, start + 8, count)
        else:
            struct.pack_into(f"{order}H", data, start, int(rng.integers(65536)))


PLAIN = (
    flip_bit, set_byte, flip_last, write_number, write_number_anywhere, swap_bytes, cut, cut_aligned, drop, insert,
    repeat, blank, noise, append, other_order,
)  # fmt: skip
TEXT = (change_number, change_value, change_line, cut_line)


def mutate(kind, seed, rng):
    """Return the damaged members of a seed, and what was done."""
    members = dict(seed.members)
    done = []
    special = {"bundle": edit_hdf5, "npz": edit_zip, "ome-zarr": edit_json} | dict.fromkeys(
        HDF5_FORMATS, edit_hdf5
    )
    if kind in special and rng.random() < 0.5:
        done.append(special[kind](members, rng))
        if rng.random() < 0.8:
            return members, done
    ways = PLAIN
    if kind in TEXT_FORMATS:
        ways = PLAIN + 4 * TEXT
    if kind in ("jpk", "park", "tiff", "ome-tiff"):
        ways = (*ways, *[tiff_tag] * 15)
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        name = sorted(members)[rng.integers(len(members))]
        way = ways[rng.integers(len(ways))]
        data = bytearray(members[name])
        if data:
            way(data, rng)
        members[name] = bytes(data)
        done.append(f"{way.__name__}{f' of {name}' if name else ''}")
    return members, done
