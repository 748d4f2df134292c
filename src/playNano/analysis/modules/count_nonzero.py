"""Count the non-zero pixels of each frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.core.executor import map_frames


class CountNonzeroModule(AnalysisModule):
    """Count the non-zero pixels of each frame."""

    name = "count_nonzero"
    kind = "measurement"
    version = "1.0"

    @checked_run
    def run(self, stack: AFMImageStack, previous_results: dict[str, Any] | None = None) -> AnalysisOutputs:
        """Count the non-zero pixels of each frame; NaN counts as non-zero.

        Parameters
        ----------
        stack
            The movie.
        previous_results
            Not used.

        Returns
        -------
        dict
            ``counts``: int64 (n_frames,).

        Examples
        --------
        >>> stack = AFMImageStack(np.eye(3)[None], 1.0, "height", "movie.npy")
        >>> CountNonzeroModule().run(stack)["counts"].tolist()
        [3]
        """
        parts = map_frames(_count, stack.data, what=self.name)
        return {"counts": np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)}


def _count(start: int, block: Any) -> Any:
    return np.count_nonzero(block, axis=(1, 2))
