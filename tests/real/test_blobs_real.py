"""Blobs of real movies against scikit-image."""

import os
from pathlib import Path

import numpy as np
import pytest
from skimage.feature import blob_log

from playNano.afm_stack import AFMImageStack
from playNano.algorithms.blobs import BlobOptions, find_blobs

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)


@pytest.mark.parametrize("name", ["asd/sbccd_v1.asd", "asd/two_frames_v1.asd"])
def test_blobs_are_those_of_scikit_image(name):
    """These frames have no chains of overlapping blobs, whose pruning depends on the order of pairs."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"no real data at {path}; set PLAYNANO_TEST_DATA to the folder that holds them")
    frame = np.asarray(AFMImageStack.load_data(path).get_frame(0))[:200, :200]
    frame = frame - np.median(frame, axis=1, keepdims=True)
    table = find_blobs(frame[None], BlobOptions(threshold=0.3))
    ours = table[["y", "x", "sigma"]].to_numpy()
    theirs = blob_log(frame.astype(np.float64), 1, 5, 10, threshold=0.3, overlap=0.5)
    assert len(ours) > 20
    np.testing.assert_allclose(ours[np.lexsort(ours.T.round(6))], theirs[np.lexsort(theirs.T.round(6))])
