"""Says why the tests of the viewer are skipped, where they are."""

import pytest


def test_the_viewer_can_be_tested(reason):
    if reason:
        pytest.skip(reason)
