"""The command line interface."""

from __future__ import annotations


def main() -> None:
    """Run the ``playnano`` command."""
    from playNano.cli.app import run

    run()
