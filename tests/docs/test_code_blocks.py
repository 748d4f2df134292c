"""The code of every page runs: blocks of Python, and lines that begin with `playnano`, in the order of the page.

Each page runs in a folder of its own that holds the movies and results which pages mention. Blocks of another language,
such as `text` and `toml`, do not run; tutorials (`{code-cell}`) run when the site is built.
"""

import contextlib
import re
import shlex
import shutil
import warnings
from pathlib import Path

import pytest

from playNano.simulate import simulate_movie
from playNano.simulate.save import save_movie

ROOT = Path(__file__).parents[2]
FENCE = re.compile(r"^```([^\n`]*)\n(.*?)^```$", re.M | re.S)
NOT_OURS = {"generated", "decisions"}  # written from code that has tests of its own; without code

ELSEWHERE = {
    "demo": "the main job of CI",
    "warm-up": "the main job of CI",
    "tune": "tests/cli/test_tune.py",
    "validate": "tests/validate",
    "view": "tests/viewer, which needs a display",
}
"""Commands that take long, or need more than is installed, and run elsewhere."""

NOT_RUN = {
    "docs/viewer.md": "needs a display; tests/viewer holds it",
    "docs/incomplete.md": "shows a recording that broke off; tests/io holds it",
    "docs/validate.md": "minutes of simulations; tests/validate holds them",
}
"""Pages whose code does not run here."""

NOT_RUN_COMMANDS = {
    "playnano batch sheet.csv -p pipeline.yaml -o results": "the sheet names movies that do not exist",
    "playnano compare wt=monday/wt wt=friday/wt drug=monday/drug drug=friday/drug": "tests/analysis has four",
    "playnano compare before/ after/ --pair sheet.csv": "tests/analysis compares pairs",
    "playnano analyze movie.jpk": "tests/real has a retrace",
    "playnano convert movie.asd phase.npz --channel PH": "the movie has no phase",
    "rois.zip": "tests/core reads regions of Fiji",
    "edits edits.csv": "the file is filled in by hand; tests/cli/test_curate.py",
    "edits=edits.csv": "the file is filled in by hand; tests/analysis/curation",
    "playnano figure results msd": "the movie of these tests is too small for an MSD",
}
"""Beginnings or parts of commands that need files which the test does not make."""

BEGIN = """
import warnings
from playNano import AFMImageStack, AnalysisPipeline, ProcessingPipeline, load_afm_stack
from playNano.measurement import Window

stack = load_afm_stack("movie.asd")
data = stack.data
ProcessingPipeline(stack).add_filter("level").run()
pipeline = AnalysisPipeline().add_steps(
    "frame_quality;feature_detection;particle_tracking;particle_regions:min_detections=5"
)
record = pipeline.run(stack)
points = record["analysis"]["step_2_feature_detection"]["table"]
tracks = record["analysis"]["step_3_particle_tracking"]["table"]
table = tracks[["track_id", "frame", "y", "x"]].rename(columns={"track_id": "particle"})
window = Window(10.0, 310.0, 10.0, 390.0)
pipeline = ProcessingPipeline(load_afm_stack("movie.asd"))
"""
"""What fragments of a page take for granted."""


def pages():
    """Return the pages with code, by name from the root of the repository."""
    found = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    names = [page.relative_to(ROOT).as_posix() for page in found if NOT_OURS.isdisjoint(page.parts)]
    return [name for name in names if any(runnable(name))]


def blocks(name):
    """Return language and text of the fenced blocks of a page."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return [(found[1].strip(), found[2]) for found in FENCE.finditer(text)]


def commands(block):
    """Return the commands of a block, with their continuations, without comments."""
    for line in re.sub(r"\\\n\s*", "", block).splitlines():
        command = re.split(r"\s+#\s", line.strip().removeprefix("$ "))[0].strip()
        if command.startswith("playnano "):
            yield command


def runnable(name):
    """Yield ("python", text), ("command", line) or ("file", text) in the order of the page."""
    for language, text in blocks(name):
        if language == "python":
            yield "python", text
        elif language in ("", "console", "bash"):
            yield from (("command", command) for command in commands(text))
        elif language in ("yaml", "csv") and text.startswith("# "):
            yield "file", text


def simulate(path, seed):
    path.parent.mkdir(parents=True, exist_ok=True)
    movie = simulate_movie(
        60,
        (64, 80),
        pixel_size_nm=5.0,
        n_particles=9,
        radius_nm=16,
        diffusion_nm2_s=100,
        height_nm=5 + seed % 2,
        seed=seed,
    )
    save_movie(movie, path)


@pytest.fixture(scope="session")
def example(tmp_path_factory):
    """Return a folder with the movies and results that pages mention."""
    folder = tmp_path_factory.mktemp("example")
    simulate(folder / "movie.asd", 1)
    for name in ("night/a.asd", "night/b.asd", "data/a.asd", "moved/movie.asd"):
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(folder / "movie.asd", folder / name)
    for condition, seeds in (("wt", (2, 4)), ("mutant", (5, 7))):
        for seed in seeds:
            simulate(folder / "movies" / f"{condition}{seed}.asd", seed)
    lines = [f"movies/{c}{s}.asd,{c},{s}" for c, seeds in (("wt", (2, 4)), ("mutant", (5, 7))) for s in seeds]
    (folder / "sheet.csv").write_text(
        "file,condition,replicate\n" + "\n".join(lines) + "\n", encoding="utf-8"
    )
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        playnano("playnano analyze movie.asd -o results")
        for name in ("other", "results_1", "results_2"):
            shutil.copytree("results", name)
        for name in ("pipeline.yaml", "my_pipeline.yaml"):
            shutil.copy("results/pipeline.yaml", name)
        playnano("playnano batch sheet.csv -o batch")
        shutil.copytree("batch", "batch_folder")
        playnano("playnano compare batch -o compared")
        playnano('playnano batch "movies/wt*.asd" -o wt')
        playnano('playnano batch "movies/mutant*.asd" -o mutant')
    return folder


def playnano(line):
    """Run a command line in this process."""
    from playNano.cli.app import run

    words = shlex.split(line)[1:]
    with pytest.raises(SystemExit) as ended:
        run(words)
    allowed = (0, 1) if words[0] == "diff" else (0, None)  # 1: the records differ
    assert ended.value.code in allowed, line


def clear_output(line):
    """Remove what a command would refuse to write to again; a page may write to the same folder twice."""
    output = re.search(r"(?:-o|--output) (\S+)", line)
    target = Path(output[1]) if output else None
    if target is None or str(target) in re.split(r"[ /]", line.replace(output[0], "")):
        return
    if target.is_dir():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)


@pytest.mark.timeout(1200)  # a page may have a dozen commands
@pytest.mark.parametrize("name", pages())
def test_the_code_of_a_page_runs(name, example, tmp_path):
    if name in NOT_RUN:
        pytest.skip(NOT_RUN[name])
    folder = tmp_path / "page"
    shutil.copytree(example, folder)
    namespace = {"__name__": "page"}
    began = False
    with contextlib.chdir(folder), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind, text in runnable(name):
            if kind == "file":
                Path(text.split(maxsplit=2)[1].rstrip(":")).write_text(text, encoding="utf-8")
            elif kind == "python":
                if not began:
                    exec(BEGIN, namespace)
                    began = True
                exec(compile(text, name, "exec"), namespace)
            elif text.split()[1] not in ELSEWHERE and not any(part in text for part in NOT_RUN_COMMANDS):
                clear_output(text)
                playnano(text)


def test_pages_that_are_not_run_exist():
    assert set(NOT_RUN) <= set(pages())
