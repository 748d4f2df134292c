"""``python -m playNano`` is the ``playnano`` command."""

from playNano.cli import main

if __name__ == "__main__":
    main()
