"""Print the lowest version of every dependency that pyproject.toml allows, as constraints for pip.

`python .ci/lowest.py > lowest.txt && pip install -c lowest.txt ".[test]"`
"""

import re
import tomllib
from pathlib import Path


def lowest_versions(project: dict) -> list[str]:
    """Return `name>=1.2,<1.2.1` for each requirement that states a lowest version, 1.2: some have builds, 1.2.0.80."""
    extras = project["optional-dependencies"]
    pins = {}
    tested = [line for name in ("cluster", "crate", "test", "video") for line in extras[name]]
    for text in [*project["dependencies"], *tested]:
        found = re.match(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?>=([0-9][0-9.]*)$", text)
        if found:
            pins[found[1]] = found[2]
    return [f"{name}>={version},<{next_version(version)}" for name, version in pins.items()]


def next_version(version: str) -> str:
    """Return the version after the first one that a lowest version of one to three parts allows.

    Examples
    --------
    >>> next_version("4.9"), next_version("2.1.3"), next_version("8")
    ('4.9.1', '2.1.4', '8.0.1')
    """
    parts = [*map(int, version.split(".")), 0, 0][:3]
    return f"{parts[0]}.{parts[1]}.{parts[2] + 1}"


if __name__ == "__main__":
    file = Path(__file__).parents[1] / "pyproject.toml"
    print("\n".join(lowest_versions(tomllib.loads(file.read_text(encoding="utf-8"))["project"])))  # noqa: T201
