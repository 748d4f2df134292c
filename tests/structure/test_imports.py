"""The modules of the package form a directed graph without cycles, imports inside functions included."""

import ast
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

import playNano

PACKAGE = Path(playNano.__file__).parent


def module_of(path):
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_of(path): path for path in PACKAGE.rglob("*.py")}


def imported(path):
    """Return the modules of the package that a file imports anywhere, also inside functions and for types only."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            found |= {name if name in FILES else node.module for name in names}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(FILES)


def graph():
    # The names that a package offers lazily are for users; TYPE_CHECKING imports in them are not dependencies.
    lazy = {"playNano", "playNano.metrics", "playNano.plots", "playNano.simulate"}
    return {name: set() if name in lazy else imported(path) - {name} for name, path in FILES.items()}


def test_no_import_cycle():
    try:
        order = list(TopologicalSorter(graph()).static_order())
    except CycleError as error:
        pytest.fail("import cycle: " + " -> ".join(error.args[1]))
    assert len(order) == len(FILES)


def test_a_cycle_inside_a_function_is_seen(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("def f():\n    from playNano.core.stack import Stack\n    return Stack\n")
    assert imported(file) == {"playNano.core.stack"}


def test_kernels_depend_on_kernels_only():
    """What a kernel takes from another file is part of the compiled code, so it must be part of the cache's key."""
    for name, path in FILES.items():
        if path.name.endswith("_kernels.py") or path.parent.name == "_kernels":
            for other in imported(path):
                source = FILES[other]
                kernel = source.name.endswith("_kernels.py") or source.parent.name == "_kernels"
                assert kernel or other == "playNano._jit", f"{name} imports {other}"


def test_one_decorator():
    for path in FILES.values():
        if path.name != "_jit.py":
            text = path.read_text(encoding="utf-8")
            assert "njit" not in text and "intrinsic" not in text, f"{path}: use playNano._jit.jit"
