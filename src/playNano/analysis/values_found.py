"""Values that modules have found from a movie, in words."""

from __future__ import annotations

from typing import Any


def values_found(record: dict[str, Any], movie: str) -> list[str]:
    """Return lines that say what was found from a movie instead of being given.

    Parameters
    ----------
    record
        The record of the movie's analysis.
    movie
        Its name.

    Returns
    -------
    list of str
        Empty where nothing was found from the movie.

    Examples
    --------
    >>> outputs = {"summary": {"total_features": 3, "segmentation": "threshold 0.4 nm"}}
    >>> record = {"analysis": {"step_1_feature_detection": outputs}, "provenance": {}}
    >>> values_found(record, "a.asd")[1:]
    ['step_1_feature_detection: threshold 0.4 nm']
    """
    lines = []
    automatic = record["provenance"].get("automatic")
    if automatic is not None:
        lines.append(f"objects: {automatic['objects']}; {automatic['reason']}")
    for key, outputs in record["analysis"].items():
        summary = outputs.get("summary", {})
        texts = [summary["segmentation"]] if isinstance(summary.get("segmentation"), str) else []
        texts += [text for text in summary.get("messages", ()) if isinstance(text, str)]
        lines += [f"{key}: {text}" for text in texts]
    if not lines:
        return []
    return [f"Values that are null are found from each movie anew; in {movie} they were:", *lines]
