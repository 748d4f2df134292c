"""Names: built-ins and plugins found the same way, and what is wrong said by name."""

import warnings
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest

from playNano.core.registry import Registry, accept_declared, by_name, load_object, plugin_groups
from playNano.errors import (
    DuplicateNameError,
    PluginError,
    PluginTypeError,
    PluginWarning,
    UnknownNameError,
)

GROUPS = ("playNano.shapes", "playnano.shapes")


def accept(name, target):
    if not isinstance(target, int):
        raise PluginTypeError(f"the shape {name!r} is not a number")
    return target


@pytest.fixture
def registry():
    return Registry("shape", {"disc": 1, "ring": 2}, plugin_groups("shapes", accept))


def test_builtins(registry):
    assert (registry["disc"], registry["ring"]) == (1, 2)
    assert list(registry) == ["disc", "ring"]
    assert "disc" in registry
    assert "square" not in registry


def test_builtins_are_read_at_every_look_up():
    builtins = {"disc": 1}
    registry = Registry("shape", builtins)
    builtins["late"] = 9
    assert registry["late"] == 9


@pytest.mark.parametrize("group", GROUPS)
def test_plugins_of_either_spelling(registry, plugins, group):
    plugins.add(group, "square", 4)
    assert registry["square"] == 4
    assert list(registry) == ["disc", "ring", "square"]
    assert "square" in registry
    assert registry.plugin_errors() == {}


def test_plugins_of_other_groups_are_not_seen(registry, plugins):
    plugins.add("playNano.colours", "red", 4)
    assert "red" not in registry
    with pytest.raises(UnknownNameError):
        registry["red"]


def test_one_object_under_both_spellings_is_no_duplicate(registry, plugins):
    value = plugins.add(GROUPS[0], "square", 4)
    plugins.point(GROUPS[1], "square", value)
    assert registry["square"] == 4


def test_an_unknown_name_is_refused_with_the_nearest(registry, plugins):
    plugins.add(GROUPS[0], "square", 4)
    message = r"^unknown shape 'rng'; did you mean 'ring'\? \(`playnano modules` lists all\)$"
    with pytest.raises(UnknownNameError, match=message):
        registry["rng"]
    with pytest.raises(UnknownNameError, match=r"did you mean 'square'\?"):
        registry["sqare"]
    with pytest.raises(ValueError, match=r"unknown shape 'zzz' \(known: disc, ring, square\)"):
        registry["zzz"]


def test_two_plugins_of_one_name(registry, plugins):
    plugins.point(GROUPS[0], "square", "package_a:square")
    plugins.point(GROUPS[1], "square", "package_b:square")
    with pytest.raises(
        DuplicateNameError, match="'square' is claimed by package_a:square and package_b:square"
    ):
        registry["square"]
    assert registry["disc"] == 1
    assert list(registry) == ["disc", "ring", "square"]


def test_a_plugin_with_the_name_of_a_builtin(registry, plugins):
    plugins.point(GROUPS[0], "disc", "package_a:disc")
    with pytest.raises(DuplicateNameError, match="claimed by playNano itself and package_a:disc"):
        registry["disc"]
    assert registry["ring"] == 2


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("no_such_package_anywhere:thing", "ModuleNotFoundError"),
        ("math:no_such_function", "AttributeError"),
    ],
)
def test_a_broken_plugin_breaks_nothing_else(registry, plugins, value, reason):
    plugins.point(GROUPS[0], "bad", value)
    plugins.add(GROUPS[0], "square", 4)
    with pytest.raises(
        PluginError, match=rf"'bad' \({value}\) for shape cannot be loaded: {reason}"
    ) as caught:
        registry["bad"]
    assert caught.value.__cause__ is not None
    assert (registry["square"], registry["disc"]) == (4, 1)
    assert list(registry.plugin_errors()) == ["bad"]


