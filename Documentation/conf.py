# SPDX-License-Identifier: GPL-2.0
#
# How Sphinx makes HTML of these pages; called by "make docs".

project = "connector-rs"
author = "The connector-rs authors"
copyright = "The connector-rs authors, GPL-2.0"

extensions = []
exclude_patterns = []
html_theme = "alabaster"
html_theme_options = {
    "description": "The kernel connector in Rust",
    "page_width": "70em",
    "fixed_sidebar": True,
}
html_sidebars = {"**": ["about.html", "navigation.html", "searchbox.html"]}
html_show_sphinx = False

# Plain text unless a block says what it is.
highlight_language = "none"
