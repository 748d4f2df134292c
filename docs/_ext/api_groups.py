"""The public functions and classes by kind, for the API reference; `tests/docs` holds the list against the package."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Group:
    """One page of the API reference.

    Parameters
    ----------
    name
        Name of the page.
    title, text
        Heading, and a sentence on what the page is for.
    modules
        Module -> names; no names stand for all that the module exports.
    """

    name: str
    title: str
    text: str
    modules: dict[str, tuple[str, ...]]

    def entries(self) -> list[tuple[str, str, Any]]:
        """Return module, name and object of every entry."""
        return [
            (module, name, getattr(import_module(module), name))
            for module, names in self.modules.items()
            for name in (names or exported(module))
        ]


def exported(module: str) -> list[str]:
    """Return the public names of a module: its `__all__`, or the functions and classes that it defines."""
    found = import_module(module)
    own = [
        n for n, v in vars(found).items() if not n.startswith("_") and getattr(v, "__module__", "") == module
    ]
    return list(getattr(found, "__all__", own))


GROUPS = (
    Group(
        "movies",
        "Movies and pipelines",
        "Load a movie, process it, analyse it. All but `Plan` are names of `playNano` itself.",
        {
            "playNano": (
                "analyze",
                "load_afm_stack",
                "AFMImageStack",
                "ProcessingPipeline",
                "AnalysisPipeline",
                "figure",
                "progress_bars",
            ),
            "playNano.analysis.plan": ("Plan",),
            "playNano.io.loader": ("open_movie", "list_channels"),
            "playNano.io.summary": ("movie_summary",),
            "playNano.core.roi": ("RegionOfInterest",),
            "playNano.core.roi_files": ("read_rois", "write_rois"),
        },
    ),
    Group(
        "measurement",
        "Measurement on plain tables",
        "Functions of tables of tracks, from playNano or any other program.",
        {"playNano.measurement": ()},
    ),
    Group(
        "detection",
        "Detection",
        "Functions of one frame or a block of frames; the modules of the reference call them.",
        {
            "playNano.algorithms.regions": (),
            "playNano.algorithms.blobs": (),
            "playNano.algorithms.peaks": (),
            "playNano.algorithms.segmentation": (),
            "playNano.algorithms.quality.quality": (),
        },
    ),
    Group(
        "tracking",
        "Tracking",
        "Links between detections, on plain tables.",
        {
            "playNano.algorithms.linking": (),
            "playNano.analysis.utils.tracks": ("to_napari_tracks", "to_trackmate_xml", "to_trackpy"),
        },
    ),
    Group(
        "clustering",
        "Clustering",
        "Groups of points in space and time.",
        {
            "playNano.algorithms.clustering.methods": (),
            "playNano.algorithms.clustering.xmeans": ("xmeans",),
            "playNano.algorithms.clustering.scores": (),
        },
    ),
    Group(
        "metrics",
        "Scores against a known truth",
        "How good detections, links, tracks and clusters are where the truth is known.",
        {"playNano.metrics": ()},
    ),
    Group(
        "simulate",
        "Simulation",
        "Movies with known ground truth.",
        {
            "playNano.simulate": (),
            "playNano.simulate.scene": ("Scene", "Species", "Motion", "Kinetics"),
            "playNano.simulate.scanner": (),
            "playNano.simulate.shapes": (),
            "playNano.simulate.substrate": (),
            "playNano.simulate.tip": (),
            "playNano.simulate.noise": ("Noise",),
            "playNano.simulate.faults": ("Faults",),
        },
    ),
    Group(
        "validate",
        "Validation",
        "How large the errors of a pipeline are on movies like a given one.",
        {"playNano.validate": ()},
    ),
    Group("plots", "Figures", "Figures of results, with matplotlib.", {"playNano.plots": ()}),
    Group(
        "records",
        "Records and files",
        "Write and read results, repeat a run, convert movies.",
        {
            "playNano.analysis.record_file": ("read_record", "write_record", "write_record_hdf5"),
            "playNano.analysis.replay": ("verify_record", "replay_record"),
            "playNano.analysis.compare_records": ("compare_results",),
            "playNano.analysis.crate": ("write_crate",),
            "playNano.analysis.exporters": ("export_stack",),
            "playNano.core.result_folder": ("result_folder",),
            "playNano.io.export.movie": ("write_movie", "MovieOptions"),
            "playNano.io.export.render": ("PictureOptions",),
            "playNano.io.export.colour_maps": ("register_colour_maps",),
        },
    ),
    Group(
        "extending",
        "Extending playNano",
        "Decorators, base classes and helpers for steps, modules, readers and exporters of your own.",
        {
            "playNano.processing.steps": ("step",),
            "playNano.analysis.base": ("AnalysisModule", "checked_run"),
            "playNano.analysis.observed": ("observed_frames",),
            "playNano.io.formats": ("reader",),
            "playNano.io.movie": ("Movie",),
            "playNano.io.metadata": ("base_unit", "length_nm", "pick_channel"),
            "playNano.io.formats.frames": ("RawImage", "Calibration", "check_bytes"),
            "playNano.io.export": ("exporter",),
            "playNano.core.params": ("bind_params", "declared_parameters", "Parameter", "Unit"),
            "playNano.core.executor": ("map_frames", "map_blocks"),
            "playNano.core.files": ("atomic_write",),
        },
    ),
    Group(
        "errors",
        "Errors and warnings",
        "Every exception is also the built-in one that a caller expects.",
        {"playNano.errors": ()},
    ),
)
