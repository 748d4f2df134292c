"""Run all benchmarks of accuracy: detection, linking, the simulator, validation.

    python benchmarks/accuracy.py --linking-python PATH --trackpy PATH

Linking is compared with other packages in an interpreter in which they are installed (trackpy, laptrack, traccuracy
and playNano's requirements); without one it is skipped, and detection is not compared with trackpy. `--only` selects
benchmarks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"


def commands(chosen):
    """Return the command lines of each benchmark; none where its interpreter is not given."""
    detection = ["detection_accuracy.py", "--output", str(RESULTS / "detection_accuracy.md")]
    if chosen.trackpy:
        detection += ["--trackpy", chosen.trackpy]
    linking = []
    if chosen.linking_python:
        parts = ("accuracy", "calibration", "events", "checks", "report")
        linking = [[chosen.linking_python, str(HERE / "linking.py"), part] for part in parts]
    own = {
        "detection": detection,
        "simulator": ["simulator.py", "--data", str(chosen.data)],
        "validation": ["validation.py"],
    }
    all_parts = {
        name: [[sys.executable, str(HERE / words[0]), *words[1:]]] for name, words in own.items()
    } | {"linking": linking}
    return {name: all_parts[name] for name in chosen.only}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = ("detection", "linking", "simulator", "validation")
    parser.add_argument("--only", nargs="+", choices=names, default=list(names))
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--linking-python", help="interpreter with trackpy, laptrack and traccuracy")
    parser.add_argument("--trackpy", help="interpreter with trackpy, for detection")
    chosen = parser.parse_args()
    failed = []
    for name, lines in commands(chosen).items():
        if not lines:
            print(f"{name}: left out, no interpreter is given")
        for line in lines:
            print(f"{name}: {' '.join(line)}", flush=True)
            if subprocess.run(line, cwd=HERE.parent, check=False).returncode:
                failed.append(name)
                break
    raise SystemExit(f"failed: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
