"""Importing playNano, or asking for help, must load nothing heavy."""

import subprocess
import sys

HEAVY = ("numpy", "scipy", "numba", "pandas", "matplotlib", "cv2", "h5py", "skimage", "sklearn", "pydantic")
STATEMENTS = {
    "import playNano": "import playNano",
    "playnano --help": "import sys; sys.argv = ['playnano', '--help']; from playNano.cli import main; main()",
}


REPORT = f"""
import atexit, sys
def report():
    sys.stderr.write("\\n@" + " ".join(name for name in {HEAVY!r} if name in sys.modules))
atexit.register(report)
"""


def loaded(statement: str) -> list[str]:
    """Return the heavy packages that a statement loads in a fresh interpreter."""
    command = [sys.executable, "-c", REPORT + statement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr.rpartition("@")[2].split()


def main() -> int:
    """Print what each statement loads; return 1 if that is anything heavy."""
    failed = 0
    for name, statement in STATEMENTS.items():
        found = loaded(statement)
        sys.stdout.write(f"{name}: {', '.join(found) or 'nothing heavy'}\n")
        failed |= bool(found)
    return failed


if __name__ == "__main__":
    sys.exit(main())
