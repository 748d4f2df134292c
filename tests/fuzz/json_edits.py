"""Damages of zarr stores: values of their JSON files, and their chunks."""

import json

VALUES = (
    0, 1, -1, 2**31 - 1, 2**70, 1.5, 1e300, float("nan"), float("inf"), "", "abc", "nanometer", None, [], {}, [1],
    [0, 0, 0], ["t", "y", "x"], {"name": "x"}, [[1]], True, "../other", "/etc", "0.4", "x\ny", [{}], [None],
)  # fmt: skip


def places(value, at=()):
    """Return the path of every value within a JSON value."""
    yield at
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in pairs:
        yield from places(item, (*at, key))


def edit_json(members, rng):
    """Change a value of a JSON file, or leave out a file; return what was done."""
    names = sorted(members)
    texts = [name for name in names if name.endswith(".json") or name.rpartition("/")[2].startswith(".z")]
    if rng.random() < 0.15 or not texts:
        name = names[rng.integers(len(names))]
        del members[name]
        return f"without {name}"
    name = texts[rng.integers(len(texts))]
    content = json.loads(members[name])
    paths = list(places(content))[1:]
    path = paths[rng.integers(len(paths))]
    parent = content
    for key in path[:-1]:
        parent = parent[key]
    if rng.random() < 0.2:
        del parent[path[-1]]
        done = f"{name}: without {path}"
    else:
        parent[path[-1]] = VALUES[rng.integers(len(VALUES))]
        done = f"{name}: {path} = {parent[path[-1]]!r:.60}"
    members[name] = json.dumps(content).encode()
    return done
