"""Every name of the interface, and the form of its calls."""

import importlib
import inspect
import subprocess
import sys

import pytest

NAMES = {
    "playNano": ["__version__"],
    "playNano.afm_stack": ["AFMImageStack"],
    "playNano.analysis": ["BUILTIN_ANALYSIS_MODULES"],
    "playNano.analysis.base": ["AnalysisModule", "AnalysisOutputs"],
    "playNano.analysis.pipeline": ["AnalysisPipeline", "AnalysisRecord"],
    "playNano.analysis.export": ["export_analysis_to_json"],
    "playNano.analysis.modules.count_nonzero": ["CountNonzeroModule"],
    "playNano.analysis.modules.feature_detection": ["FeatureDetectionModule"],
    "playNano.analysis.modules.log_blob_detection": ["LoGBlobDetectionModule"],
    "playNano.analysis.modules.particle_tracking": ["ParticleTrackingModule"],
    "playNano.analysis.modules.k_means_clustering": ["KMeansClusteringModule"],
    "playNano.analysis.modules.x_means_clustering": ["XMeansClusteringModule"],
    "playNano.analysis.modules.dbscan_clustering": ["DBSCANClusteringModule"],
    "playNano.analysis.utils.common": [
        "NumpyEncoder",
        "export_to_hdf5",
        "load_analysis_from_hdf5",
        "make_json_safe",
    ],
    "playNano.analysis.utils.particles": [
        "flatten_particle_features",
        "plot_particle_labels_3d",
        "export_particle_csv",
    ],
    "playNano.analysis.utils.frames": ["frame_summary_to_dataframe", "plot_frame_histogram"],
    "playNano.utils.system_info": ["gather_environment_info"],
    "playNano.processing.pipeline": ["ProcessingPipeline"],
    "playNano.io.loader": ["load_afm_stack"],
}


def found(path, name):
    return getattr(importlib.import_module(path), name)


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in NAMES.items() for name in names])
def test_every_name_imports_and_is_documented(path, name):
    value = found(path, name)
    assert value is not None
    if inspect.isclass(value) or inspect.isfunction(value):
        assert inspect.getdoc(value)


@pytest.mark.parametrize(
    ("path", "name", "parameters"),
    [
        ("playNano.analysis.export", "export_analysis_to_json", ["out_path", "analysis_record"]),
        ("playNano.analysis.utils.common", "make_json_safe", ["record"]),
        ("playNano.analysis.utils.common", "export_to_hdf5", ["record", "out_path", "dataset_name"]),
        ("playNano.analysis.utils.common", "load_analysis_from_hdf5", ["file_path", "dataset_name"]),
        (
            "playNano.analysis.utils.particles",
            "flatten_particle_features",
            [
                "grouping_output",
                "detection_output",
                "object_key",
                "object_id_field",
                "frame_key",
                "index_key",
            ],
        ),
        (
            "playNano.analysis.utils.particles",
            "plot_particle_labels_3d",
            ["df", "object_id_field", "ax", "save_to", "cmap"],
        ),
        ("playNano.analysis.utils.particles", "export_particle_csv", ["df", "out_path"]),
        ("playNano.analysis.utils.frames", "frame_summary_to_dataframe", ["features_per_frame"]),
        ("playNano.analysis.utils.frames", "plot_frame_histogram", ["df", "column", "ax", "save_to", "bins"]),
        ("playNano.utils.system_info", "gather_environment_info", []),
        ("playNano.io.loader", "load_afm_stack", ["path", "channel", "lazy", "options"]),
    ],
)
def test_parameters_of_functions(path, name, parameters):
    assert list(inspect.signature(found(path, name)).parameters) == parameters


@pytest.mark.parametrize(
    ("path", "name", "method", "parameters"),
    [
        ("playNano.analysis.pipeline", "AnalysisPipeline", "add", ["module_name", "params"]),
        ("playNano.analysis.pipeline", "AnalysisPipeline", "clear", []),
        ("playNano.analysis.pipeline", "AnalysisPipeline", "run", ["stack", "log_to", "cache"]),
        ("playNano.analysis.base", "AnalysisModule", "run", ["stack", "previous_results", "params"]),
        ("playNano.processing.pipeline", "ProcessingPipeline", "add_filter", ["filter_name", "params"]),
        ("playNano.processing.pipeline", "ProcessingPipeline", "add_mask", ["mask_name", "params"]),
        ("playNano.processing.pipeline", "ProcessingPipeline", "clear_mask", []),
    ],
)
def test_parameters_of_methods(path, name, method, parameters):
    signature = inspect.signature(getattr(found(path, name), method))
    assert list(signature.parameters)[1:] == parameters


def test_the_stack():
    stack = found("playNano.afm_stack", "AFMImageStack")
    parameters = list(inspect.signature(stack).parameters)
    assert parameters[:5] == ["data", "pixel_size_nm", "channel", "file_path", "frame_metadata"]
    methods = (
        "load_data get_frame get_frames get_frame_metadata frames_with_metadata time_for_frame get_frame_times "
        "channel_for_frame apply restore_raw export_processing_log export_analysis_log"
    )
    assert all(callable(getattr(stack, name)) for name in methods.split())
    assert inspect.signature(stack.load_data).parameters["channel"].default == "height_trace"


DEFAULTS = {
    "feature_detection": {"min_size": 10, "remove_edge": True, "fill_holes": False, "hole_area": None},
    "log_blob_detection": {
        "min_sigma": None,  # from the movie; BlobOptions takes 1, 5 and 0.1 where nothing is given
        "max_sigma": None,
        "num_sigma": 10,
        "threshold": None,
        "overlap": 0.5,
        "include_radius": True,
    },
    "particle_tracking": {
        "detection_module": "feature_detection",
        "coord_key": "features_per_frame",
        "coord_columns": ("centroid_x", "centroid_y"),
        "max_distance": None,
        "max_missing": None,
        "distance_scale": "constant",
    },
    "k_means_clustering": {
        "detection_module": "feature_detection",
        "coord_key": "features_per_frame",
        "coord_columns": ("centroid_x", "centroid_y"),
        "use_time": True,
        "normalise": True,
        "time_weight": None,
    },
    "x_means_clustering": {
        "min_k": 1,
        "max_k": 10,
        "replicates": 3,
        "max_iter": 300,
        "bic_threshold": 0.0,
        "use_time": True,
        "normalise": True,
        "time_weight": None,
    },
    "dbscan_clustering": {"eps": 0.3, "min_samples": 5, "use_time": True, "normalise": True},
}


@pytest.mark.parametrize("name", DEFAULTS)
def test_defaults_of_modules(name):
    module = found("playNano.analysis", "BUILTIN_ANALYSIS_MODULES")[name]
    declared = {p.name: p.default for d in module.declarations() for p in d.parameters()}
    assert {key: declared[key] for key in DEFAULTS[name]} == DEFAULTS[name]
    parameters = inspect.signature(module.run).parameters
    assert list(parameters)[:3] == ["self", "stack", "previous_results"]


HEAVY = ("pandas", "scipy", "numba", "skimage", "sklearn", "cv2", "matplotlib", "h5py", "pydantic", "yaml")


def test_importing_the_package_loads_nothing_heavy():
    code = "import sys, playNano; print(*[n for n in sys.argv[1:] if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code, *HEAVY, "numpy"], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_public_names_are_fetched_when_used():
    import playNano

    assert playNano.AnalysisPipeline is found("playNano.analysis.pipeline", "AnalysisPipeline")
    assert set(playNano.__all__) <= set(dir(playNano))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        playNano.nothing
