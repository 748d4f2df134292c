"""Write the results of a run as an RO-Crate: files with a description that data repositories read."""

from __future__ import annotations

import shlex
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from playNano.analysis.crate_entities import (
    author_of,
    file_properties,
    licence_of,
    movie_description,
    period_of,
)
from playNano.analysis.record_file import RECORD_JSON, read_record_head, record_path
from playNano.analysis.record_use import existing_movies, movie_of
from playNano.analysis.replay import changed_files
from playNano.core.files import atomic_folder, atomic_write
from playNano.core.result_folder import sha256_of, size_in_bytes
from playNano.errors import MissingInputError, ParameterError, PlayNanoWarning, RecordError

if TYPE_CHECKING:
    from rocrate.rocrate import ROCrate

METADATA = "ro-crate-metadata.json"
"""Name of the file that describes the others."""

_PROFILE = "https://w3id.org/ro/wfrun/process/0.5"
"""Profile of a crate that describes runs of programs: their input, results, and the program."""

_NO_LICENCE = "No licence is given: ask the authors before you use these data."


@dataclass(frozen=True)
class Description:
    """What a crate says of its contents as a whole.

    Parameters
    ----------
    title, description
        Text; None for one that is made from the record.
    licence
        SPDX identifier or address; None for none.
    authors
        ``"Name"`` or ``"Name <ORCID>"``.
    """

    title: str | None = None
    description: str | None = None
    licence: str | None = None
    authors: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Check licence and authors.

        Raises
        ------
        ParameterError
            One of them is wrong.
        """
        if self.licence is not None:
            licence_of(self.licence)
        names = [author_of(text)["@id"] for text in self.authors]
        for text, name in zip(self.authors, names, strict=True):
            if names.count(name) > 1:
                raise ParameterError(f"author {text!r} is given twice")


def write_crate(
    results: str | Path,
    target: str | Path | None = None,
    *,
    movie: str | Path | None = None,
    with_movie: bool = False,
    title: str | None = None,
    description: str | None = None,
    licence: str | None = None,
    authors: Sequence[str] = (),
    overwrite: bool = False,
) -> Path:
    """Write the results of a run as an RO-Crate, after checking their checksums.

    The crate contains all files of the run, and describes them, the movie (name, size, SHA-256), the version of
    playNano and the command. It conforms to RO-Crate 1.1 and Process Run Crate 0.5; `playnano verify` and
    `playnano replay` accept its folder.

    Parameters
    ----------
    results
        record.json of a run, or its folder.
    target
        A name that ends in ``.zip`` for a zip file, any other one for a folder. By default the name of the folder of
        results with the ending ``.crate.zip``, next to it.
    movie
        The movie, if it is not where the record says.
    with_movie
        Whether the crate contains the movie.
    title, description
        Text for the crate as a whole; by default made from the record.
    licence
        Licence of the data: a key of `LICENCES`, such as ``"CC-BY-4.0"``, or the address of a page.
    authors
        Authors of the data, ``"Name"`` or ``"Name <ORCID>"``.
    overwrite
        Whether an existing zip file, or the folder of a crate, is replaced.

    Returns
    -------
    Path
        The file or folder.

    Raises
    ------
    ParameterError
        The licence or an author is wrong, or `target` lies in the folder of results; or rocrate is not installed.
    RecordError
        A file was changed since the run, the movie is another one, or it is not a record.
    MissingInputError
        The movie is to be included and does not exist.
    OSError
        `target` exists or cannot be written.

    References
    ----------
    Soiland-Reyes et al., Packaging research artefacts with RO-Crate, Data Science 5 (2022) 97,
    doi:10.3233/DS-210053. Leo et al., Recording provenance of workflow runs with RO-Crate, PLoS ONE 19 (2024)
    e0309210, doi:10.1371/journal.pone.0309210.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> from playNano import AnalysisPipeline, load_afm_stack
    >>> from playNano.analysis.record_file import write_record, write_record_hdf5
    >>> from playNano.core.result_folder import result_folder
    >>> def run(folder):
    ...     np.save(f"{folder}/movie.npy", np.ones((2, 8, 8), np.float32))
    ...     stack = load_afm_stack(f"{folder}/movie.npy", pixel_size_nm=2.0)
    ...     record = AnalysisPipeline().add_steps("count_nonzero").run(stack)
    ...     with result_folder(f"{folder}/results") as results:
    ...         write_record(results, record, write_record_hdf5(results.path, record))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     run(folder)
    ...     write_crate(f"{folder}/results", licence="CC-BY-4.0").name
    'results.crate.zip'
    """
    path = record_path(results)
    given = Description(title, description, licence, tuple(authors))
    target = _checked_target(path.parent, target, overwrite)
    crate = _new_crate()
    faults = changed_files(path)
    if faults:
        raise RecordError("; ".join(faults))
    record = read_record_head(path)
    file = _checked_movie(record, path, None if movie is None else Path(movie), required=with_movie)
    _fill(crate, record, path, given, file if with_movie else None)
    if _ends_in_zip(target):
        with atomic_write(target) as temporary:
            crate.write_zip(temporary)
    else:
        with atomic_folder(target) as temporary:
            crate.write(temporary)
    return target


def _new_crate() -> ROCrate:
    """Return an empty crate."""
    try:
        from rocrate.rocrate import ROCrate
    except ImportError as error:
        raise ParameterError('RO-Crates need `pip install "playNano[crate]"`') from error
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = "http://schema.org/sha256"  # not a term of version 1.1
    crate.source = ""  # with None, the files of a folder named "None" would be added to a zip file
    return crate


def _ends_in_zip(path: Path) -> bool:
    return path.suffix.lower() == ".zip"


def _checked_target(results: Path, target: str | Path | None, overwrite: bool) -> Path:
    """Return the file or folder to write."""
    folder = results.resolve()
    path = folder.with_name(f"{folder.name}.crate.zip") if target is None else Path(target)
    if path.resolve().is_relative_to(folder) or folder.is_relative_to(path.resolve()):
        raise ParameterError(f"{path} lies in the folder of results, or contains it: give another name")
    if path.exists():
        if not overwrite:
            raise FileExistsError(f"{path} exists; give another name, or overwrite=True (--overwrite)")
        is_zip = path.is_file() and zipfile.is_zipfile(path) and _ends_in_zip(path)
        if not is_zip and not (path / METADATA).is_file():
            raise FileExistsError(f"{path} exists and is not an RO-Crate; give another name")
    return path


def _checked_movie(
    record: Mapping[str, Any], path: Path, movie: Path | None, *, required: bool
) -> Path | None:
    """Return the movie of a record, whose checksum is right; None and a warning if it does not exist."""
    if not existing_movies(record, path, movie):
        name = record["provenance"]["input"].get("file")
        text = f"the movie {str(movie or name)!r} does not exist"
        if required or movie is not None:
            raise MissingInputError(f"{text}; give the movie")
        warnings.warn(f"{text}, so its checksum was not compared", PlayNanoWarning, stacklevel=3)
        return None
    return movie_of(record, path, movie)


def _fill(
    crate: ROCrate, record: Mapping[str, Any], path: Path, given: Description, movie: Path | None
) -> None:
    """Add files, movie, software and run to a crate, and describe it as a whole."""
    provenance = record["provenance"]
    given_movie = provenance["input"]
    raw = given_movie.get("raw") or {"name": Path(str(given_movie.get("file", "movie"))).name}
    files = {}
    own = {"name": RECORD_JSON, "bytes": size_in_bytes(path), "sha256": sha256_of(path)}
    for entry in (own, *provenance["files"]):
        source = (path.parent / entry["name"]).absolute()
        files[entry["name"]] = _add(crate, source, {**entry, "kind": "folder" if source.is_dir() else "file"})
    listed = next((e for e in provenance["files"] if raw.get("sha256") == e["sha256"]), None)
    if listed is not None:  # a run that has written its own movie
        film = files.pop(listed["name"])
    elif movie is not None:
        film = _add(crate, movie.absolute(), raw, folder="movie/" if raw["name"] in files else "")
    else:
        film = _reference(crate, raw)
    film["description"] = movie_description(given_movie)
    _add_run(crate, record, film, list(files.values()))
    _describe(crate, given, raw["name"])


def _add(crate: ROCrate, source: Path, entry: Mapping[str, Any], folder: str = "") -> Any:
    """Add a file or folder to a crate; return its entity."""
    add = crate.add_dataset if source.is_dir() else crate.add_file
    return add(source, f"{folder}{entry['name']}", properties=file_properties(entry))


def _reference(crate: ROCrate, raw: Mapping[str, Any]) -> Any:
    """Add a movie that is not in the crate; return its entity."""
    from rocrate.model.contextentity import ContextEntity

    properties = {"@type": "MediaObject", **file_properties(raw)}
    return crate.add(ContextEntity(crate, "#movie", properties=properties))


def _add_run(crate: ROCrate, record: Mapping[str, Any], movie: Any, results: list[Any]) -> None:
    """Add the software, and the run that made the results from the movie."""
    from rocrate.model.contextentity import ContextEntity

    provenance, environment = record["provenance"], record.get("environment") or {}
    software = {
        "@type": "SoftwareApplication",
        "name": "playNano",
        "softwareVersion": str(environment.get("playNano_version", "unknown")),
        "description": f"Analysis of high-speed AFM movies; commit {environment.get('playNano_commit') or 'unknown'}",
    }
    program = crate.add(ContextEntity(crate, "#playNano", properties=software))
    names = [step["name"] for step in (*provenance.get("processing", ()), *provenance["steps"])]
    command = provenance.get("command")
    run: dict[str, Any] = {
        "@type": "CreateAction",
        "name": f"Analysis of {movie['name']}",
        "description": shlex.join(command) if command else ", ".join(names) or "no steps",
        "instrument": program,
        "object": movie,
        "result": results,
        "actionStatus": "http://schema.org/CompletedActionStatus",
    }
    period = period_of([*provenance.get("processing", ()), *provenance["steps"]])
    if period is not None:
        run["startTime"], run["endTime"] = period
    crate.root_dataset["mentions"] = crate.add(ContextEntity(crate, "#run", properties=run))


def _describe(crate: ROCrate, given: Description, movie: str) -> None:
    """Describe a crate as a whole: title, licence, authors, profile."""
    from rocrate.model.contextentity import ContextEntity
    from rocrate.model.person import Person

    def add(identifier: str, kind: str, **properties: str) -> Any:
        return crate.add(ContextEntity(crate, identifier, properties={"@type": kind, **properties}))

    root = crate.root_dataset
    root["name"] = given.title or f"Analysis of the AFM movie {movie}"
    root["description"] = given.description or (
        f"Results of playNano for the AFM movie {movie}: tables, pictures, pipeline and record"
    )
    if given.licence is None:
        root["license"] = _NO_LICENCE
    else:
        address, name = licence_of(given.licence)
        root["license"] = add(address, "CreativeWork", name=name)
    people = [author_of(text) for text in given.authors]
    if people:
        authors = [crate.add(Person(crate, p["@id"], {"name": p["name"]})) for p in people]
        root["author"] = authors if len(authors) > 1 else authors[0]
    root["conformsTo"] = add(_PROFILE, "CreativeWork", name="Process Run Crate", version="0.5")
