"""Judge mutants for as long as wanted: ``python -m tests.fuzz --minutes 30``."""

import argparse
import contextlib
import re
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from tests.fuzz.judge import FAULTS, REFUSED, RIGHT, make, read, write
from tests.fuzz.judge import options as options_of
from tests.fuzz.pool import run, workers_at_hand

from playNano.io.formats import BUILTIN_READERS

COLUMNS = (RIGHT, REFUSED, *FAULTS)


def arguments():
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, help="end after this time")
    parser.add_argument("--count", type=int, help="end after this many mutants of each format")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--format", action="append", choices=list(BUILTIN_READERS), help="only this format")
    parser.add_argument("--seed", type=int, default=0, help="another seed gives other mutants")
    parser.add_argument("--workers", type=int, default=workers_at_hand(), help="child processes")
    parser.add_argument("--made", action="store_true", help="no files of PLAYNANO_TEST_DATA as seeds")
    parser.add_argument("--output", type=Path, default=Path("fuzz-faults"), help="folder for faulty mutants")
    parser.add_argument("--again", type=int, help="read the mutant of this number in this process")
    return parser.parse_args()


def say(text):
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def cause(verdict):
    """Return what faults of one kind have in common."""
    text = re.sub(r"0x[0-9a-f]+|\d+", "N", re.sub(r"'[^']*'|/\S+", "_", verdict.message))
    return verdict.kind, verdict.outcome, text[:90]


def table(counts):
    """Return the number of mutants by format and outcome."""
    lines = [f"{'format':12}{'mutants':>9}" + "".join(f"{name:>16}" for name in COLUMNS)]
    for kind, outcomes in counts.items():
        lines.append(
            f"{kind:12}{sum(outcomes.values()):9}" + "".join(f"{outcomes[name]:16}" for name in COLUMNS)
        )
    return "\n".join(lines)


def keep(verdict, number, options):
    """Write a faulty mutant to the output folder; three of one cause are enough."""
    name, members, _ = make(verdict.kind, options.seed, verdict.number, not options.made)
    folder = options.output / f"{verdict.kind}-{options.seed}-{verdict.number}"
    if number <= 3 and not folder.exists():
        folder.mkdir(parents=True)
        write(folder, name, members)


def main():
    options = arguments()
    kinds = options.format or list(BUILTIN_READERS)
    if options.again is not None:
        name, members, done = make(kinds[0], options.seed, options.again, not options.made)
        options.output.mkdir(exist_ok=True)
        say(done)
        say(read(write(options.output, name, members), options_of(kinds[0], options.again)))
        return 0
    counts = {kind: Counter() for kind in kinds}
    faults = defaultdict(list)
    begin = time.monotonic()
    verdicts = run(
        kinds,
        count=options.count if options.count or options.minutes else 200,
        seconds=options.minutes and 60 * options.minutes,
        seed=options.seed,
        first=options.first,
        workers=options.workers,
        real=not options.made,
    )
    with contextlib.suppress(KeyboardInterrupt):  # ends early, with the table
        for done, verdict in enumerate(verdicts, 1):
            counts[verdict.kind][verdict.outcome] += 1
            if verdict.outcome in FAULTS:
                faults[cause(verdict)].append(verdict)
                keep(verdict, len(faults[cause(verdict)]), options)
            if done % 5000 == 0:
                say(f"{done} mutants, {sum(map(len, faults.values()))} faults")
    for (kind, outcome, _), verdicts in sorted(faults.items(), key=lambda item: -len(item[1])):
        numbers = ", ".join(str(verdict.number) for verdict in verdicts[:5])
        say(f"{kind}: {outcome}, {len(verdicts)} times ({numbers}): {verdicts[0].message[:300]!r}")
        say(f"    {verdicts[0].done[:300]}")
    say(table(counts))
    total = sum(sum(outcomes.values()) for outcomes in counts.values())
    say(
        f"{total} mutants in {(time.monotonic() - begin) / 60:.1f} minutes, {sum(map(len, faults.values()))} faults"
    )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
