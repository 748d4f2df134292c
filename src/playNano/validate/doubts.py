"""Reasons to withhold the scores, in words."""

from __future__ import annotations

from playNano.validate.cutouts import ENOUGH
from playNano.validate.figures import LIMITS, Figure
from playNano.validate.replanting import Replanter
from playNano.validate.sightings import hidden_share
from playNano.validate.still import still_structures

# Fraction of the particles that may be unlike every image that could be cut out.
_MAX_WITHOUT_IMAGE = 0.1
# Particles hide in others too often if more sightings than this are bridged, and more tracks lost per sighting.
_MAX_BRIDGED, _MAX_LOST = 0.025, 0.004


def too_few_images(replanter: Replanter) -> tuple[str, ...]:
    """Return the reason to withhold if too few particles, or not all kinds, could be cut out.

    Parameters
    ----------
    replanter
        The movie with its particles.
    """
    n, missing = len(replanter.cutouts), replanter.without_image()
    if n < ENOUGH:
        return (f"only {n} images of single particles could be cut out of the movie; {ENOUGH} are necessary",)
    if missing > _MAX_WITHOUT_IMAGE:
        return (f"{100 * missing:.0f} % of the particles are unlike all that are alone and could be cut out",)
    return ()


def not_flat(replanter: Replanter) -> tuple[str, ...]:
    """Return the reason to withhold if the background has structures of its own.

    Parameters
    ----------
    replanter
        The movie with its particles.
    """
    n, height = still_structures(replanter.reference)
    if not n:
        return ()
    what = "structure that is" if n == 1 else "structures that are"
    return (
        f"the background is not flat: {n} {what} larger than the particles and up to {height:.2g} nm high or deep, "
        "such as terraces or strands",
    )


def hidden(replanter: Replanter) -> tuple[str, ...]:
    """Return the reason to withhold if particles hide in others, so that the reference loses them.

    Parameters
    ----------
    replanter
        The movie with its particles.
    """
    n_frames, *shape = replanter.reference.labels.shape
    bridged, lost = hidden_share(replanter.sightings, n_frames, tuple(shape), replanter.cutouts.extent_px)
    if bridged <= _MAX_BRIDGED or lost <= _MAX_LOST:
        return ()
    return (
        f"{100 * bridged:.2g} % of the particles are hidden in others, and {1000 * lost:.0f} tracks per 1000 positions "
        "begin or end there: the reference detection loses particles",
    )


def differing(figures: tuple[Figure, ...]) -> tuple[str, ...]:
    """Return the figures in which the copy differs from the movie.

    Parameters
    ----------
    figures
        Figures of both.
    """
    return tuple(
        f"the replanted movie differs from yours in the {LIMITS[figure.name][0]}: {figure.copy:.3g}, not "
        f"{figure.movie:.3g}"
        for figure in figures
        if not figure.agrees
    )
