"""The built-in analysis modules: they validate parameters, call an algorithm, and name its outputs."""

from __future__ import annotations

from playNano.analysis.base import AnalysisModule
from playNano.analysis.modules.arrangement import ArrangementModule
from playNano.analysis.modules.count_nonzero import CountNonzeroModule
from playNano.analysis.modules.curation import CurationModule
from playNano.analysis.modules.dbscan_clustering import DBSCANClusteringModule
from playNano.analysis.modules.detections_in_region import DetectionsInRegionModule
from playNano.analysis.modules.diffusion import DiffusionModule
from playNano.analysis.modules.dwell_times import DwellTimesModule
from playNano.analysis.modules.feature_detection import FeatureDetectionModule
from playNano.analysis.modules.fluctuation import FluctuationModule
from playNano.analysis.modules.frame_quality import FrameQualityModule
from playNano.analysis.modules.hdbscan_clustering import HDBSCANClusteringModule
from playNano.analysis.modules.k_means_clustering import KMeansClusteringModule
from playNano.analysis.modules.kymograph import KymographModule
from playNano.analysis.modules.log_blob_detection import LoGBlobDetectionModule
from playNano.analysis.modules.particle_region_extraction import ParticleRegionExtractionModule
from playNano.analysis.modules.particle_region_media_export import ParticleRegionMediaExportModule
from playNano.analysis.modules.particle_regions import ParticleRegionsModule
from playNano.analysis.modules.particle_tracking import ParticleTrackingModule
from playNano.analysis.modules.peak_detection import PeakDetectionModule
from playNano.analysis.modules.populations import PopulationsModule
from playNano.analysis.modules.rotation import RotationModule
from playNano.analysis.modules.states import StatesModule
from playNano.analysis.modules.stepping import SteppingModule
from playNano.analysis.modules.template_detection import TemplateDetectionModule
from playNano.analysis.modules.tracked_particle_boundary_size import TrackedParticleBoundarySizeModule
from playNano.analysis.modules.x_means_clustering import XMeansClusteringModule

BUILTIN_ANALYSIS_MODULES: dict[str, type[AnalysisModule]] = {
    "count_nonzero": CountNonzeroModule,
    "frame_quality": FrameQualityModule,
    "feature_detection": FeatureDetectionModule,
    "log_blob_detection": LoGBlobDetectionModule,
    "peak_detection": PeakDetectionModule,
    "template_detection": TemplateDetectionModule,
    "detections_in_region": DetectionsInRegionModule,
    "particle_tracking": ParticleTrackingModule,
    "curation": CurationModule,
    "k_means_clustering": KMeansClusteringModule,
    "x_means_clustering": XMeansClusteringModule,
    "dbscan_clustering": DBSCANClusteringModule,
    "hdbscan_clustering": HDBSCANClusteringModule,
    "arrangement": ArrangementModule,
    "dwell_times": DwellTimesModule,
    "diffusion": DiffusionModule,
    "populations": PopulationsModule,
    "states": StatesModule,
    "rotation": RotationModule,
    "kymograph": KymographModule,
    "fluctuation": FluctuationModule,
    "stepping": SteppingModule,
    "particle_regions": ParticleRegionsModule,
    "particle_region_extraction": ParticleRegionExtractionModule,
    "particle_region_media_export": ParticleRegionMediaExportModule,
    "tracked_particle_boundary_size": TrackedParticleBoundarySizeModule,
}
"""Name -> class of every built-in module."""

__all__ = ["BUILTIN_ANALYSIS_MODULES"]
