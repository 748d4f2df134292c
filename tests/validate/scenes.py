"""Small movies of known truth, drawn without `playNano.simulate`."""

import numpy as np
import pandas as pd

from playNano.afm_stack import AFMImageStack

PIXEL = 1.5
LEVEL = "remove_plane;row_median_align;mask_mean_offset:factor=2;remove_plane;row_median_align;clear_mask"


def cap(height=4.0, radius=7.0):
    return lambda dy, dx: height * np.sqrt(np.clip(1 - (dy**2 + dx**2) / radius**2, 0, None))


def rod(height=3.0, length=18.0, width=5.0):
    def surface(dy, dx):
        along = dx - np.clip(dx, -length / 2, length / 2)
        return height * np.sqrt(np.clip(1 - (along**2 + dy**2) / width**2, 0, None))

    return surface


def walkers(n, n_frames, size_nm, step_nm, apart_nm, rng):
    """Return places (n_frames, n, 2), nm, of particles that keep a distance and stay inside."""
    at = []
    while len(at) < n:
        new = rng.uniform(10, size_nm - 10, 2)
        if all(np.hypot(*(new - other)) > apart_nm for other in at):
            at.append(new)
    at, places = np.array(at), []
    for _ in range(n_frames):
        for i in range(n):
            for _ in range(30):
                new = at[i] + rng.normal(0, step_nm, 2)
                others = np.delete(at, i, axis=0)
                inside = ((new > 8) & (new < size_nm - 8)).all()
                if inside and (np.hypot(*(others - new).T) > apart_nm).all():
                    at[i] = new
                    break
        places.append(at.copy())
    return np.array(places)


def movie(
    shapes=None, heights=(4.0,), n=7, n_frames=24, pixels=88, step_nm=4.0, apart_nm=26.0, turn=0.0,
    noise_nm=0.12, surface=None, seed=0,
):  # fmt: skip
    """Return a stack and its truth."""
    rng = np.random.default_rng(seed)
    shapes = shapes or (cap(),)
    size = pixels * PIXEL
    places = walkers(n, n_frames, size, step_nm, apart_nm, rng)
    angle = rng.uniform(0, np.pi, n) + np.cumsum(rng.normal(0, turn, (n_frames, n)), axis=0)
    y, x = np.mgrid[:pixels, :pixels] * PIXEL
    data, rows = np.zeros((n_frames, pixels, pixels)), []
    for k in range(n_frames):
        for i in range(n):
            dy, dx = y - places[k, i, 0], x - places[k, i, 1]
            cos, sin = np.cos(angle[k, i]), np.sin(angle[k, i])
            z = shapes[i % len(shapes)](cos * dy - sin * dx, sin * dy + cos * dx)
            data[k] = np.maximum(data[k], z)
            rows.append((k, i, *places[k, i], 0.3 * k, heights[i % len(shapes)]))
    if surface is not None:
        data += surface(y, x)
    data += rng.normal(0, noise_nm, data.shape) + rng.normal(0, 0.3, (n_frames, pixels, 1)) + 0.01 * y
    truth = pd.DataFrame(rows, columns=["frame", "track_id", "y_nm", "x_nm", "time_s", "z_nm"])
    times = [{"timestamp": 0.3 * k} for k in range(n_frames)]
    return AFMImageStack(data.astype(np.float32), PIXEL, "height", "made.npy", frame_metadata=times), truth
