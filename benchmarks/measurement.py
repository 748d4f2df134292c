"""Compare measurements with truth, the naive way and other packages: bias, coverage, false positives, time.

    python benchmarks/measurement.py NAME [--trials N]

writes benchmarks/results/measurement_NAME.md; NAME is a module of benchmarks/measuring. Each has a function
`report(trials)`, which returns the table as text. Packages that are compared are named there; one that is missing is
left out of the table, with a word.
"""

from __future__ import annotations

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    names = sorted(path.stem for path in (HERE / "measuring").glob("[a-z]*.py"))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name", choices=names)
    parser.add_argument(
        "--trials", type=int, default=None, help="movies or sets a cell; default: as committed"
    )
    given = parser.parse_args()
    sys.path.insert(0, str(HERE / "measuring"))
    start = time.process_time()
    text = import_module(given.name).report(given.trials)
    command = f"python benchmarks/measurement.py {given.name}"
    if given.trials is not None:
        command += f" --trials {given.trials}"
    text += f"\n\nMade by `{command}` in {time.process_time() - start:.0f} CPU s.\n"
    (HERE / "results" / f"measurement_{given.name}.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
