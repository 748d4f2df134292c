"""Linking with all options as keywords."""

from __future__ import annotations

from dataclasses import fields

from playNano.algorithms.linking import LinkingOptions, link_movie

NAMES = {field.name for field in fields(LinkingOptions)}


def link(table, **params):
    """Call `link_movie`; the keywords are fields of `LinkingOptions` or its own parameters."""
    options = LinkingOptions(**{name: value for name, value in params.items() if name in NAMES})
    return link_movie(table, options, **{name: value for name, value in params.items() if name not in NAMES})
