"""Real files that are cut off: an error that names the file, whatever the format."""

import os
from pathlib import Path

import numpy as np
import pytest

from playNano.errors import FileFormatError
from playNano.io.loader import open_movie

DATA = Path(
    os.environ.get("PLAYNANO_TEST_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data")
)
LARGEST_BYTES, POSITIONS, UNUSED_TAIL_BYTES = 2_000_000, 15, 16


def small_files():
    """Return a real file of each format that is named in its ending, if it is small."""
    files = {}
    for file in sorted(DATA.rglob("*")):
        if file.is_file() and 0 < file.stat().st_size < LARGEST_BYTES:
            files.setdefault(file.suffix, file)
    return [file for suffix, file in files.items() if suffix not in (".csv", ".json", ".txt", ".md", ".py")]


@pytest.mark.filterwarnings("ignore::playNano.errors.PlayNanoWarning")
@pytest.mark.skipif(not DATA.is_dir(), reason=f"the folder of real files {DATA} is not there")
def test_cut_off_anywhere(tmp_path):
    tried = []
    for file in small_files():
        try:
            whole = open_movie(file, None)
        except (ValueError, OSError):
            continue  # not a movie, or one that needs options
        content = file.read_bytes()
        cut = tmp_path / file.name
        for length in np.linspace(0, len(content) - 1, POSITIONS).astype(int):
            cut.write_bytes(content[:length])
            if file.suffix == ".tif" and length >= len(content) - UNUSED_TAIL_BYTES:
                # No tag refers to the last bytes; without them the movie is whole.
                frames = open_movie(cut, None).read(0, whole.shape[0])
                np.testing.assert_array_equal(frames, whole.read(0, whole.shape[0]))
                continue
            with pytest.raises(FileFormatError, match=file.name):
                movie = open_movie(cut, None)
                movie.read(0, movie.shape[0])
        tried.append(file.suffix)
    assert tried
