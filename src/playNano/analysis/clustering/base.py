"""The base class of the clustering modules: from detections or tracks to their common outputs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.clustering.features import Coordinates, FeatureMatrix, FeatureSpace, feature_matrix
from playNano.analysis.clustering.outputs import ClusteringResult, ClusterQualityOptions, cluster_outputs
from playNano.analysis.observed import observed_frames
from playNano.analysis.points import DETECTIONS, PIXEL_AXES, points_of, resolve_detection
from playNano.core.params import Declaration
from playNano.errors import ParameterError

if TYPE_CHECKING:
    from playNano.algorithms.clustering.methods import Clusters

OptionsT = TypeVar("OptionsT")
Part = TypeVar("Part")


class ClusteringModule(AnalysisModule, Generic[OptionsT]):
    """Base class of modules that group detections or tracks into clusters.

    A subclass defines the algorithm, `group`, and a dataclass with its `options`. The parameters of `run` are the
    fields of that dataclass, of `FeatureSpace` and of `ClusterQualityOptions`.

    Attributes
    ----------
    options : type
        Dataclass that declares the algorithm's own parameters.
    by_density : bool
        Whether the algorithm is density-based, so that duplicate points in a bootstrap sample would change the result.
    """

    kind = "clustering"
    requires: ClassVar[tuple[str, ...]] = DETECTIONS
    automatic: ClassVar[tuple[str, ...]] = ("detection_module", "coord_key")
    options: ClassVar[type[Any]]
    by_density: ClassVar[bool] = False

    @abstractmethod
    def group(self, features: FeatureMatrix, options: OptionsT) -> Clusters:
        """Cluster points.

        Parameters
        ----------
        features
            Coordinates of the points.
        options
            The algorithm's own parameters.

        Returns
        -------
        Clusters
            A label for each point.
        """

    def doubts(self, clusters: Clusters, options: OptionsT) -> list[str]:
        """Return warnings about a result; by default none.

        Parameters
        ----------
        clusters
            The clusters.
        options
            The algorithm's own parameters.

        Returns
        -------
        list of str
            Cause and cure, one text each.
        """
        return []

    def coordinates(self, features: FeatureMatrix, options: OptionsT) -> Coordinates:
        """Return the coordinates in which `group` compares distances.

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
        return features.scaled

    @classmethod
    def declarations(cls) -> tuple[Declaration, ...]:
        """Return the dataclasses that declare the parameters of `run`."""
        return (Declaration(cls.options), Declaration(FeatureSpace), Declaration(ClusterQualityOptions))

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, individually and in combination, and return the values in effect.

        Parameters
        ----------
        params
            Values by name, as given.
        where
            Name of the step for messages; by default the module's.

        Raises
        ------
        ParameterError
            If a name is unknown, a value is wrong, or values are incompatible.
        """
        bound = super().bind(params, where)
        try:
            _part(bound, self.options)
            _part(bound, FeatureSpace)
        except ParameterError as error:
            raise ParameterError(f"{where or self.name}: {error}") from error
        return bound

    def resolve_defaults(self, params: dict[str, Any], previous_results: Mapping[str, Any]) -> dict[str, Any]:
        """Set the detection module and its output if they are not given.

        Parameters
        ----------
        params
            Parameters as `bind` returns them.
        previous_results
            Module name -> its latest outputs.
        """
        return resolve_detection(params, previous_results)

    @checked_run
    def run(
        self, stack: AFMImageStack, previous_results: dict[str, Any] | None = None, **params: Any
    ) -> AnalysisOutputs:
        """Group detections or tracks into clusters.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them the detection's.
        **params
            Fields of `options`, of `FeatureSpace` and of `ClusterQualityOptions`, by name.

        Returns
        -------
        dict
            ``clusters``: a sequence of dicts with ``id``, ``frames``, ``point_indices`` and ``coords`` (tuples in
            px or nm according to `units`, with time in s last if it is used). For tracks, ``frames`` contains the
            first frame and ``point_indices`` the id.
            ``cluster_centers``: float64 (k, D), the mean of the members in the same units.
            ``summary``: ``n_clusters``, ``members_per_cluster`` (id -> count), ``n_points``, ``n_unclustered``,
            ``silhouette`` (mean over the clustered points; None with fewer than two clusters).
            ``table``: the detections' table (or one row per track) with ``cluster_id`` (-1 = in no cluster),
            ``point_index``, ``y_nm, x_nm`` and, if the algorithm returns them, ``probability`` and ``core``.
            ``cluster_table``: one row per cluster: ``cluster_id, size``, position, extent, area and density in nm,
            ``first_frame, last_frame, n_frames, occupancy, first_time_s, last_time_s`` (see
            `playNano.algorithms.clustering.statistics.cluster_statistics`), ``silhouette`` (-1 to 1; NaN with fewer
            than two clusters) and ``stability`` (0 to 1; NaN unless `n_bootstrap` is given). A track is counted in each
            frame in which it was detected.
            ``occupancy_table``: one row for each cluster and frame in which it has members: ``cluster_id, frame,
            time_s`` (the frame's start), ``n_members``.
            ``observed``: bool (n_frames,), the frames to which the occupancy refers; False for frames that
            `frame_quality` flags as unusable.
            ``info``: further results of the algorithm; see its function.

        Raises
        ------
        MissingInputError
            If no detection has run before.
        ParameterError
            If a parameter is unknown or wrong, or not valid for the points (such as more clusters than points).
        """
        results = previous_results or {}
        space, options = _part(params, FeatureSpace), _part(params, self.options)
        points = points_of(stack, results, space.detection_module, space.coord_key, space.coord_columns)
        if space.units == "nm":
            for name in space.coord_columns:
                axis = PIXEL_AXES[name]
                points.table[name] = points.table[name] * stack.pixel_size_yx_nm[axis] + stack.origin_nm[axis]
        features = feature_matrix(points.table, space)
        clusters = self.group(features, options)
        for text in self.doubts(clusters, options):
            stack.warn(text)
        result = ClusteringResult(
            clusters,
            self.coordinates(features, options),
            lambda rows: self.group(features.take(rows), options),
            replace=not self.by_density,
        )
        outputs = results[space.detection_module]
        observed = observed_frames(results, stack.n_frames)
        if "observed" in outputs:
            observed = observed & np.asarray(outputs["observed"], dtype=np.bool_)
        return cluster_outputs(
            points,
            result,
            space.axis_names,
            detections=outputs[space.coord_key],
            units=space.units,
            observed=observed,
            quality=_part(params, ClusterQualityOptions),
        )


def _part(params: Mapping[str, Any], kind: type[Part]) -> Part:
    """Create an instance of a dataclass of options from the parameters that it declares."""
    names = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    return kind(**{name: params[name] for name in names if name in params})
