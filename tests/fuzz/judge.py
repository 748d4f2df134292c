"""Read a mutant, and say whether it was read rightly, refused clearly, or neither."""

import contextlib
import math
import shutil
import sys
import traceback
import warnings
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from tests.fuzz.mutate import mutate
from tests.fuzz.seeds import OPTIONS, pick, seeds

from playNano.errors import FileFormatError, PlayNanoError, PlayNanoWarning
from playNano.io.formats import BUILTIN_READERS
from playNano.io.formats.header_values import moment_of
from playNano.io.loader import load_afm_stack, open_movie

RIGHT, REFUSED = "right data", "clear error"
RAW, UNNAMED, LINES, MEMORY, WRONG = (
    "raw exception",
    "no file name",
    "several lines",
    "memory",
    "silently wrong",
)
HANG, CRASH = "hang", "crash"
FAULTS = (RAW, UNNAMED, LINES, MEMORY, WRONG, HANG, CRASH)
MAX_MESSAGE = 6000
SPARE_BYTES = 100 << 20
"""Memory that a mutant of a small file may take, bytes."""


@dataclass(frozen=True)
class Verdict:
    """What became of one mutant."""

    kind: str
    number: int
    outcome: str
    message: str
    done: str


def make(kind, seed, number, real):
    """Return name, members and damages of a mutant; the same for the same arguments."""
    rng = np.random.default_rng([seed, zlib.crc32(kind.encode()), number])
    chosen = pick(kind, rng, real)
    members, done = mutate(kind, chosen, rng)
    return chosen.name, members, f"{chosen.name}: {', '.join(done)}"


def write(folder, name, members):
    """Write a mutant, and return its path."""
    path = Path(folder) / name
    if list(members) == [""]:
        path.write_bytes(members[""])
        return path
    path.mkdir()
    for member, content in members.items():
        (path / member).parent.mkdir(parents=True, exist_ok=True)
        (path / member).write_bytes(content)
    return path


def peak_bytes():
    """Return the largest memory that this process has had; 0 where that is not known."""
    try:
        import resource
    except ImportError:  # Windows
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024)


def judge(kind, seed, number, real, folder):
    """Return the verdict on a mutant."""
    name, members, done = make(kind, seed, number, real)
    path = write(folder, name, members)
    expected = whole(kind, name, real, folder) if only_longer(done) else None
    before = peak_bytes()
    outcome, message = read(path, options(kind, number), number % 8 == 3, expected)
    taken = peak_bytes() - before
    if outcome in (RIGHT, REFUSED) and taken > SPARE_BYTES + 10 * sum(map(len, members.values())):
        outcome, message = MEMORY, f"{taken >> 20} MB more; {message}"
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return Verdict(kind, number, outcome, message, done)


def options(kind, number):
    """Return the options with which a mutant is read: every second one as an incomplete recording, if it can be."""
    names = [parameter.name for parameter in BUILTIN_READERS[kind].parameters()]
    incomplete = {"allow_incomplete": True} if number % 2 and "allow_incomplete" in names else {}
    return OPTIONS.get(kind, {}) | incomplete


def only_longer(done):
    """Return whether nothing but bytes behind the content was added, which changes no pixel."""
    ways = done.partition(": ")[2].split(", ")
    return all(way.split(" of ")[0] == "append" for way in ways)


