"""The errors that playNano raises; each is also the builtin that a caller would expect."""

from __future__ import annotations


class PlayNanoError(Exception):
    """Base of every error that playNano raises on purpose."""


class ParameterError(PlayNanoError, ValueError, TypeError):
    """A parameter is unknown, of the wrong kind or outside its limits.

    It is a `ValueError` and a `TypeError`: Python itself uses the one for a wrong value
    and the other for an unexpected keyword.
    """


class UnknownNameError(PlayNanoError, ValueError):
    """No step, mask, module or format has this name."""


class DuplicateNameError(PlayNanoError, ValueError):
    """Two different things claim one name."""


class PluginError(PlayNanoError, RuntimeError):
    """An installed plugin cannot be loaded."""


class PluginTypeError(PlayNanoError, TypeError):
    """A plugin is not what its entry-point group promises."""


class PluginWarning(UserWarning):
    """An installed plugin cannot be used; the message names it and the cause."""


class FileFormatError(PlayNanoError, ValueError):
    """A file is not of the format it claims, is damaged, or no reader knows it."""


class ChannelError(FileFormatError, KeyError):
    """A file has no such channel; the message lists what it has."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class StackError(PlayNanoError, ValueError):
    """Pixels or metadata do not make a movie."""


class StackTypeError(StackError, TypeError):
    """The pixels are not an array of numbers."""


class StepError(PlayNanoError, RuntimeError):
    """A processing step failed on a frame; the message names the step and the frame."""


class ClusterError(PlayNanoError, RuntimeError):
    """The workers of a cluster cannot do what they are sent."""


class MissingInputError(PlayNanoError, RuntimeError, KeyError):
    """An analysis module needs the output of another one that has not run before it."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class RecordError(PlayNanoError, ValueError):
    """A stored record cannot be read back: a part is missing, foreign or damaged."""


class RecordNotFoundError(RecordError, KeyError):
    """A file holds no record of this name; the message lists what it has."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""
