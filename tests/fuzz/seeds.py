"""Small whole files of every format, from which mutants are made."""

import os
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from tests.io.test_ardf import ardf_file
from tests.io.test_aris import aris_file
from tests.io.test_asd import full_range
from tests.io.test_asd import write as asd_file
from tests.io.test_jpk_h5 import write as h5_jpk_file
from tests.io.test_jpk_tiff import write as jpk_file
from tests.io.test_mi import mi_file
from tests.io.test_nhf import nhf_file
from tests.io.test_nid import nid_file
from tests.io.test_park import park_file
from tests.io.test_release_05 import h5_file as bundle_05_file
from tests.io.test_release_05 import tiff_file as ome_tiff_05_file
from tests.io.test_single_images import gwy_field, gwy_file, ibw_file, text, topostats_file, wsxm_file
from tests.io.test_spm import write as spm_file
from tests.io.test_sxm import sxm_file
from tests.io.test_tiff_movie import imagej_file

from playNano.afm_stack import AFMImageStack
from playNano.analysis.pipeline import AnalysisPipeline
from playNano.core.scan import ScanGeometry
from playNano.io.export.bundle import write_bundle
from playNano.io.export.numpy_files import write_npz
from playNano.io.export.ome_tiff import write_ome_tiff
from playNano.io.export.ome_zarr import write_ome_zarr

OPTIONS = {"npy": {"pixel_size_nm": (5.0, 2.0), "frame_time_s": 0.5}}
"""Options without which a format cannot be opened."""
LARGE = 100_000
"""Files from this size on, bytes, are used rarely."""
REAL = {
    "asd": ["cases/sjis0.asd", "cases/cut.asd"],
    "h5-jpk": ["cases/noenc.h5-jpk", "sample.h5-jpk"],
    "jpk": ["cases/r0.jpk", "single/sample.jpk-qi-image"],
    "spm": ["cases/bpp2_stored4.spm", "cases/v5_keys.001", "cases/valid_len.001"],
    "gwy": ["cases/mu.gwy", "single/sample.gwy"],
    "ibw": ["cases/nounit.ibw", "cases/pot.ibw"],
    "wsxm": ["single/sample.top"],
    "topostats": ["single/sample.topostats"],
    "nid": ["nanosurf/circles.nid"],
    "nhf": ["nanosurf/SBS-PS_example_data.nhf"],
    "sxm": ["cases/up.sxm", "cases/nan.sxm"],
    "mi": ["cases/b16.mi", "cases/b32.mi"],
    "park": ["cases/park_f32.tiff", "cases/park_i32.tiff"],
    "aris": ["cases/movie.aris"],
    "ardf": ["cases/image.ARDF"],
    "tiff": ["cases/movie.tif"],
}
"""Files of other programs that are used where they are at hand."""


@dataclass(frozen=True)
class Seed:
    """A whole file: its name, and its content by the names of its members ("" for a single file)."""

    name: str
    members: dict[str, bytes] = field(repr=False)

    @property
    def size(self):
        return sum(map(len, self.members.values()))


def stack_with_results():
    """Return a small movie with a processing step, results, times and scan."""
    stack = AFMImageStack(
        np.random.default_rng(0).normal(size=(3, 6, 5)).astype(np.float32),
        (5.0, 2.0),
        "height_trace",
        "movie.asd",
        [{"timestamp": 0.5 * i, "line_rate": 10.0} for i in range(3)],
        scan=ScanGeometry(lines=6, line_time_s=0.01, frame_time_s=0.5, direction="down"),
        metadata={"comment": "mica", "channels": ["height_trace"]},
    )
    stack.apply(["zero_mean"])
    pipeline = AnalysisPipeline()
    pipeline.add("count_nonzero")
    pipeline.run(stack)
    return stack


def numpy_file(path, array):
    np.save(path, array)
    return path


def npz_file(path, stack):
    write_npz(stack, path)
    return path


