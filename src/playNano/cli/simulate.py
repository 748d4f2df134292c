"""``playnano simulate``: simulate a movie, and write its ground truth as tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from playNano.cli.console import out
from playNano.core.literals import parse_literal
from playNano.errors import ParameterError


def list_presets() -> None:
    """Print name, size and summary of each preset."""
    from playNano.simulate.presets import PRESETS

    for name, preset in PRESETS.items():
        n, (h, w) = preset.scanner.n_frames, preset.scanner.shape
        out.print(f'"{name}" ({n} x {h} x {w}): {preset.summary}', markup=False)


def run_simulation(preset: str, path: Path, seed: int, asd_version: int, changes: dict[str, Any]) -> None:
    """Simulate a movie from a preset, write it and its ground truth, and print the names of the files.

    Parameters
    ----------
    preset
        Name of a preset.
    path
        The movie; the suffix determines the format.
    seed
        Seed of the simulation, >= 0; the same seed gives the same movie.
    asd_version
        Header version of an .asd file, 0 to 2.
    changes
        Settings that differ from the preset, as returned by `read_changes`.

    Raises
    ------
    ParameterError
        If there is no such preset or setting, or a value is not allowed.
    """
    from playNano.simulate.presets import simulate_preset
    from playNano.simulate.save import check_path, save_movie

    check_path(path)
    movie = simulate_preset(preset, seed=seed, keep_clean=False, **changes)
    written = save_movie(movie, path, asd_version=asd_version)
    out.print(str(movie.to_stack()).partition("\n")[0], markup=False)
    truth = movie.truth
    out.print(
        f"  {truth['particle'].nunique()} particles, {len(truth)} passes of the tip, "
        f"{len(movie.events)} events, {len(movie.faults)} injected faults"
    )
    out.print(f"in {path}; next to it {', '.join(p.name for p in written[1:])}", markup=False)


def read_changes(
    frames: int | None,
    size: str | None,
    pixel_size_nm: str | None,
    frame_time_s: float | None,
    settings: Sequence[str],
) -> dict[str, Any]:
    """Parse the options that change the settings of a preset.

    Parameters
    ----------
    frames
        Number of frames.
    size
        ``HEIGHTxWIDTH``, px.
    pixel_size_nm
        Edge of a pixel, nm, or ``YxX``.
    frame_time_s
        Time of a frame, s.
    settings
        Other settings, each ``name=value``.

    Returns
    -------
    dict
        Setting -> value, for the given options.

    Raises
    ------
    ParameterError
        If an option is not of the required form.
    """
    changes: dict[str, Any] = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise ParameterError(f"--set {text!r} is not of the form name=value")
        literal = parse_literal(value.strip())
        changes[name.strip()] = tuple(literal) if isinstance(literal, list) else literal
    if frames is not None:
        changes["n_frames"] = frames
    if size is not None:
        changes["shape"] = _pair(size, "--size", "HEIGHTxWIDTH in px, such as 128x256", int)
    if pixel_size_nm is not None:
        changes["pixel_size_nm"] = _pair(pixel_size_nm, "--pixel-size-nm", "nm, such as 2 or 2x1", float)
    if frame_time_s is not None:
        changes["frame_time_s"] = frame_time_s
    return changes


def _pair(text: str, option: str, form: str, kind: type[int] | type[float]) -> tuple[float, float]:
    """Parse two numbers from a text such as 128x256, or 128 for two equal numbers."""
    try:
        values = [kind(part) for part in text.lower().split("x")]
    except ValueError as error:
        raise ParameterError(f"{option} is {text!r}; it must be {form}") from error
    if len(values) not in (1, 2):
        raise ParameterError(f"{option} is {text!r}; it must be {form}")
    return values[0], values[-1]
