"""Exceptions of playNano; each is also a subclass of the built-in exception that a caller would expect."""

from __future__ import annotations


class PlayNanoError(Exception):
    """Base class of all exceptions that playNano raises."""


class ParameterError(PlayNanoError, ValueError, TypeError):
    """A parameter is unknown, of the wrong kind or outside its limits.

    It is a `ValueError` and a `TypeError`: Python raises the former for a wrong value
    and the latter for an unexpected keyword argument.
    """


class UnknownNameError(PlayNanoError, ValueError):
    """No step, mask, module or format has this name."""


class DuplicateNameError(PlayNanoError, ValueError):
    """Two different objects are registered under one name."""


class PluginError(PlayNanoError, RuntimeError):
    """An installed plugin cannot be loaded."""


class PluginTypeError(PlayNanoError, TypeError):
    """A plugin is not of the type that its entry-point group requires."""


class PlayNanoWarning(UserWarning):
    """A result is worth less than it seems; the message names file, cause and consequence.

    Warnings about a movie stand in its record too, under ``provenance["warnings"]``.
    """


class PluginWarning(PlayNanoWarning):
    """An installed plugin cannot be used; the message names it and the cause."""


class FileFormatError(PlayNanoError, ValueError):
    """A file is not of the format that its name or content indicates, is damaged, or no reader accepts it."""


class ChannelError(FileFormatError, KeyError):
    """A file does not contain the channel; the message lists the channels that it contains."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class StackError(PlayNanoError, ValueError):
    """Pixels or metadata are not valid for a movie."""


class StackTypeError(StackError, TypeError):
    """The pixels are not an array of numbers."""


class StepError(PlayNanoError, RuntimeError):
    """A processing step failed on a frame; the message names the step and the frame."""


class ClusterError(PlayNanoError, RuntimeError):
    """The workers of a cluster cannot run the tasks that they are sent."""


class MissingInputError(PlayNanoError, RuntimeError, KeyError):
    """An analysis module needs the output of another module that has not been run before it."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class RecordError(PlayNanoError, ValueError):
    """A stored record cannot be read: a part is missing, damaged or not written by playNano."""


class RecordNotFoundError(RecordError, KeyError):
    """A file contains no record of this name; the message lists the records that it contains."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class ResultFolderError(PlayNanoError, OSError):
    """A folder of results contains another run, is in use, or cannot be written; what is in it is unchanged."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""