def compressed_npz(path):
    np.savez_compressed(path, data=full_range(0x2).astype("f4"), pixel_size_nm=2.0)
    return path


def folder(path, write, suffix):
    path.mkdir()
    for second in range(3):
        write(path / f"image{suffix(second)}", second)
    return path


def made(folder_of_files):
    """Write the files of every format, and return their paths by format."""
    at = folder_of_files
    stack = stack_with_results()
    gwy = {"__0__data__title": b"s" + text("Topography"), "__0__data": gwy_field()}
    movie = full_range(0x2)
    return {
        "asd": [asd_file(at / f"v{v}.asd", movie, version=v) for v in (0, 1, 2)],
        "h5-jpk": [h5_jpk_file(at / "a.h5-jpk")],
        "bundle": [write_bundle(stack, at / "a.h5")],
        "npz": [npz_file(at / "a.npz", stack), compressed_npz(at / "b.npz")],
        "npy": [numpy_file(at / "a.npy", movie), numpy_file(at / "b.npy", movie[0].astype(">i2"))],
        "jpk": [jpk_file(at / "a.jpk")],
        "spm": [spm_file(at / "a.spm")],
        "gwy": [gwy_file(at / "a.gwy", **gwy)],
        "ibw": [ibw_file(at / "a.ibw"), ibw_file(at / "b.ibw", order=">")],
        "wsxm": [wsxm_file(at / "a.stp")],
        "topostats": [topostats_file(at / "a.topostats")],
        "nid": [nid_file(at / "a.nid")],
        "nhf": [nhf_file(at / "a.nhf"), nhf_file(at / "b.nhf", ({}, {"created": "2023-07-18T15:27:38Z"}))],
        "sxm": [sxm_file(at / "a.sxm")],
        "mi": [mi_file(at / "a.mi"), mi_file(at / "b.mi", "ASCII")],
        "park": [park_file(at / "a.tiff"), park_file(at / "b.tiff", "<f4")],
        "aris": [aris_file(at / "a.aris")],
        "ardf": [ardf_file(at / "a.ARDF")],
        "bundle-05": [bundle_05_file(at / "old.h5")],
        "ome-tiff": [write_ome_tiff(stack, at / "a.ome.tif"), ome_tiff_05_file(at / "b.ome.tif")],
        "tiff": [imagej_file(at / "a.tif")],
        "ome-zarr": [write_ome_zarr(stack, at / "a.ome.zarr")],
        "folder": [
            folder(
                at / "spm",
                lambda path, i: spm_file(path, date=f"01:59:{40 + i} PM Fri Apr 25 2014"),
                lambda i: f".{i:03d}",
            ),
            folder(at / "stp", lambda path, i: wsxm_file(path), lambda i: f"{i}.stp"),
        ],
    }


def members(path):
    """Return the content of a file, or of every file of a folder, by name."""
    if path.is_file():
        return {"": path.read_bytes()}
    files = sorted(file for file in path.rglob("*") if file.is_file())
    return {file.relative_to(path).as_posix(): file.read_bytes() for file in files}


@cache
def seeds(real):
    """Return the seeds by format; `real` adds the files under PLAYNANO_TEST_DATA."""
    with tempfile.TemporaryDirectory() as name:
        result = {
            kind: [Seed(path.name, members(path)) for path in paths]
            for kind, paths in made(Path(name)).items()
        }
    data = os.environ.get("PLAYNANO_TEST_DATA")
    for kind, names in REAL.items() if real and data else ():
        paths = [Path(data) / name for name in names]
        result[kind] += [Seed(path.name, members(path)) for path in paths if path.is_file()]
    return result


def pick(kind, rng, real):
    """Return a seed of a format; large ones are used for one mutant in forty."""
    files = seeds(real)[kind]
    small = [seed for seed in files if seed.size < LARGE]
    large = [seed for seed in files if seed.size >= LARGE]
    pool = large if large and rng.random() < 0.025 else small
    return pool[rng.integers(len(pool))]
