"""A run that is killed leaves the old results, or the new ones, or none; the long form is ``tests/faults/kill.py``."""

import pytest
from tests.faults.kill import KINDS, kill


@pytest.mark.parametrize("name", KINDS)
def test_a_killed_run(name):
    assert kill(name, 1, seed=1) == []
