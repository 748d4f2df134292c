"""Pictures of a report for the documentation, and its times in a browser.

    python benchmarks/report_pictures.py MOVIE [--times REPORT]

analyses the movie, opens its report in Chromium, and writes `docs/pictures/report_*.png`; with --times it prints the
times of the first frame, of random seeks and of a new range of colours in an existing report instead.
Needs chromium, chromium-driver and selenium (`pip install "playNano[browser-test]"`).
"""

import argparse
import io
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

PICTURES = Path(__file__).resolve().parents[1] / "docs" / "pictures"
PARTS = {
    "results": "main > .warnings, #results",
    "movie": "#film",
    "tracks": "section#tracks",
    "measurements": "#measurements",
}
SEEK = """
const done = arguments[0], r = window.__report, n = r.data.movie.numbers.length;
(async () => {
  await r.ready;
  const seek = [], z = [];
  for (let k = 0, at = 7; k < 60; k++) {
    at = (at * 1103515245 + 12345) % 2147483648;
    const began = performance.now(); await r.show(at % n); seek.push(performance.now() - began);
  }
  for (let k = 0; k < 30; k++) {
    const began = performance.now(); await r.setZ(-0.5 - k / 100, 3); z.push(performance.now() - began);
  }
  await r.show(0); r.play(true);
  await new Promise((end) => setTimeout(end, 6000));
  const played = r.state.frame; r.play(false);
  done({ first: r.state.first, seek, z, played, times: r.data.times });
})();
"""


def browser(height=1000):
    """Start Chromium."""
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium")
    for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--window-size=1240,{height}"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    driver.set_script_timeout(120)
    return driver


def times(report):
    """Print times of a report."""
    driver = browser()
    driver.get(report.resolve().as_uri())
    found = driver.execute_async_script(SEEK)
    driver.quit()
    print(f"first frame {found['first']:.0f} ms after the navigation")
    for name in ("seek", "z"):
        values = sorted(found[name])
        print(
            f"{name}: median {statistics.median(values):.1f} ms, 95 % {values[int(0.95 * len(values))]:.1f} ms"
        )
    expected = max(k for k, t in enumerate(found["times"]) if t <= 6)
    print(f"after 6 s of real time: frame {found['played']}, by the times of the frames {expected}")


def pictures(movie):
    """Write the pictures."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "results"
        subprocess.run(
            [sys.executable, "-m", "playNano", "analyze", str(movie), "-o", str(out), "--no-gif"], check=True
        )
        driver = browser()
        driver.get((out / "report.html").as_uri())
        driver.execute_async_script(
            "const done = arguments[0], r = window.__report;"
            "r.ready.then(() => r.show(40)).then(() => r.select(Number(document.querySelector('.pick').textContent)))"
            ".then(() => setTimeout(done, 500))"
        )
        height = driver.execute_script("return document.documentElement.scrollHeight")
        driver.set_window_size(1240, height)
        driver.execute_async_script("setTimeout(arguments[0], 1000)")
        page = Image.open(io.BytesIO(driver.get_screenshot_as_png())).convert("RGB")
        for name, selector in PARTS.items():
            boxes = driver.execute_script(
                "return [...document.querySelectorAll(arguments[0])].map(e => {"
                "const b = e.getBoundingClientRect(); "
                "return [b.left, b.top + scrollY, b.right, b.bottom + scrollY]; })",
                selector,
            )
            ends = (min, min, max, max)
            left, top, right, bottom = (end(b[k] for b in boxes) for k, end in enumerate(ends))
            part = page.crop((int(left) - 20, int(top) - 10, int(right) + 20, int(bottom) + 10))
            part.quantize(128).save(PICTURES / f"report_{name}.png", optimize=True)
        driver.quit()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("movie", type=Path, nargs="?")
    parser.add_argument("--times", type=Path)
    given = parser.parse_args()
    if given.times is not None:
        times(given.times)
    else:
        pictures(given.movie)
