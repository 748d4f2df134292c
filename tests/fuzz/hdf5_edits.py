"""Damages of HDF5 files that only the library can write: other attributes, datasets and links."""

import io

import h5py
import numpy as np

VALUES = (
    0, 1, -1, 2**31 - 1, -(2**31), 2**63 - 1, 2**64 - 1, 1.5, np.nan, np.inf, -np.inf, 1e300, True, "", "abc", "[1,2",
    "null", "{}", "[]", '"x"', "1e5", "nan", "x" * 3000, "a\nb", "\u00b5m", b"\xff\xfe", [], [1, 2, 3], [[1.0], [2.0]],
    ["a", "b"], h5py.Empty("f8"), h5py.Empty("S10"), np.zeros((2, 2)), np.zeros(100, "u1"), np.datetime64(0, "s"),
    np.zeros(2, [("a", "i4"), ("b", "f8")]), np.complex64(1j), h5py.Reference(), "m", "nm", "V",
)  # fmt: skip


def nodes(file):
    """Return the paths of all groups and datasets."""
    names = ["/"]
    file.visit(names.append)
    return names


def value(rng):
    return VALUES[rng.integers(len(VALUES))]


def edit_attribute(file, rng):
    """Leave out an attribute, or give it another value."""
    owners = [name for name in nodes(file) if len(file[name].attrs)]
    if not owners:
        return "nothing"
    node = file[owners[rng.integers(len(owners))]]
    names = sorted(node.attrs)
    key = names[rng.integers(len(names))]
    if rng.random() < 0.25:
        del node.attrs[key]
        return f"without attribute {node.name}@{key}"
    new = value(rng)
    old = node.attrs[key]
    if isinstance(old, np.ndarray) and old.size and old.dtype.kind in "iuf" and rng.random() < 0.5:
        new = old.copy()
        new.flat[rng.integers(old.size)] = rng.choice(
            [0, 1, 127, 2**31 - 1] if old.dtype.kind == "u" else [0, -1, 100, 127]
        )
    node.attrs[key] = new
    return f"attribute {node.name}@{key} = {new!r:.60}"


def edit_dataset(file, rng):
    """Put other numbers, another type, another shape, or something else in the place of a dataset."""
    names = [name for name in nodes(file) if isinstance(file[name], h5py.Dataset)]
    if not names:
        return "nothing"
    name = names[rng.integers(len(names))]
    node, attributes = file[name], dict(file[name].attrs)
    if (node.size or 0) > 10**6:  # made by an edit before this one
        return "nothing"
    old, way = node[()], int(rng.integers(9))
    shape = node.shape or ()
    del file[name]
    if way == 0:
        return f"without dataset {name}"
    if way == 1:
        new = file.create_dataset(name, data=value(rng))
    elif way == 2:
        new = file.create_dataset(
            name, shape=shape, dtype=["i1", ">i4", "f2", "f8", "S3", "c8", "?"][rng.integers(7)]
        )
    elif way == 3:
        new = file.create_dataset(name, shape=[*shape, 1] if rng.random() < 0.5 else shape[:-1], dtype="f4")
    elif way == 4:
        new = file.create_dataset(name, shape=[max(0, n - 1) for n in shape], dtype="f4")
    elif way == 5 and shape:
        new = file.create_dataset(name, shape=shape, dtype=node.dtype, chunks=True, compression="gzip")
    elif way == 6 and shape:
        big = [int(rng.choice([n, n, 2**20, 2**31])) for n in shape]
        new = file.create_dataset(name, shape=big, dtype="f4", chunks=tuple(max(1, n) for n in shape))
    elif way == 7:
        new = file.create_group(name)
    else:
        other = np.array(old)
        if other.dtype.kind == "f" and other.size:
            other.flat[rng.integers(other.size)] = rng.choice([np.nan, np.inf, 1e30])
        new = file.create_dataset(name, data=other[..., ::-1] if other.ndim else other)
    for key, item in attributes.items():
        new.attrs[key] = item
    return f"dataset {name}: way {way}"


def edit_link(file, rng):
    """Put a link in the place of a group or dataset: to itself, to nothing, to another file, or round in a circle."""
    names = nodes(file)[1:]
    name = names[rng.integers(len(names))]
    way = int(rng.integers(6))
    if way == 5:
        groups = [name for name in nodes(file) if isinstance(file[name], h5py.Group)]
        parent = file[groups[rng.integers(len(groups))]]
        parent["again"] = parent if rng.random() < 0.5 else file
        return f"{parent.name} in itself"
    attributes = dict(file[name].attrs)
    shape = getattr(file[name], "shape", None)
    del file[name]
    if way == 0:
        file[name] = h5py.SoftLink(f"/{name}")
    elif way == 1:
        file[name] = h5py.SoftLink("/nothing/there")
    elif way == 2:
        file[name] = h5py.ExternalLink("../other.h5", "/data")
    elif way == 3 and shape:
        new = file.create_dataset(
            name, shape=shape, dtype="f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
        )
        new.attrs.update(attributes)
    elif shape:
        layout = h5py.VirtualLayout(shape=shape, dtype="f4")
        layout[...] = h5py.VirtualSource("/tmp/other.h5", "data", shape=shape)
        new = file.create_virtual_dataset(name, layout)
        new.attrs.update(attributes)
    else:
        file[name] = h5py.SoftLink("/")
    return f"link {name}: way {way}"


def edit_hdf5(members, rng):
    """Edit an HDF5 file, and return what was done."""
    image = io.BytesIO(members[""])
    ways = (edit_attribute, edit_attribute, edit_dataset, edit_dataset, edit_link)
    done = []
    with h5py.File(image, "r+") as file:
        for _ in range(int(rng.choice([1, 1, 2]))):
            try:
                done.append(ways[rng.integers(len(ways))](file, rng))
            except (TypeError, ValueError, OSError, KeyError, RuntimeError) as error:
                done.append(f"no edit ({error})")
    members[""] = image.getvalue()
    return "; ".join(done)
