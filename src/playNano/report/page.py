"""Make a page from a template: every text escaped, scripts and styles permitted by their hashes alone."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

SCRIPTS = ("uPlot.iife.min.js", "report.js")
STYLES = ("uPlot.min.css", "report.css")


def render(template: str, values: dict[str, Any], data: dict[str, Any] | None = None) -> str:
    """Return a page.

    Parameters
    ----------
    template
        File in the folder `static`.
    values
        Variables of the template; a missing one is an error.
    data
        Values for the script; None for a page without scripts.
    """
    from markupsafe import Markup

    scripts = [static(name) for name in SCRIPTS] if data is not None else []
    styles = [static(name) for name in (STYLES if data is not None else STYLES[1:])]
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            policy=content_policy(scripts, styles),
            scripts=[Markup(text) for text in scripts],
            styles=[Markup(text) for text in styles],
            data=None if data is None else script_json(data),
        )
    )


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("playNano.report", "static"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def static(name: str) -> str:
    """Return a script or style sheet of this package.

    Parameters
    ----------
    name
        Name of the file.
    """
    return files("playNano.report").joinpath("static", name).read_text(encoding="utf-8")


def content_policy(scripts: list[str], styles: list[str]) -> str:
    """Return the policy that permits these scripts and styles, images within the page, and nothing else.

    Parameters
    ----------
    scripts, styles
        Their texts, exactly as they stand in the page.

    Examples
    --------
    >>> content_policy([], [])
    "default-src 'none'; script-src 'none'; style-src 'none'; img-src data:; base-uri 'none'; form-action 'none'"
    """
    parts = ["default-src 'none'"]
    for kind, texts in (("script", scripts), ("style", styles)):
        parts.append(f"{kind}-src {' '.join(_hash(text) for text in texts) or chr(39) + 'none' + chr(39)}")
    return "; ".join([*parts, "img-src data:", "base-uri 'none'", "form-action 'none'"])


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def script_json(data: Any) -> Markup:
    r"""Return values as JSON that can stand in an element `script`: no character in it can end the element.

    Parameters
    ----------
    data
        Plain values; NaN is an error.

    Examples
    --------
    >>> print(script_json({"name": "</script>"}))
    {"name":"\u003c/script\u003e"}
    """
    from markupsafe import Markup

    text = json.dumps(data, separators=(",", ":"), allow_nan=False, ensure_ascii=True)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)
