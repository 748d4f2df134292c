"""Send every block's work through pickle, as a cluster would."""

import pickle
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from unittest.mock import patch

from playNano.core import blocks, executor


@dataclass(frozen=True)
class SentTask:
    """A task whose function, input and result are pickled and read back."""

    function: Any

    def __call__(self, *args, **kwargs):
        function, args, kwargs = pickle.loads(pickle.dumps((self.function, args, kwargs)))
        return pickle.loads(pickle.dumps(function(*args, **kwargs)))


@contextmanager
def tasks_through_pickle():
    """Pickle what `map_frames` hands to its tasks and what they return, in this process."""
    call = blocks.call_with_overlap

    def call_sent(function, *args):
        return call(SentTask(function), *args)

    with (
        patch.object(blocks, "call_with_overlap", call_sent),
        patch.object(executor, "call_with_overlap", call_sent),
    ):
        yield