@cache
def whole(kind, name, real, folder):
    """Return the pixels of a seed, or None where it is cut off itself."""
    seed = next(seed for seed in seeds(real)[kind] if seed.name == name)
    (Path(folder) / "whole").mkdir(exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            movie = open_movie(write(Path(folder) / "whole", name, seed.members), None, **options(kind, 0))
        except FileFormatError:
            return None
        return movie.read(0, movie.shape[0])


def read(path, options, lazy=False, expected=None):
    """Return outcome and message of reading a file to its end.

    It is read as a lazy movie too if `lazy` is true, and compared with its pixels where these are `expected`.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            movie = open_movie(path, None, **options)
            values = movie.read(0, movie.shape[0])
            fault = wrong(movie, values)
            if (
                fault is None
                and expected is not None
                and not np.array_equal(values, expected, equal_nan=True)
            ):
                fault = "other pixels, although only bytes behind the content were added"
            if fault is None:
                stack = load_afm_stack(path, movie.channel, lazy=False, **options)
                fault = wrong_stack(stack, movie, values)
            if fault is None and lazy:
                stack = load_afm_stack(path, movie.channel, lazy=True, **options)
                fault = wrong_stack(stack, movie, values)
    except PlayNanoError as error:
        return refusal(error, path)
    except MemoryError as error:
        return MEMORY, repr(error)
    except FileNotFoundError as error:
        return (REFUSED if str(path) in str(error) else RAW), repr(error)
    except Exception as error:  # noqa: BLE001  (what is searched for)
        last = traceback.extract_tb(error.__traceback__)
        ours = [f"{Path(f.filename).name}:{f.lineno}" for f in last if "playNano" in f.filename]
        return RAW, f"{type(error).__name__} at {ours[-1] if ours else '?'}: {str(error)[:300]}"
    ours = [str(warning.message) for warning in caught if issubclass(warning.category, PlayNanoWarning)]
    foreign = [warning for warning in caught if not issubclass(warning.category, PlayNanoWarning)]
    if fault is None and not ours and (np.isinf(values).any() or np.isnan(values).all()):
        fault = "no pixel is a number, or some are infinite, and there is no warning"
    if fault is None and foreign:
        fault = f"a warning of {foreign[0].filename}: {foreign[0].message}"
    return (RIGHT, "; ".join(ours)) if fault is None else (WRONG, fault)


def refusal(error, path):
    """Return the outcome of an error of playNano."""
    text, cause = str(error), error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return MEMORY, text
        cause = cause.__cause__
    if str(path) not in text and path.name not in text:
        return UNNAMED, text
    if len(text.splitlines()) != 1 or len(text) > MAX_MESSAGE:
        return LINES, text
    return REFUSED, text


def wrong(movie, values):
    """Return what a movie should not be, or None."""
    sizes = movie.pixel_size_nm
    times = [frame.get("timestamp") for frame in movie.frame_metadata]
    if values.shape != movie.shape or min(movie.shape) < 1:
        return f"pixels of {values.shape}, announced {movie.shape}"
    if values.dtype != np.float32 and movie.format not in ("bundle", "ome-zarr"):
        return f"pixels are {values.dtype}"
    if len(sizes) != 2 or not all(isinstance(size, float) and 0 < size < math.inf for size in sizes):
        return f"pixel size {sizes}"
    if len(times) != movie.shape[0] or not times_are_right([time for time in times if time is not None]):
        return f"times {times[:5]}"
    if not all(isinstance(text, str) for text in (movie.unit, movie.channel, *movie.channels)):
        return f"unit and channels {movie.unit!r}, {movie.channels!r}"
    scan = movie.scan
    if scan is not None:
        spans = (scan.line_time_s, scan.frame_time_s)
        if not all(span is None or (isinstance(span, int | float) and 0 < span < math.inf) for span in spans):
            return f"scan {scan}"
        if scan.direction not in (None, "up", "down"):
            return f"scan {scan}"
    return None


def times_are_right(times):
    """Return whether times are finite, or NaN where they are not known, or dates."""
    return all(
        moment_of(time) is not None if isinstance(time, str) else not math.isinf(time) for time in times
    )


def wrong_stack(stack, movie, values):
    """Return how a stack differs from the movie of the same file, or None."""
    if stack.data.shape != movie.shape or not np.array_equal(np.asarray(stack.data), values, equal_nan=True):
        return "the stack has other pixels than the movie"
    if not np.allclose(stack.pixel_size_nm, movie.pixel_size_nm, atol=0):
        return f"the stack has pixels of {stack.pixel_size_nm} nm, the movie of {movie.pixel_size_nm}"
    times = stack.get_frame_times() or ()
    if not times_are_right(times):
        return f"times {times[:5]}"
    return None
