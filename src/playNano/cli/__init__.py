"""The command line interface."""

from __future__ import annotations


def main() -> None:
    """Run the ``playnano`` command."""
    from playNano.cli.app import run
    from playNano.core.beside import CAN_START

    CAN_START.set(True)
    run()
