"""D and dwell times must not move when a third of the frames of a movie is dropped at random."""

import warnings

import numpy as np
import pytest

from playNano import AFMImageStack, AnalysisPipeline, ProcessingPipeline

N_FRAMES, FRAME_TIME_S, PIXEL_NM = 300, 0.5, 2.0
DIFFUSION_PX2, BOUND_FRAMES = 0.5, 15.0
TRUE_D = DIFFUSION_PX2 * PIXEL_NM**2 / FRAME_TIME_S
TRUE_K_OFF = 1 / (BOUND_FRAMES * FRAME_TIME_S)


def binding_movie(seed):
    """Bumps that diffuse while they are bound, around 16 places far apart, and stay away too long to be bridged."""
    rng = np.random.default_rng(seed)
    size = 120
    y, x = np.mgrid[:size, :size]
    data = rng.normal(0, 0.12, (N_FRAMES, size, size)).astype(np.float32)
    for home in np.stack(np.mgrid[15:120:30, 15:120:30], axis=-1).reshape(-1, 2):
        bound, time = rng.random() < 0.5, 0.0
        while time < N_FRAMES:
            end = time + (rng.exponential(BOUND_FRAMES) if bound else 12 + rng.exponential(10))
            frames = np.arange(np.ceil(time), min(np.ceil(end), N_FRAMES)).astype(int) if bound else ()
            place = home + rng.normal(0, 1, 2)
            for frame in frames:
                data[frame] += 4 * np.exp(-((y - place[0]) ** 2 + (x - place[1]) ** 2) / 12.5)
                place = place + rng.normal(0, np.sqrt(2 * DIFFUSION_PX2), 2)
            time, bound = end, not bound
    times = [{"timestamp": FRAME_TIME_S * frame} for frame in range(N_FRAMES)]
    return AFMImageStack(data, PIXEL_NM, "height", "binding.npy", times)


def measured(stack):
    """Return D, nm^2/s, and k_off, 1/s."""
    pipeline = AnalysisPipeline()
    pipeline.add("feature_detection", mask_fn="mask_threshold", threshold=1.0, min_size=8)
    pipeline.add("particle_tracking", max_distance=8.0)
    pipeline.add("diffusion")
    pipeline.add("dwell_times")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        analysis = pipeline.run(stack)["analysis"]
    found = {
        line["name"]: line["value"]
        for name in ("step_3_diffusion", "step_4_dwell_times")
        for line in analysis[name]["summary"]["headlines"]
    }
    return found["D"], found["k_off"]


@pytest.mark.parametrize("seed", [1, 2])
def test_diffusion_and_dwell_times_stay_with_a_third_of_the_frames_dropped(seed):
    stack = binding_movie(seed)
    whole = measured(stack)
    kept = np.sort(np.random.default_rng(seed).choice(N_FRAMES, 2 * N_FRAMES // 3, replace=False))
    ProcessingPipeline(stack).add_filter("select_frames", frames=kept.tolist()).run()
    part = measured(stack)
    # As if the movie were shorter, both would be 1.5 times as large.
    assert part == pytest.approx(whole, rel=0.1)
    for values in (whole, part):
        assert values == pytest.approx((TRUE_D, TRUE_K_OFF), rel=0.2)
