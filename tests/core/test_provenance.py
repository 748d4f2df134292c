"""What a record says of where it comes from."""

import functools
import json
import warnings
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

import playNano
from playNano.core.provenance import (
    _library_versions,
    array_fingerprint,
    collect_warnings,
    describe_callable,
    gather_environment_info,
    to_record,
    utc_now,
)
from playNano.errors import PlayNanoWarning
from playNano.utils import system_info


def test_utc_now_is_iso_8601_in_utc():
    moment = datetime.fromisoformat(utc_now())
    assert moment.tzinfo == UTC
    assert abs(datetime.now(UTC) - moment) < timedelta(minutes=1)


def test_environment():
    info = gather_environment_info()
    assert info["playNano_version"] == playNano.__version__
    assert info["numpy_version"] == np.__version__
    assert {"timestamp", "python_version", "platform", "processor", "cpu_count", "numba_version"} <= set(info)
    json.dumps(info, allow_nan=False)


def test_environment_under_its_public_path():
    assert system_info.gather_environment_info is gather_environment_info


def test_environment_without_a_library(monkeypatch):
    import importlib.metadata

    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    _library_versions.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(importlib.metadata, "version", missing)
        assert gather_environment_info()["numba_version"] is None
    _library_versions.cache_clear()
    assert gather_environment_info()["numba_version"]


def test_fingerprint_is_of_values_shape_and_dtype():
    array = np.arange(24.0).reshape(2, 3, 4)
    same = array_fingerprint(array)
    assert same.startswith("sha256:")
    assert len(same) == 7 + 64
    assert array_fingerprint(array.copy()) == same
    assert array_fingerprint(np.asfortranarray(array)) == same
    assert array_fingerprint(np.repeat(array, 2, axis=2)[:, :, ::2]) == same
    changed = array.copy()
    changed[1, 2, 3] += 1e-9
    others = [changed, array.reshape(4, 3, 2), array.astype(np.float32), array[::-1], array[:1]]
    assert same not in {array_fingerprint(other) for other in others}
    assert len({array_fingerprint(other) for other in others}) == len(others)


@pytest.mark.parametrize("shape", [(), (0,), (0, 3, 4), (3, 0), (1,), (2, 1, 1)])
def test_fingerprint_of_every_shape(shape):
    array = np.zeros(shape)
    assert array_fingerprint(array) == array_fingerprint(array.copy())


def test_fingerprint_does_not_depend_on_how_it_is_cut():
    import hashlib

    array = np.arange(100_000, dtype=np.int64).reshape(100, 10, 100)
    whole = hashlib.sha256(f"{array.dtype.str}{array.shape}".encode() + array.tobytes()).hexdigest()
    assert array_fingerprint(array) == f"sha256:{whole}"
    assert array_fingerprint(array.reshape(1, -1)) == array_fingerprint(array.reshape(1, -1).copy())


def test_describe_callable():
    assert describe_callable(json.dumps) == "json:dumps"
    assert describe_callable(lambda frame: frame).startswith(__name__)
    assert "partial" in describe_callable(functools.partial(json.dumps, indent=1))


def test_to_record_keeps_all_but_functions():
    params = {"fn": json.dumps, "kind": int, "n": 3, "names": ["a"]}
    assert to_record(params) == {"fn": "json:dumps", "kind": int, "n": 3, "names": ["a"]}


def test_warnings_are_collected_once_and_issued_again():
    texts = ["before"]
    with pytest.warns(PlayNanoWarning) as caught, collect_warnings(texts):
        for text in ("a", "b", "a", "before"):
            warnings.warn(text, PlayNanoWarning, stacklevel=1)
    assert texts == ["before", "a", "b"]
    assert [str(item.message) for item in caught] == ["a", "b", "before"]


def test_other_warnings_and_errors_pass_through_the_collection():
    texts = []
    with pytest.warns(FutureWarning, match="later"), collect_warnings(texts), warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("later", FutureWarning, stacklevel=1)
    with pytest.raises(ZeroDivisionError), collect_warnings(texts):
        raise ZeroDivisionError
    assert texts == []
