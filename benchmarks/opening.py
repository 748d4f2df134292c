"""Measure what opening a movie of 10 GB reads before the first pixel is needed, for every format with lazy pixels.

The movies are sparse files of zeros that take almost no space on disk. Each is opened in a process of its own, after a
small movie of the same format, so that imports do not count. Measured are bytes read by system calls, bytes of mapped
files that are in memory afterwards, and the growth of the peak memory, which contains what was mapped meanwhile.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

SIDE = 512
BAR_MB = 10.0
SMALL_BYTES = 4 * SIDE * SIDE * 4
SPM_HEADER_BYTES = 40960


def frames_for(n_bytes: int, frame_bytes: int) -> int:
    return max(2, n_bytes // frame_bytes)


def make_asd(folder: Path, n_bytes: int) -> Path:
    from playNano.io.export.asd import write_asd
    from playNano.io.formats.asd_header import FIXED_V1, read_header

    path = folder / "movie.asd"
    write_asd(path, np.zeros((2, 200, 200)), pixel_size_nm=2.0, frame_time_s=0.5)
    header_bytes = read_header(path).fields["header_bytes"]
    frame_bytes = (path.stat().st_size - header_bytes) // 2
    n = frames_for(n_bytes, frame_bytes)
    with path.open("r+b") as file:
        for name in ("n_frames", "initial_frames"):
            kind, at = FIXED_V1.fields[name][:2]
            file.seek(at)
            file.write(np.array(n, kind).tobytes())
        file.truncate(header_bytes + n * frame_bytes)
    return path


def make_h5_jpk(folder: Path, n_bytes: int) -> Path:
    import h5py

    path = folder / "movie.h5-jpk"
    n = frames_for(n_bytes, 4 * SIDE * SIDE)
    with h5py.File(path, "w") as file:
        group = file.create_group("Measurement_000")
        group.attrs.update(
            {
                "position-pattern.grid.ilength": np.int32(SIDE),
                "position-pattern.grid.jlength": np.int32(SIDE),
                "position-pattern.grid.ulength": 1e-6,
                "position-pattern.grid.vlength": 1e-6,
                "position-pattern.grid.unit.unit": b"m",
                "timing-settings.scanRate": 50.0,
                "motion": b"topDown",
            }
        )
        channel = group.create_group("Channel_000")
        channel.attrs.update(
            {
                "channel.name": b"height",
                "retrace": b"false",
                "encoder.scaling.multiplier": 1e-9,
                "encoder.scaling.offset": 0.0,
                "encoder.scaling.style": b"offsetmultiplier",
                "encoder.scaling.type": b"linear",
                "encoder.scaling.unit.unit": b"m",
                "conversions.base": b"metres",
                "conversions.default": b"metres",
                "conversion.metres.defined": b"false",
            }
        )
        data = channel.create_dataset(
            "data", shape=(SIDE * SIDE, n), dtype="<i4", chunks=(SIDE * SIDE, 1), compression="gzip"
        )
        write_chunks(data)
        starts = 1_700_000_000_000 + 100 * np.arange(n)
        group["meta-data/start-times"] = starts
        group["meta-data/end-times"] = starts + 95
    return path


def make_bundle(folder: Path, n_bytes: int) -> Path:
    import h5py

    from playNano.io.export.bundle import write_bundle

    n = frames_for(n_bytes, 4 * SIDE * SIDE)
    path = write_bundle(small_stack(n), folder / "movie.h5")
    with h5py.File(path, "r+") as file:
        del file["stack/data"]
        chunks = (1, SIDE, SIDE)
        data = file.create_dataset("stack/data", (n, SIDE, SIDE), "<f4", chunks=chunks, compression="gzip")
        data.attrs["kind"] = "array"
        write_chunks(data)
    return path


def make_npz(folder: Path, n_bytes: int) -> Path:
    from playNano.io.export.numpy_files import write_npz

    n = frames_for(n_bytes, 4 * SIDE * SIDE)
    small, path = write_npz(small_stack(n), folder / "small.npz"), folder / "movie.npz"
    with zipfile.ZipFile(small) as source, zipfile.ZipFile(path, "w") as archive:
        for name in source.namelist():
            if name != "data.npy":
                archive.writestr(name, source.read(name))
        with archive.open("data.npy", "w", force_zip64=True) as member:
            size = 4 * n * SIDE * SIDE
            member.write(npy_header(n))
            archive.fp.seek(size, os.SEEK_CUR)
            member._file_size += size  # a hole instead of zeros; the checksum is not that of the zeros
    small.unlink()
    return path


def make_npy(folder: Path, n_bytes: int) -> Path:
    path = folder / "movie.npy"
    n = frames_for(n_bytes, 4 * SIDE * SIDE)
    header = npy_header(n)
    path.write_bytes(header)
    os.truncate(path, len(header) + 4 * n * SIDE * SIDE)
    return path


def make_nhf(folder: Path, n_bytes: int) -> Path:
    import h5py

    path, side = folder / "movie.nhf", 2048
    begin = datetime(2024, 5, 1)
    with h5py.File(path, "w") as file:
        file.attrs.update({"nsf_file_version_major": np.uint32(1), "nsf_file_version_minor": np.uint32(1)})
        for number in range(frames_for(n_bytes, 4 * side * side)):
            group = file.create_group(f"measurement_{number}")
            group.attrs.update(
                {
                    "name": f"Image {number}",
                    "measurement_type": "image_line_based",
                    "image_points_per_line": np.uint32(side),
                    "image_number_of_lines": np.uint32(side),
                    "image_number_of_lines_acquired": np.uint32(side),
                    "image_size_x": 1e-6,
                    "image_size_y": 1e-6,
                    "image_line_rate": 2.0,
                    "image_scan_direction": "up",
                    "created": (begin + timedelta(hours=number)).isoformat(timespec="milliseconds") + "Z",
                }
            )
            segment = group.create_group("segment_0")
            segment.attrs["name"] = "Forward"
            channel = allocated(segment, "dataset_0", (side * side,), "<i4")
            channel.attrs.update(
                {
                    "name": "Topography",
                    "base_calibration_min": -2e-6,
                    "base_calibration_max": 2e-6,
                    "base_calibration_unit": "m",
                    "dataset_element_type": np.uint32(0),
                }
            )
    return path


def make_aris(folder: Path, n_bytes: int) -> Path:
    import h5py

    path = folder / "movie.aris"
    n = frames_for(n_bytes, 4 * SIDE * SIDE)
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.attrs["ARFormat"] = "Ergo"
        file.attrs["ARVersion"] = np.array([1, 0, 0], np.int32)
        info = file.create_group("DataSetInfo")
        info.attrs["NumFrames"] = np.int32(n)
        info.attrs["ChannelNames"] = np.array(["HeightTrace"], dtype=text)
        dims = file.create_group("DataSetInfo/Global/Channels/HeightTrace/ImageDims")
        dims.attrs["DataUnits"] = "m"
        dims.attrs["DimUnits"] = np.array(["m", "m"], dtype=text)
        dims.attrs["DimScaling"] = np.array([[0, 1e-6], [0, 1e-6]])
        dims.create_group("Resolution 0").attrs["DimExtents"] = np.array([SIDE, SIDE], np.int32)
        for frame in range(n):
            group = file.create_group(f"DataSet/Resolution 0/Frame {frame}/HeightTrace")
            allocated(group, "Image", (SIDE, SIDE), "<f4")
        file["DataSetInfo/Series/Time"] = 0.5 * np.arange(n)
    return path


def make_imagej(folder: Path, n_bytes: int) -> Path:
    import tifffile

    path = folder / "movie.tif"
    n = frames_for(n_bytes, 4 * SIDE * SIDE)
    metadata = {"axes": "TYX", "unit": "nm", "finterval": 0.5}
    tifffile.imwrite(
        path, shape=(n, SIDE, SIDE), dtype=np.float32, imagej=True, resolution=(0.5, 0.5), metadata=metadata
    )
    return path


def make_bigtiff(folder: Path, n_bytes: int) -> Path:
    import tifffile

    path = folder / "movie.tif"
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        for _ in range(frames_for(n_bytes, 4 * SIDE * SIDE)):
            tiff.write(shape=(SIDE, SIDE), dtype=np.float32, contiguous=False, metadata=None)
    return path


def make_ome_zarr(folder: Path, n_bytes: int) -> Path:
    import zarr

    from playNano.io.export.ome_zarr import write_ome_zarr

    n = frames_for(n_bytes, 4 * SIDE * SIDE)
    path = write_ome_zarr(small_stack(n), folder / "movie.ome.zarr")
    shutil.rmtree(path / "0")
    array = zarr.create_array(
        store=str(path / "0"), shape=(n, SIDE, SIDE), chunks=(8, SIDE, SIDE), dtype=np.float32
    )
    array[:8] = np.ones((8, SIDE, SIDE), np.float32)
    for number in range(1, -(-n // 8)):
        chunk = path / "0" / "c" / str(number) / "0" / "0"
        chunk.parent.mkdir(parents=True)
        shutil.copyfile(path / "0" / "c" / "0" / "0" / "0", chunk)
    return path


def make_spm_folder(folder: Path, n_bytes: int) -> Path:
    path = folder / "images"
    path.mkdir()
    begin = datetime(2014, 4, 25, 1, 0)
    size = 4 * SIDE * SIDE
    for number in range(frames_for(n_bytes, size)):
        moment = begin + timedelta(seconds=10 * number)
        lines = [
            "\\*File list", "\\Version: 0x09000104", f"\\Date: {moment:%I:%M:%S %p %a %b %d %Y}",
            *(f"\\Parameter {i}: {'0' * 100}" for i in range(340)),
            "\\*Scanner list", "\\@Sens. Zsens: V 10 nm/V",
            "\\*Ciao scan list", "\\Scan Size: 1000 1000 nm", "\\Scan Rate: 2", "\\Capture direction: Down",
            "\\*Ciao image list", f"\\Data offset: {SPM_HEADER_BYTES}", f"\\Data length: {size}",
            "\\Bytes/pixel: 4", f"\\Samps/line: {SIDE}", f"\\Number of lines: {SIDE}", "\\Scan Size: 1000 1000 nm",
            "\\Aspect Ratio: 1:1", '\\@2:Image Data: S [Height] "Height"',
            "\\@2:Z scale: V [Sens. Zsens] (0.006713867 V/LSB) 1 V", "\\*File list end", "\x1a",
        ]  # fmt: skip
        file = path / f"image.{number:06d}.spm"
        file.write_bytes("\r\n".join(lines).encode("latin-1"))
        os.truncate(file, SPM_HEADER_BYTES + size)
    return path


def allocated(group, name: str, shape: tuple[int, ...], dtype: str):
    """Create a dataset whose place in the file is reserved but not written."""
    import h5py

    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    space, kind = h5py.h5s.create_simple(shape), h5py.h5t.py_create(np.dtype(dtype))
    h5py.h5d.create(group.id, name.encode(), kind, space, properties)
    return group[name]


def write_chunks(dataset) -> None:
    """Write every chunk of a dataset with gzip: zeros, which take almost no space."""
    packed = zlib.compress(np.zeros(dataset.chunks, dataset.dtype).tobytes())
    for corner in itertools.product(*map(range, (0, 0, 0), dataset.shape, dataset.chunks)):
        dataset.id.write_direct_chunk(corner, packed)


def npy_header(n_frames: int) -> bytes:
    import io

    buffer = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": (n_frames, SIDE, SIDE)}
    np.lib.format.write_array_header_1_0(buffer, header)
    return buffer.getvalue()


def small_stack(n_frames: int):
    """Return a movie of 1 x 1 px with the metadata of a long one."""
    from playNano.afm_stack import AFMImageStack

    times = [{"timestamp": 0.1 * i} for i in range(n_frames)]
    return AFMImageStack(np.zeros((n_frames, 1, 1), np.float32), 2.0, "height_trace", "generated", times)


MAKERS: dict[str, tuple[Callable[[Path, int], Path], dict]] = {
    "asd": (make_asd, {}),
    "h5-jpk": (make_h5_jpk, {}),
    "bundle": (make_bundle, {}),
    "npz": (make_npz, {}),
    "npy": (make_npy, {"pixel_size_nm": 2.0}),
    "nhf, 2048 x 2048 px": (make_nhf, {}),
    "aris": (make_aris, {}),
    "tiff (ImageJ)": (make_imagej, {}),
    "tiff (BigTIFF, a page per frame)": (make_bigtiff, {"pixel_size_nm": 2.0, "unit": "nm"}),
    "ome-zarr": (make_ome_zarr, {}),
    "folder of spm": (make_spm_folder, {}),
}


def counters() -> dict[str, int]:
    """Return bytes read by system calls, bytes of mapped files in memory, and peak memory."""
    fields = dict(line.split(":") for line in Path("/proc/self/io").read_text().splitlines())
    status = Path("/proc/self/status").read_text().splitlines()
    mapped = next(int(line.split()[1]) * 1024 for line in status if line.startswith("RssFile"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"read": int(fields["rchar"]), "mapped": mapped, "peak": peak}


def measure(small: str, large: str, options: str) -> None:
    """Open the small, then the large movie lazily; print what the large one costs as JSON."""
    from playNano.io.loader import load_afm_stack, open_movie

    given = json.loads(options)
    load_afm_stack(small, open_movie(small, None, **given).channel, lazy=True, **given)
    before, started = counters(), time.perf_counter()
    stack = load_afm_stack(large, "height_trace", lazy=True, **given)
    seconds = time.perf_counter() - started
    after = counters()
    cost = {name: max(0, after[name] - before[name]) / 1e6 for name in before}
    size = 4 * stack.n_frames * stack.height * stack.width / 1e9
    print(json.dumps({**cost, "seconds": seconds, "frames": stack.n_frames, "decoded_gb": size}))


def size_of(path: Path) -> int:
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def report(rows: list[dict]) -> str:
    lines = [
        "# What opening a long movie reads",
        "",
        f"`python benchmarks/opening.py {' '.join(sys.argv[1:])}`",
        "",
        f"Loading a movie lazily, before the first pixel is needed, in MB (1e6 bytes). Bar: under {BAR_MB:g} MB read.",
        'Sparse files of zeros; those in chunks have chunks of packed zeros. "Mapped" are pages of memory-mapped files '
        "that are",
        "in memory afterwards; the growth of the peak memory contains those that were mapped meanwhile.",
        f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}.",
        "",
        "| format | frames | GB as float32 | GB of the file | read, MB | mapped, MB | peak, MB more | s | bar |",
        "|---|---|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    for row in rows:
        passed = "met" if row["read"] + row["mapped"] < BAR_MB else "missed"
        lines.append(
            f"| {row['format']} | {row['frames']} | {row['decoded_gb']:.2f} | {row['gb']:.2f} | {row['read']:.2f} "
            f"| {row['mapped']:.2f} | {row['peak']:.1f} | {row['seconds']:.2f} | {passed} |"
        )
    lines += [
        "",
        "Per frame the readers need: of a folder the header of every image, to check that the images belong together",
        "(here 40 kB, as NanoScope writes them, twice); of .aris two groups and the place of a dataset (11 kB, "
        "in two passes), to",
        "name the frames that are missing; of TIFF a directory (0.8 kB). Larger frames make fewer of them.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--gb", type=float, default=10.0, help="size of a movie, GB")
    parser.add_argument("--only", nargs="+", help="formats to measure, by the beginning of their names")
    parser.add_argument("--output", type=Path, help="write the table to this file")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        measure(*given.measure)
        return
    rows = []
    for name, (make, options) in MAKERS.items():
        if given.only and not name.startswith(tuple(given.only)):
            continue
        with tempfile.TemporaryDirectory(prefix="playnano-opening-") as folder:
            paths = []
            for size in (SMALL_BYTES, int(given.gb * 1e9)):
                part = Path(folder) / str(size)
                part.mkdir()
                paths.append(make(part, size))
            command = [sys.executable, __file__, "--measure", *map(str, paths), json.dumps(options)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                print(f"{name}: {done.stderr[-800:]}", file=sys.stderr)
                continue
            rows.append({"format": name, "gb": size_of(paths[1]) / 1e9, **json.loads(done.stdout)})
            print(rows[-1], file=sys.stderr)
    text = report(rows)
    print(text)
    if given.output:
        given.output.parent.mkdir(parents=True, exist_ok=True)
        given.output.write_text(text)


if __name__ == "__main__":
    main()
