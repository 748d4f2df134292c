"""Browsers for the tests of the page; without them tests are skipped, unless PLAYNANO_BROWSER_TESTS is "required"."""

import json
import os
import shutil
from pathlib import Path

import pytest


def missing(reason):
    """Skip, or fail where the browsers must be there."""
    if os.environ.get("PLAYNANO_BROWSER_TESTS") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


def node_module(name):
    """Return the folder of an installed npm package, from PLAYNANO_NODE_MODULES."""
    folder = Path(os.environ.get("PLAYNANO_NODE_MODULES", "node_modules")) / name
    if not folder.is_dir():
        missing(f"the npm package {name} is not in PLAYNANO_NODE_MODULES")
    return folder


@pytest.fixture(scope="session")
def chrome(tmp_path_factory):
    """Chromium, driven by selenium, which notes every message and request."""
    binary, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if binary is None or driver is None:
        missing("Chromium is not installed: apt-get install chromium chromium-driver")
    try:
        from selenium import webdriver
    except ModuleNotFoundError:
        missing("selenium is not installed: pip install 'playNano[browser-test]'")
    downloads = tmp_path_factory.mktemp("downloads")
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1280,1000"):
        options.add_argument(argument)
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    browser.set_script_timeout(60)
    browser.downloads = downloads
    yield browser
    browser.quit()


class Page:
    """A report that is open in Chromium."""

    def __init__(self, browser, path):
        self.browser, self.path = browser, path
        browser.get_log("browser")
        browser.get_log("performance")
        browser.get(path.as_uri())
        self.run("return window.__report.ready")

    def run(self, script, *arguments):
        """Run a script, which may return a promise."""
        code = "const done = arguments[arguments.length - 1]; const given = [...arguments].slice(0, -1);"
        code += (
            "(async function () {" + script + "}).apply(null, given).then(v => done([v]), e => done(e.stack))"
        )
        answer = self.browser.execute_async_script(code, *arguments)
        assert isinstance(answer, list), answer
        return answer[0]

    def state(self, name):
        return self.run("return window.__report.state[arguments[0]]", name)

    def find(self, selector):
        return self.browser.find_element("css selector", selector)

    def messages(self):
        """All messages of the console since the page was opened."""
        return [entry["message"] for entry in self.browser.get_log("browser")]

    def click(self, selector):
        """Click an element in the middle of the window, where nothing lies over it."""
        element = self.find(selector)
        self.browser.execute_script(
            "arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", element
        )
        element.click()

    def requests(self):
        """Addresses that were asked for since the page was opened, without the data within the page."""
        return [url for url in self._network()[0].values() if not url.startswith("data:")]

    def unblocked(self):
        """Addresses in the network that were asked for and not blocked by the policy of the page."""
        sent, blocked = self._network()
        return [url for number, url in sent.items() if url.startswith("http") and number not in blocked]

    def _network(self):
        entries = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        of = {
            name: [e["params"] for e in entries if e["method"] == f"Network.{name}"]
            for name in ("requestWillBeSent", "loadingFailed")
        }
        sent = {params["requestId"]: params["request"]["url"] for params in of["requestWillBeSent"]}
        blocked = {p["requestId"] for p in of["loadingFailed"] if p.get("blockedReason") == "csp"}
        return sent, blocked


@pytest.fixture(scope="session")
def report_path(make_report):
    return make_report()


@pytest.fixture
def page(chrome, report_path):
    return Page(chrome, report_path)
