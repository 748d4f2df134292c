"""``playnano convert``: convert movies to another format."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from playNano.analysis.convert import convert_movie
from playNano.analysis.exporters import exporter_registry
from playNano.cli.batch_folder import find_files
from playNano.cli.console import out, progress_bars
from playNano.cli.job import Options
from playNano.errors import ParameterError


def run_convert(
    patterns: Sequence[str],
    target: Path,
    options: Options,
    channel: str | None,
    to: str | None,
    overwrite: bool,
) -> None:
    """Convert one movie to a file, or several into a folder, and print what the target does not keep.

    Parameters
    ----------
    patterns
        Files, folders that are movies, or glob patterns.
    target
        The file to write; with `to`, or for several movies, the folder for the files.
    options
        Options for reading: `lazy`, `pixel_size_nm`, `allow_incomplete`.
    channel
        The channel; None means the height, or the first one.
    to
        Name of the exporter; None selects it by the ending of `target`.
    overwrite
        Whether existing files are replaced.

    Raises
    ------
    ParameterError
        Several movies are given without `to`, two of them have the same name, or the target is not possible.
    PlayNanoError, OSError
        A movie cannot be read or written.
    """
    files = find_files(patterns)
    if to is None and len(files) > 1:
        raise ParameterError(f"{len(files)} movies: give the format with --to, and a folder as the target")
    targets = [target] if to is None else _targets(files, target, exporter_registry()[to].suffix)
    for file, path in zip(files, targets, strict=True):
        with progress_bars():
            done = convert_movie(
                file,
                path,
                to=to,
                channel=channel,
                lazy=options.lazy,
                overwrite=overwrite,
                **options.reading(),
            )
        out.print(f"{file} -> {done.path}", markup=False, emoji=False)
        for text in done.lost:
            out.print(f"  {text}", markup=False, emoji=False)
        if not done.lost:
            out.print("  everything is kept", markup=False)


def _targets(files: Sequence[Path], folder: Path, suffix: str) -> list[Path]:
    """Return the file to write for each movie; two movies never share one."""
    targets = [folder / f"{_stem(file)}{suffix}" for file in files]
    # Some systems do not distinguish capital letters.
    names = [path.name.casefold() for path in targets]
    doubled = sorted({path.name for path in targets if names.count(path.name.casefold()) > 1})
    if doubled:
        raise ParameterError(f"two of the movies would be written to {doubled[0]}; convert them one by one")
    return targets


def _stem(file: Path) -> str:
    """Return the name of a movie without its ending: of "a.ome.zarr" "a", of a NanoScope file "000.102" all of it."""
    name = file.name
    for ending in (".ome.zarr", ".ome.tif", ".ome.tiff"):
        if name.casefold().endswith(ending):
            return name[: -len(ending)]
    return name if file.is_dir() or file.suffix[1:].isdecimal() else file.stem
