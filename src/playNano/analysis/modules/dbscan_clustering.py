"""Group detections that lie densely, and leave out the rest."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import Field

from playNano._options import Unit
from playNano.analysis.clustering.base import ClusteringModule, Coordinates, Sample
from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters


class DBSCANClusteringModule(ClusteringModule):
    """Group detections that lie densely, and leave out the rest, by DBSCAN."""

    name = "dbscan_clustering"
    version = "1.0"
    by_density = True

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Return the values in effect; a radius in nm takes the place of the scaled one."""
        at = where or self.name
        given = dict(params)
        if given.get("eps_nm") is not None:
            if given.get("eps") is not None:
                raise ParameterError(f"{at}: give eps (scaled) or eps_nm, not both")
            if given.get("units", "nm") != "nm":
                raise ParameterError(f"{at}: eps_nm needs units='nm' (it sets them where none are given)")
            given["eps"], given["units"] = None, "nm"
        bound = super().bind(given, where)
        if bound["eps"] is None and bound["eps_nm"] is None:
            raise ParameterError(f"{at}: give eps (scaled) or eps_nm")
        if bound["eps_s"] is not None and (bound["eps_nm"] is None or not bound["use_time"]):
            raise ParameterError(f"{at}: eps_s needs eps_nm and use_time=True")
        if bound["eps_nm"] is not None and bound["eps_s"] is None and bound["use_time"]:
            raise ParameterError(f"{at}: with eps_nm give eps_s too, or use_time=False")
        return bound

    def coordinates(self, sample: Sample, params: Mapping[str, Any]) -> Coordinates:
        """Return scaled coordinates, or lengths and times in units of the radii."""
        if params["eps_nm"] is None:
            return sample.scaled
        lengths = sample.space / float(params["eps_nm"])
        if params["eps_s"] is None:
            return lengths
        return np.column_stack([lengths, sample.time_s / float(params["eps_s"])])

    def group(
        self,
        sample: Sample,
        *,
        eps: Annotated[float, Field(gt=0)] | None = 0.3,
        min_samples: Annotated[int, Field(ge=1)] = 5,
        eps_nm: Annotated[float, Field(gt=0), Unit("nm")] | None = None,
        eps_s: Annotated[float, Field(gt=0), Unit("s")] | None = None,
    ) -> Clusters:
        """Group detections that lie densely, and leave out the rest, by DBSCAN.

        Parameters
        ----------
        sample
            The points.
        eps
            Radius of a point's neighbourhood, in scaled coordinates.
        min_samples
            Points in the neighbourhood, itself included, that make a point the core of a cluster.
        eps_nm
            The radius in nm, instead of `eps`; scaling then plays no part.
        eps_s
            With `eps_nm`: neighbours also lie within this time, s; the neighbourhood is a cylinder
            (ST-DBSCAN).

        Returns
        -------
        Clusters
            See `playNano.algorithms.clustering.methods.dbscan` and `dbscan_cylinder`.

        References
        ----------
        Ester, Kriegel, Sander, Xu: A density-based algorithm for discovering clusters in large spatial
        databases with noise, KDD 1996, pp. 226-231. Birant, Kut: ST-DBSCAN, 2007,
        doi 10.1016/j.datak.2006.01.013.
        """
        from playNano.algorithms.clustering.methods import dbscan, dbscan_cylinder

        if eps_nm is None:
            return dbscan(sample.scaled, eps=eps or 0.0, min_samples=min_samples)
        if eps_s is None:
            return dbscan(sample.space, eps=eps_nm, min_samples=min_samples)
        return dbscan_cylinder(
            sample.space, sample.time_s, eps_space=eps_nm, eps_time=eps_s, min_samples=min_samples
        )
