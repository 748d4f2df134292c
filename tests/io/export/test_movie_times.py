"""How long frames are shown."""

import numpy as np
import pytest

from playNano.errors import ParameterError
from playNano.io.export.movie_times import GIF_RATE, schedule


@pytest.fixture
def timed(make_stack):
    def make(times):
        entries = [{} if time is None else {"timestamp": time} for time in times]
        return make_stack(np.zeros((len(times), 4, 4), np.float32), frame_metadata=entries)

    return make


def test_each_frame_is_one_picture_by_default(timed):
    plan = schedule(timed(np.arange(5) * 0.5))
    assert plan.counts.tolist() == [1] * 5
    assert (plan.rate, plan.duration_s) == (10, 0.5)
    assert "5 x real time" in plan.text


def test_equal_intervals_keep_their_own_rate(timed):
    plan = schedule(timed(np.arange(200) / 12.5), speed=1)
    assert (plan.counts == 1).all()
    assert plan.rate == 12.5
    assert plan.duration_s == 16.0
    slow = schedule(timed(np.arange(4) * 3.7), speed=1)
    assert slow.duration_s == pytest.approx(14.8)
    assert slow.rate >= 1


def test_a_gap_shows_the_frame_before_it_and_errors_do_not_add_up(timed):
    rng = np.random.default_rng(0)
    times = np.concatenate([[0.0], np.cumsum(rng.uniform(0.05, 0.4, 300))])
    times[150:] += 20.0
    plan = schedule(timed(times), speed=2)
    shown_at = np.cumsum(plan.counts)[:-1] / float(plan.rate)
    assert np.abs(shown_at - times[1:] / 2).max() <= 0.5 / float(plan.rate) + 1e-9
    assert plan.counts[149] > 9.9 * float(plan.rate)
    assert plan.problem is None


def test_frames_that_are_too_fast_are_left_out_with_a_word(timed):
    plan = schedule(timed(np.arange(100) * 0.005), speed=1)
    assert plan.rate == 60
    assert plan.n_pictures == 30
    assert "70 of 100 frames are left out" in plan.problem
    assert schedule(timed(np.arange(100) * 0.005), speed=0.1).problem is None


def test_durations_of_a_gif_add_up(timed):
    plan = schedule(timed(np.arange(90) * 1.0), fps=30)
    assert set(plan.durations_ms().tolist()) == {30, 40}
    assert plan.durations_ms().sum() == 3000
    fast = schedule(timed(np.arange(100) * 0.005), speed=1, max_rate=GIF_RATE)
    assert set(fast.durations_ms().tolist()) == {0, 20}


@pytest.mark.filterwarnings("ignore:.*have no time")
@pytest.mark.parametrize(("times", "words"), [([None, None], "not known"), ([0.0, None, 1.0], "frame 1")])
def test_a_speed_needs_times(timed, times, words):
    with pytest.raises(ParameterError, match=words):
        schedule(timed(times), speed=1)


def test_one_frame(timed):
    assert schedule(timed([0.0]), speed=1).duration_s == pytest.approx(1.0)
    assert schedule(timed([0.0])).counts.tolist() == [1]


def test_unequal_times_at_equal_durations_are_stated(timed):
    assert "differ" in schedule(timed([0.0, 1.0, 2.0, 9.0])).text
