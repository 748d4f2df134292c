"""Count the non-zero pixels of each frame."""

from __future__ import annotations

from typing import Any

import numpy as np

from playNano.afm_stack import AFMImageStack
from playNano.analysis.base import AnalysisModule, AnalysisOutputs, checked_run
from playNano.core.executor import Block, map_blocks


class CountNonzeroModule(AnalysisModule):
    """Count the non-zero pixels of each frame."""

    name = "count_nonzero"
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

        def count(block: Block) -> Any:
            return np.count_nonzero(stack.data[block.start : block.stop], axis=(1, 2))

        parts = map_blocks(count, stack.data.shape, what=self.name, itemsize=stack.data.itemsize)
        return {"counts": np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)}
