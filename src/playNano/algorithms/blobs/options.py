"""Options of blob detection, declared once for the function and the analysis module."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from playNano._options import Unit, check_options
from playNano.algorithms._common.polarity import Polarity
from playNano.errors import ParameterError

MIN_SIGMA, MAX_SIGMA, THRESHOLD = 1.0, 5.0, 0.1
"""Limits of sigma, px, and threshold, nm, of `skimage.feature.blob_log` for frames of a few nm."""

SigmaPx = Annotated[float, Field(gt=0, allow_inf_nan=False), Unit("px")]
SigmaNm = Annotated[float, Field(gt=0, allow_inf_nan=False), Unit("nm")]


@dataclass(frozen=True)
class BlobOptions:
    """Set the scales, threshold, overlap and refinement of blob detection.

    Parameters
    ----------
    min_sigma
        Minimum standard deviation of the Gaussian, px along both axes, above 0. None is 1; the module
        `log_blob_detection` finds the range in nm from the objects of the movie if neither limits nor a threshold are
        given.
    max_sigma
        Maximum standard deviation, px, at least ``min_sigma``. None is 5, or as for ``min_sigma``.
    num_sigma
        Number of scales, evenly spaced from minimum to maximum, at least 1.
    threshold
        Maxima must exceed this response of the scale-normalised filter, in the unit of the channel (nm for
        heights), at least 0; a Gaussian particle of height A has the response A / 2. None is 0.1; the module
        `log_blob_detection` finds it from the noise of the movie.
    overlap
        Of two blobs that share more than this fraction of the smaller one's disc, the smaller is dropped; 0 to 1.
    mode
        "exact": the responses of `skimage.feature.blob_log`; "fast": approximate ones of the frame minus its mean,
        where each scale is blurred from the previous one. On white noise their error is 1 % at sigma 1 px, 0.2 % from
        1.5 px on, but 7 % at 0.7 px and a third at 0.5 px, for which the mode is not suited.
    subpixel
        Whether positions and scales are interpolated between pixels and scales.
    fit
        With ``subpixel``: "quadratic", the vertex of the paraboloid through the 27 cells around the maximum;
        "gaussian", thereafter a least-squares fit of a round Gaussian on a constant background to the heights within
        2.5 sigma; where that fit fails, the result of the paraboloid is kept.
    min_sigma_nm
        Minimum standard deviation, nm, above 0. Give both or neither of the limits in nm; they replace those in
        pixels. Kernels and overlaps are then round in nm, whatever the shape of the pixels.
    max_sigma_nm
        Maximum standard deviation, nm, at least ``min_sigma_nm``.
    polarity
        "up" for blobs above the background, "down" for pits, whose heights and responses are negative, "both"; "auto"
        is "up", but the module `log_blob_detection` finds it from the movie if no threshold is given.

    Raises
    ------
    ParameterError
        If a value is out of its range, or a maximum is below its minimum.

    Examples
    --------
    >>> BlobOptions(min_sigma=2).sigma_limits
    (2, 5.0)
    """

    min_sigma: SigmaPx | None = None
    max_sigma: SigmaPx | None = None
    num_sigma: Annotated[int, Field(ge=1)] = 10
    threshold: Annotated[float, Field(ge=0), Unit("channel's")] | None = None
    overlap: Annotated[float, Field(ge=0, le=1)] = 0.5
    mode: Literal["exact", "fast"] = "exact"
    subpixel: bool = False
    fit: Literal["quadratic", "gaussian"] = "quadratic"
    min_sigma_nm: SigmaNm | None = None
    max_sigma_nm: SigmaNm | None = None
    polarity: Polarity = "auto"

    def __post_init__(self) -> None:
        check_options(self)
        if (self.min_sigma_nm is None) != (self.max_sigma_nm is None):
            raise ParameterError("min_sigma_nm and max_sigma_nm must be given together")
        low, high = self.sigma_limits
        if high < low:
            unit = "_nm" if self.in_nm else ""
            raise ParameterError(f"max_sigma{unit} ({high:g}) is less than min_sigma{unit} ({low:g})")

    @property
    def in_nm(self) -> bool:
        """Whether the scales are given in nm."""
        return self.min_sigma_nm is not None

    @property
    def sigma_limits(self) -> tuple[float, float]:
        """Minimum and maximum sigma: in nm where these are given, else in px."""
        if self.min_sigma_nm is not None and self.max_sigma_nm is not None:
            return self.min_sigma_nm, self.max_sigma_nm
        low, high = self.min_sigma, self.max_sigma
        return MIN_SIGMA if low is None else low, MAX_SIGMA if high is None else high

    @property
    def min_response(self) -> float:
        """Response that maxima must exceed, nm."""
        return THRESHOLD if self.threshold is None else self.threshold
