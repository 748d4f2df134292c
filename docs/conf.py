"""Settings of the documentation site: `sphinx-build -W docs site` builds it, without network."""

import os
import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))
# Tutorials call `playnano` of the environment that builds the site.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"

from playNano import __version__  # noqa: E402

project = "playNano"
author = copyright = "The playNano developers"
version = release = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "declared_types",
    "generated_pages",
    "offline_math",
    "repository_links",
    "unlisted_pages",
]
exclude_patterns = ["_ext"]
suppress_warnings = [
    "myst.header",  # results of benchmarks have headings of their own
    "myst-nb.lexer",  # tutorials that are not run have no language
]
highlight_language = "text"  # blocks without a language are command lines
default_role = "py:obj"  # `name` in a docstring
nitpicky = False

myst_enable_extensions = ["dollarmath", "colon_fence", "deflist", "attrs_inline"]
myst_dmath_allow_space = False  # "$ playnano" is no formula
myst_dmath_allow_digits = False
myst_heading_anchors = 4
myst_url_schemes = ["http", "https", "mailto"]

nb_execution_mode = "force"  # `-D nb_execution_mode=off` for quick looks at the text
nb_execution_timeout = 180
nb_execution_raise_on_error = True
nb_execution_in_temp = True
nb_merge_streams = True
nb_ipywidgets_js = {}

autodoc_typehints = "none"  # types stand beside the parameters: see declared_types
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_rtype = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"playNano {release}"
html_static_path = ["static"]
html_css_files = ["playnano.css"]
html_copy_source = False
html_show_sphinx = False
html_use_index = False  # the tables of the reference and the search take its place
