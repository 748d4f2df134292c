"""Movies of known truth from a simulator that shares nothing with `playNano.simulate`: judges of `playnano validate`.

    from other_movies import KINDS, make_movie
    movie = make_movie("rods", seed=3)

Plain numpy and scipy. A kind is a population of shapes, a way to move, a surface, and an instrument; sizes, speeds,
numbers, noise and the pixel size differ between seeds.
"""

from .kinds import FURTHER, KINDS, make_movie
from .movie import Movie

__all__ = ["FURTHER", "KINDS", "Movie", "make_movie"]
