"""The commit that the running code was built from."""

import importlib.metadata
import json
import shutil
import subprocess

import pytest

import playNano
from playNano.core.build import build_commit, checkout_commit, installed_commit
from playNano.core.provenance import gather_environment_info

COMMIT = "0123456789abcdef0123456789abcdef01234567"
OTHER = COMMIT[::-1]


@pytest.fixture
def checkout(tmp_path):
    """A checkout with the package in src/ and an empty .git folder."""
    (tmp_path / "src" / "playNano").mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / ".git").mkdir()
    return tmp_path


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text + "\n")


def commit_of(checkout):
    return checkout_commit(checkout / "src" / "playNano")


def test_a_branch(checkout):
    write(checkout / ".git" / "HEAD", "ref: refs/heads/main")
    assert commit_of(checkout) is None
    write(
        checkout / ".git" / "packed-refs", f"# pack-refs\n{OTHER} refs/heads/main2\n{COMMIT} refs/heads/main"
    )
    assert commit_of(checkout) == COMMIT
    write(checkout / ".git" / "refs" / "heads" / "main", OTHER)
    assert commit_of(checkout) == OTHER


def test_a_detached_head(checkout):
    write(checkout / ".git" / "HEAD", COMMIT)
    assert commit_of(checkout) == COMMIT


@pytest.mark.parametrize("packed", [False, True])
def test_a_worktree(checkout, tmp_path_factory, packed):
    common = tmp_path_factory.mktemp("main") / ".git"
    (checkout / ".git").rmdir()
    write(checkout / ".git", f"gitdir: {common}/worktrees/w")
    write(common / "worktrees" / "w" / "HEAD", "ref: refs/heads/w")
    write(common / "worktrees" / "w" / "commondir", "../..")
    write(common / "HEAD", OTHER)
    if packed:
        write(common / "packed-refs", f"{COMMIT} refs/heads/w")
    else:
        write(common / "refs" / "heads" / "w", COMMIT)
    assert commit_of(checkout) == COMMIT


@pytest.mark.parametrize(
    "head", ["", "ref:", "ref: refs/heads/none", "no commit", COMMIT[:39], "ref: ../../HEAD"]
)
def test_what_is_no_commit(checkout, head):
    write(checkout / ".git" / "HEAD", head)
    assert commit_of(checkout) is None


def test_a_repository_of_someone_else(checkout):
    write(checkout / ".git" / "HEAD", COMMIT)
    (checkout / "lib" / "playNano").mkdir(parents=True)
    assert checkout_commit(checkout / "lib" / "playNano") is None
    (checkout / "pyproject.toml").unlink()
    assert commit_of(checkout) is None


@pytest.mark.skipif(shutil.which("git") is None, reason="needs git")
def test_git_agrees(checkout):
    (checkout / ".git").rmdir()

    def git(*words):
        identity = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
        return subprocess.run(
            ["git", *identity, *words], cwd=checkout, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q")
    git("commit", "-q", "--allow-empty", "-m", "first")
    first = git("rev-parse", "HEAD")
    assert commit_of(checkout) == first
    git("pack-refs", "--all")
    assert commit_of(checkout) == first
    git("commit", "-q", "--allow-empty", "-m", "second")
    assert commit_of(checkout) == git("rev-parse", "HEAD") != first


def install(folder, origin):
    """Make a distribution of the name playNano as pip leaves it."""
    package = folder / "playNano"
    package.mkdir()
    (package / "__init__.py").touch()
    information = folder / "playNano-9.dist-info"
    write(information / "METADATA", "Metadata-Version: 2.1\nName: playNano\nVersion: 9")
    if origin is not None:
        write(information / "direct_url.json", origin)
    return package


def with_commit(commit):
    return json.dumps({"url": "https://a.b/c", "vcs_info": {"vcs": "git", "commit_id": commit}})


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (with_commit(COMMIT), COMMIT),
        (with_commit("main"), None),
        (with_commit(7), None),
        (json.dumps({"url": "file:///a.whl", "archive_info": {}}), None),
        ("[1]", None),
        ("{", None),
        (None, None),
    ],
)
def test_an_installed_package(tmp_path, monkeypatch, origin, expected):
    package = install(tmp_path, origin)
    monkeypatch.syspath_prepend(tmp_path)
    assert importlib.metadata.version("playNano") == "9"
    assert installed_commit(package) == expected


def test_an_installed_package_that_is_not_the_running_one(tmp_path, monkeypatch):
    install(tmp_path, with_commit(COMMIT))
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "other" / "playNano").mkdir(parents=True)
    assert installed_commit(tmp_path / "other" / "playNano") is None


def test_a_package_that_is_not_installed(tmp_path):
    (tmp_path / "no_such_distribution").mkdir()
    assert installed_commit(tmp_path / "no_such_distribution") is None


def test_the_record_carries_version_and_commit():
    environment = gather_environment_info()
    assert environment["playNano_commit"] == build_commit()
    assert environment["playNano_version"] == playNano.__version__ == "1.0.0a1"
