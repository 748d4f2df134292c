"""What ffprobe, where it is installed, says of the videos that are written."""

import json
import shutil
import subprocess

import numpy as np
import pytest

from playNano.io.export.movie import MovieOptions, write_movie

pytest.importorskip("imageio_ffmpeg", reason="needs the extra video")
FFPROBE = shutil.which("ffprobe")


@pytest.mark.skipif(FFPROBE is None, reason="needs the program ffprobe")
@pytest.mark.parametrize("suffix", [".mp4", ".webm", ".gif"])
def test_ffprobe_agrees_on_frames_size_and_duration(make_stack, tmp_path, suffix):
    data = np.random.default_rng(0).random((13, 40, 60)).astype(np.float32)
    options = MovieOptions(fps=6.5 if suffix != ".gif" else 10.0)
    written = write_movie(make_stack(data), tmp_path / f"m{suffix}", options=options)
    words = [FFPROBE, "-v", "error", "-count_frames", "-of", "json", "-show_entries"]
    words += ["stream=width,height,nb_read_frames,avg_frame_rate:format=duration", str(written.path)]
    said = json.loads(subprocess.run(words, capture_output=True, check=True).stdout)
    stream = said["streams"][0]
    assert (stream["width"], stream["height"]) == written.size
    assert int(stream["nb_read_frames"]) == 13
    assert float(said["format"]["duration"]) == pytest.approx(13 / options.fps, abs=0.06)
    above, below = map(int, stream["avg_frame_rate"].split("/"))
    assert above / below == pytest.approx(options.fps, rel=0.02)
