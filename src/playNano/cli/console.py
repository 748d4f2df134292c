"""Console output of the command line, and progress bars for jobs that take longer than a second."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import cast

from rich.console import Console

from playNano.core import progress_bars as bars
from playNano.core.progress_bars import Bars

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def progress_bars(*, inner: bool = True) -> AbstractContextManager[Bars]:
    """Show progress bars on stderr inside a context.

    Parameters
    ----------
    inner
        Whether the progress of single processing steps and analysis modules is shown.

    Returns
    -------
    context manager
        It yields a function of the name of a job, the number of finished frames, and the total number.
    """
    return cast(AbstractContextManager[Bars], bars.progress_bars(inner=inner, console=err))
