"""Determine the git commit that the running code was built from."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import re
import time
from pathlib import Path

LOADED = time.time()
"""When this process began to load playNano, s."""

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_PACKAGE = Path(__file__).resolve().parents[1]


@functools.cache
def build_commit() -> str | None:
    """Return the git commit of the running code: that of the checkout, or that of the installed package.

    Returns
    -------
    str or None
        40 (SHA-1) or 64 (SHA-256) hexadecimal digits; None if it is not known, as for a package from an index.
        Uncommitted changes of a checkout are not detected.

    Examples
    --------
    >>> commit = build_commit()
    >>> commit is None or len(commit) in (40, 64)
    True
    """
    return checkout_commit(_PACKAGE) or installed_commit(_PACKAGE)


@functools.cache
def source_hash(package: Path = _PACKAGE) -> str | None:
    """Return a hash of all Python sources of a package, kernels included.

    Parameters
    ----------
    package
        Its folder.

    Returns
    -------
    str or None
        64 hexadecimal digits; None if a file was changed since the process began: it may run the earlier text.
    """
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        if path.stat().st_mtime > LOADED:
            return None
        digest.update(f"{path.relative_to(package).as_posix()}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def checkout_commit(package: Path) -> str | None:
    """Return the commit that is checked out if a package is in ``src/`` of a git repository, else None.

    The files of the repository are read directly: git may not be installed, or may refuse another user's repository.

    Parameters
    ----------
    package
        Folder of the package.
    """
    root = package.parent.parent
    if package.parent.name != "src" or not (root / "pyproject.toml").is_file():
        return None
    folder = root / ".git"
    pointer = _text(folder)
    if pointer is not None:  # a worktree or submodule: a file that names the folder
        folder = root / pointer.removeprefix("gitdir:").strip()
    head = _text(folder / "HEAD")
    if head is None:
        return None
    if not head.startswith("ref:"):
        return _commit(head)
    reference = head.removeprefix("ref:").strip()
    common = folder / (_text(folder / "commondir") or ".")
    for references in (folder, common):
        commit = _commit(_text(references / reference))
        if commit is not None:
            return commit
    packed = _text(common / "packed-refs") or ""
    lines = (line.split(" ", 1) for line in packed.splitlines() if not line.startswith(("#", "^")))
    return next((_commit(line[0]) for line in lines if line[1:] == [reference]), None)


def installed_commit(package: Path) -> str | None:
    """Return the commit that pip recorded when it installed a package from a git repository (PEP 610), or None.

    Parameters
    ----------
    package
        Folder of the package; a distribution of its name in another folder is ignored.
    """
    try:
        distribution = importlib.metadata.distribution(package.name)
    except importlib.metadata.PackageNotFoundError:
        return None
    if Path(str(distribution.locate_file(package.name))).resolve() != package.resolve():
        return None
    try:
        origin = json.loads(distribution.read_text("direct_url.json") or "{}")
        return _commit(origin.get("vcs_info", {}).get("commit_id"))
    except (ValueError, AttributeError):
        return None


def _commit(text: str | None) -> str | None:
    """Return the text if it is the hash of a commit, else None."""
    return text if isinstance(text, str) and _COMMIT.fullmatch(text) else None


def _text(path: Path) -> str | None:
    """Return the text of a small file, stripped of white space; None if it cannot be read."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
