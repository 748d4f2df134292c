"""Density-based clustering of detections with noise (DBSCAN)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from playNano._options import Unit, check_options
from playNano.algorithms.clustering.options import Count, Positive
from playNano.analysis.clustering.base import ClusteringModule
from playNano.analysis.clustering.features import Coordinates, FeatureMatrix
from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters


@dataclass(frozen=True)
class RadiusOptions:
    """Options of DBSCAN with a radius in scaled coordinates, or in nm and s.

    Parameters
    ----------
    eps
        Radius of a point's neighbourhood, in scaled coordinates, > 0.
    min_samples
        Minimum number of points in the neighbourhood of a core point, including itself, >= 1.
    eps_nm
        The radius in nm, > 0, instead of `eps`; coordinates are then not scaled.
    eps_s
        With `eps_nm`: maximum time difference of neighbours, s, > 0; the neighbourhood is a cylinder (ST-DBSCAN).

    References
    ----------
    Ester et al., 1996, for `eps`; Birant and Kut, 2007, for `eps_s`.
    """

    eps: Positive | None = 0.3
    min_samples: Count = 5
    eps_nm: Annotated[Positive, Unit("nm")] | None = None
    eps_s: Annotated[Positive, Unit("s")] | None = None

    def __post_init__(self) -> None:
        """Check the limits, and that a radius is given."""
        check_options(self)
        if self.eps is None and self.eps_nm is None:
            raise ParameterError("give eps (scaled) or eps_nm")


class DBSCANClusteringModule(ClusteringModule[RadiusOptions]):
    """Group detections into dense clusters, and label the rest as noise, by DBSCAN.

    References
    ----------
    Ester, Kriegel, Sander, Xu: A density-based algorithm for discovering clusters in large spatial databases with
    noise, KDD 1996, pp. 226-231. Birant, Kut: ST-DBSCAN, 2007, doi 10.1016/j.datak.2006.01.013.
    """

    name = "dbscan_clustering"
    version = "1.0"
    options = RadiusOptions
    by_density = True

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, and return the values in effect; a radius in nm replaces the scaled one.

        Parameters
        ----------
        params
            Values by name, as given.
        where
            Name of the step for messages; by default the module's.

        Returns
        -------
        dict
            Every parameter with its value; with `eps_nm`, `eps` is None and `units` "nm".

        Raises
        ------
        ParameterError
            If a name is unknown, a value is wrong, or values are incompatible.
        """
        at = where or self.name
        given = dict(params)
        if given.get("eps_nm") is not None:
            if given.get("eps") is not None:
                raise ParameterError(f"{at}: give eps (scaled) or eps_nm, not both")
            if given.get("units", "nm") != "nm":
                raise ParameterError(f"{at}: eps_nm needs units='nm' (it sets them where none are given)")
            given["eps"], given["units"] = None, "nm"
        bound = super().bind(given, where)
        if bound["eps_s"] is not None and (bound["eps_nm"] is None or not bound["use_time"]):
            raise ParameterError(f"{at}: eps_s needs eps_nm and use_time=True")
        if bound["eps_nm"] is not None and bound["eps_s"] is None and bound["use_time"]:
            raise ParameterError(f"{at}: with eps_nm give eps_s too, or use_time=False")
        return bound

    def coordinates(self, features: FeatureMatrix, options: RadiusOptions) -> Coordinates:
        """Return the scaled coordinates, or lengths and times in units of the radii.

        Parameters
        ----------
        features
            Coordinates of the points.
        options
            The algorithm's own parameters.

        Returns
        -------
        numpy.ndarray
            (N, D) float64.
        """
        if options.eps_nm is None:
            return features.scaled
        lengths = features.positions / options.eps_nm
        if options.eps_s is None:
            return lengths
        return np.column_stack([lengths, features.time_s / options.eps_s])

    def group(self, features: FeatureMatrix, options: RadiusOptions) -> Clusters:
        """Cluster points by `playNano.algorithms.clustering.methods.dbscan` or `dbscan_cylinder`.

        Parameters
        ----------
        features
            Coordinates of the points.
        options
            The algorithm's own parameters.

        Returns
        -------
        Clusters
            A label for each point; -1 for noise.
        """
        from playNano.algorithms.clustering.methods import dbscan, dbscan_cylinder

        if options.eps_nm is None:
            return dbscan(features.scaled, eps=options.eps or 0.0, min_samples=options.min_samples)
        if options.eps_s is None:
            return dbscan(features.positions, eps=options.eps_nm, min_samples=options.min_samples)
        return dbscan_cylinder(
            features.positions,
            features.time_s,
            eps_space=options.eps_nm,
            eps_time=options.eps_s,
            min_samples=options.min_samples,
        )
