"""Movies with known truth, and scores against it.

`simulate_movie` makes a plain movie of walking particles; `simulate_scene` images any scene that the
descriptions in `scene`, `shapes`, `substrate`, `scanner`, `tip`, `noise` and `faults` can tell.
"""