def test_a_plugin_that_exits_when_it_is_imported(registry, plugins, tmp_path, monkeypatch):
    (tmp_path / "plugin_that_exits.py").write_text("raise SystemExit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    plugins.point(GROUPS[0], "bad", "plugin_that_exits:thing")
    with pytest.raises(PluginError, match=r"'bad' .* cannot be loaded: SystemExit: 3"):
        registry["bad"]
    assert list(registry.plugin_errors()) == ["bad"]


def test_a_plugin_of_the_wrong_kind(registry, plugins):
    plugins.add(GROUPS[0], "bad", "text")
    with pytest.raises(TypeError, match="'bad' is not a number"):
        registry["bad"]
    assert list(registry.plugin_errors()) == ["bad"]


def test_a_plugin_is_loaded_when_it_is_asked_for(registry, plugins, monkeypatch):
    plugins.point(GROUPS[0], "lazy", "no_such_package_anywhere:thing")
    assert "lazy" in registry
    assert list(registry) == ["disc", "lazy", "ring"]


def test_a_plugin_is_loaded_once(registry, plugins):
    plugins.add(GROUPS[0], "square", 4)
    calls = []

    def note(name, target):
        calls.append(name)
        return target

    registry = Registry("shape", {}, plugin_groups("shapes", note))
    assert registry["square"] == registry["square"] == 4
    assert calls == ["square"]


def test_a_plugin_that_was_replaced_is_loaded_again(registry, plugins):
    plugins.add(GROUPS[0], "square", 4)
    assert registry["square"] == 4
    plugins.clear()
    plugins.add(GROUPS[0], "square", 16)
    assert registry["square"] == 16


def test_objects_that_are_false_are_kept():
    empty = np.zeros(0)
    assert Registry("array", {"empty": empty})["empty"] is empty


def test_a_package_installed_meanwhile_is_found(registry, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    assert "square" not in registry
    (tmp_path / "square_package.py").write_text("square = 4\n")
    info = tmp_path / "square_package-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: square-package\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUPS[1]}]\nsquare = square_package:square\n")
    assert registry["square"] == 4


def test_usable_objects_and_a_warning_of_each_broken_one(registry, plugins):
    plugins.point(GROUPS[0], "bad", "no_such_package_anywhere:thing")
    plugins.add(GROUPS[0], "a_wrong_type", "text")
    plugins.point(GROUPS[0], "ring", "package_a:ring")
    plugins.add(GROUPS[0], "a_square", 4)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        assert registry.usable() == {"disc": 1, "a_square": 4}
    assert all(warning.category is PluginWarning for warning in caught)
    texts = sorted(str(warning.message) for warning in caught)
    assert len(texts) == 3
    assert "'bad' (no_such_package_anywhere:thing)" in texts[0]
    assert "ModuleNotFoundError" in texts[0]
    assert "'a_wrong_type' is not a number" in texts[1]
    assert "'ring' is claimed by playNano itself and package_a:ring" in texts[2]


def test_one_name_in_two_groups_of_a_registry(plugins):
    groups = {**plugin_groups("shapes", accept), **plugin_groups("solids", lambda name, target: -target)}
    registry = Registry("shape", {}, groups)
    value = plugins.add(GROUPS[0], "square", 4)
    plugins.add("playNano.solids", "cube", 8)
    assert (registry["square"], registry["cube"]) == (4, -8)
    plugins.point("playnano.solids", "square", value)
    with pytest.raises(DuplicateNameError, match="'square'"):
        registry["square"]


def test_aliases():
    registry = Registry("shape", {"disc": 1}, aliases={"disk": "disc"})
    assert registry["disk"] == 1
    assert "disk" in registry
    assert list(registry) == ["disc"]


@dataclass(frozen=True)
class Shape:
    name: str


@pytest.mark.parametrize("target", [Shape("disc"), SimpleNamespace(declared=Shape("disc"))])
def test_a_declaration_is_found_by_itself_or_at_its_function(target):
    assert accept_declared("disc", target, Shape, "declared") == Shape("disc")
    with pytest.raises(PluginTypeError, match="'ring' declares the shape 'disc'"):
        accept_declared("ring", target, Shape, "declared")


def test_an_object_without_declaration():
    with pytest.raises(PluginTypeError, match="'disc' is a int that is not declared as shape"):
        accept_declared("disc", 3, Shape, "declared")


def test_functions_by_reference():
    assert load_object(len) is len
    assert load_object("playNano.core.registry:load_object") is load_object
    with pytest.raises(AttributeError):
        load_object("math:no_such_function")


def test_built_in_declarations_with_one_name():
    disc, square = Shape("disc"), Shape("square")
    assert list(by_name([square, disc, square])) == ["square", "disc"]
    with pytest.raises(DuplicateNameError, match="'disc'"):
        by_name([disc, Shape("disc")])
