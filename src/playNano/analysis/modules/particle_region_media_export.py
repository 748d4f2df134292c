"""Movies of tracked regions, written into a folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.analysis.measurement.region_media import MediaOptions, safe_stem, write_media
from playNano.analysis.points import detection_outputs
from playNano.core.params import Declaration
from playNano.errors import MissingInputError, ParameterError


class ParticleRegionMediaExportModule(AnalysisModule):
    """Write movies of tracked regions into a folder; it is the one module that writes files."""

    name = "particle_region_media_export"
    kind = "measurement"
    version = "1.0"
    requires = ("particle_region_extraction",)
    writes_files = True
    options_type = MediaOptions

    def bind(self, params: Mapping[str, Any], where: str | None = None) -> dict[str, Any]:
        """Validate parameters, and return the values in effect; also whether the formats can be written.

        Parameters
        ----------
        params
            Values by name, as given.
        where
            Name of the step for messages; by default the module's.
        """
        bound = super().bind(params, where)
        names = {parameter.name for parameter in Declaration(MediaOptions).parameters()}
        try:
            MediaOptions(**{name: value for name, value in bound.items() if name in names})
        except ParameterError as error:
            raise ParameterError(f"{where or self.name}: {error}") from error
        return bound

    @checked_run
    def run(
        self,
        stack: AFMImageStack,
        previous_results: dict[str, Any] | None = None,
        *,
        extraction_module: str = "particle_region_extraction",
        output_folder: str | None = None,
        output_name: str | None = None,
        track_ids: Sequence[int] | None = None,
        max_tracks: Annotated[int, Field(ge=1)] | None = None,
        sort_by: Literal["track_id", "n_frames", "n_detections"] = "track_id",
        **options: Any,
    ) -> AnalysisOutputs:
        """Write a movie of each tracked region into a folder.

        For stabilised movies use the exporter "particle-movies" after `particle_regions`.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Outputs of earlier modules, among them those of particle_region_extraction with images.
        extraction_module
            Name of that module.
        output_folder
            Folder for the files, created if necessary; files of the same names are replaced. None: "output".
        output_name
            Beginning of the file names. None: that of the movie.
        track_ids
            Tracks to write. None: all.
        max_tracks
            Maximum number of tracks, the first in the order of `sort_by`. None: all.
        sort_by
            Order of the tracks: by number, or the longest, or those with the most detections first.
        **options
            See `playNano.analysis.measurement.region_media.MediaOptions`.

        Returns
        -------
        dict
            ``gif_paths``, ``video_paths``, ``sequence_folders``: absolute paths of what was written. ``per_track``: a
            list of dicts with ``track_id, n_frames, frame_size``, and ``gif_path``, ``video_path`` or
            ``sequence_folder``. ``summary``: counts and parameters.

        Raises
        ------
        MissingInputError
            particle_region_extraction has not run, or without images.
        ParameterError
            A track does not exist, or no video can be written here.
        OSError
            A file cannot be written.
        """
        media = MediaOptions(**options)
        extracted = detection_outputs(previous_results, extraction_module, "per_track")
        if not extracted["summary"].get("include_image", True):
            raise MissingInputError(f"{self.name} needs {extraction_module!r} with include_image=True")
        tracks = extracted["per_track"]
        taken = _selected(tracks, track_ids, sort_by)[:max_tracks]
        folder = Path(output_folder or "output").absolute()
        folder.mkdir(parents=True, exist_ok=True)
        stem = safe_stem(output_name or stack.file_path.stem)
        made = [
            write_media(stack, track, folder, f"{stem}_track_{track['track_id']}", media) for track in taken
        ]
        written = [entry for entry in made if entry is not None]
        return {
            "gif_paths": [entry["gif_path"] for entry in written if "gif_path" in entry],
            "video_paths": [entry["video_path"] for entry in written if "video_path" in entry],
            "sequence_folders": [e["sequence_folder"] for e in written if "sequence_folder" in e],
            "per_track": written,
            "summary": {
                "n_tracks_total": len(tracks),
                "n_tracks_selected": len(taken),
                "n_tracks_written": len(written),
                "n_tracks_skipped": len(taken) - len(written),
                "n_tracks_filtered_out": len(tracks) - len(taken),
                "track_ids": None if track_ids is None else list(track_ids),
                "max_tracks": max_tracks,
                "sort_by": sort_by,
                "output_folder": str(folder),
                **asdict(media),
            },
        }


def _selected(
    tracks: Sequence[Mapping[str, Any]], track_ids: Sequence[int] | None, sort_by: str
) -> list[Mapping[str, Any]]:
    """Return tracks in the order in which they are written."""
    missing = sorted(set(track_ids or ()) - {track["track_id"] for track in tracks})
    if missing:
        raise ParameterError(f"particle_region_media_export: there is no track {missing[0]}")
    kept = [track for track in tracks if track_ids is None or track["track_id"] in track_ids]
    number = {
        "track_id": lambda track: track["track_id"],
        "n_frames": lambda track: -len(track["frames"]),
        "n_detections": lambda track: -sum(region is not None for region in track["regions"]),
    }[sort_by]
    return sorted(kept, key=number)
