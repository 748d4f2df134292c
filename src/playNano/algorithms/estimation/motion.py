"""Diffusion coefficient, localisation error and common velocity from tracks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from playNano.errors import ParameterError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class MotionEstimate:
    """Motion of particles.

    Parameters
    ----------
    diffusion_nm2_s, diffusion_error_nm2_s
        Diffusion coefficient, and its standard error from the spread between tracks, nm^2/s.
    localisation_nm
        Standard deviation, per axis, of the error of a position, nm; 0 where the data show none.
    velocity_nm_s
        Mean velocity (y, x) common to all, nm/s.
    n_steps
        Number of steps from frame to frame that were used.
    """

    diffusion_nm2_s: float
    diffusion_error_nm2_s: float
    localisation_nm: float
    velocity_nm_s: tuple[float, float]
    n_steps: int


def estimate_motion(
    frame: npt.ArrayLike,
    track: npt.ArrayLike,
    time_s: npt.ArrayLike,
    y_nm: npt.ArrayLike,
    x_nm: npt.ArrayLike,
) -> MotionEstimate:
    """Estimate the diffusion coefficient of particles from their tracks by the covariance-based estimator.

    A localisation error lengthens one step and shortens the next; the covariance of successive steps corrects the
    diffusion coefficient for it. The tip passes a particle in an instant, so there is no motion blur.

    Parameters
    ----------
    frame
        Frame of each detection, int, (n,).
    track
        Its track, int, (n,); negative for none.
    time_s
        Time at which the tip passed it, s, (n,).
    y_nm, x_nm
        Its position, nm, (n,).

    Returns
    -------
    MotionEstimate
        NaN where there are fewer than two successive steps.

    Raises
    ------
    ParameterError
        The columns differ in length, or a track has two detections in one frame.

    References
    ----------
    Vestergaard, C. L., Blainey, P. C. & Flyvbjerg, H. Optimal estimation of diffusion coefficients from
    single-particle trajectories. Phys. Rev. E 89, 022726 (2014). doi:10.1103/PhysRevE.89.022726

    Examples
    --------
    >>> import numpy as np
    >>> steps = np.random.default_rng(0).normal(0, np.sqrt(2 * 50 * 0.5), (5000, 2))
    >>> y, x = np.cumsum(steps, axis=0).T
    >>> frames = np.arange(5000)
    >>> motion = estimate_motion(frames, np.zeros(5000, int), frames * 0.5, y, x)
    >>> round(motion.diffusion_nm2_s, -1), motion.n_steps
    (50.0, 4999)
    """
    columns = [np.asarray(c) for c in (frame, track, time_s, y_nm, x_nm)]
    if any(c.ndim != 1 or len(c) != len(columns[0]) for c in columns):
        raise ParameterError("frame, track, time_s, y_nm and x_nm must be columns of the same length.")
    keep = columns[1] >= 0
    frames, tracks, times, y, x = (c[keep] for c in columns)
    order = np.lexsort((frames, tracks))
    frames, tracks = frames[order], tracks[order]
    times = times[order].astype(np.float64)
    positions = np.column_stack([y[order], x[order]]).astype(np.float64)
    same = np.diff(tracks) == 0
    if (np.diff(frames)[same] == 0).any():
        raise ParameterError("track must have no more than one detection in a frame.")
    successive = same & (np.diff(frames) == 1)
    step, dt = np.diff(positions, axis=0), np.diff(times)
    used = step[successive]
    if len(used) == 0:
        return _unknown_motion()
    velocity = used.sum(axis=0) / dt[successive].sum()
    step = step - velocity * dt[:, None]
    pairs = successive[1:] & successive[:-1]
    if not pairs.any():
        return _unknown_motion()
    squares, interval = (step[successive] ** 2).mean(axis=1), dt[successive]
    products = (step[1:] * step[:-1]).mean(axis=1)[pairs]
    diffusion = squares.mean() / (2 * interval.mean()) + products.mean() / interval.mean()
    owners = tracks[:-1][successive], tracks[1:-1][pairs]
    error = _jackknife(owners, squares, products, interval)
    return MotionEstimate(
        diffusion_nm2_s=float(max(diffusion, 0.0)),
        diffusion_error_nm2_s=error,
        localisation_nm=float(np.sqrt(max(-products.mean(), 0.0))),
        velocity_nm_s=(float(velocity[0]), float(velocity[1])),
        n_steps=len(used),
    )


def _unknown_motion() -> MotionEstimate:
    unknown = float("nan")
    return MotionEstimate(unknown, unknown, unknown, (unknown, unknown), 0)


def _jackknife(
    owners: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]],
    squares: FloatArray,
    products: FloatArray,
    interval: FloatArray,
) -> float:
    """Return the standard error of the coefficient by the jackknife over tracks."""
    names, of_step = np.unique(owners[0], return_inverse=True)
    of_pair = np.searchsorted(names, owners[1])
    n = len(names)
    if n < 2:
        return float("nan")

    def without(values: FloatArray, owner: npt.NDArray[np.int64]) -> FloatArray:
        count = np.bincount(owner, minlength=n)
        left = len(values) - count
        total = values.sum() - np.bincount(owner, weights=values, minlength=n)
        return np.asarray(np.where(left > 0, total / np.maximum(left, 1), np.nan))

    intervals = without(interval, of_step)
    partial = without(squares, of_step) / (2 * intervals) + without(products, of_pair) / intervals
    partial = partial[np.isfinite(partial)]
    if len(partial) < 2:
        return float("nan")
    return float(np.sqrt((n - 1) / n * ((partial - partial.mean()) ** 2).sum()))
