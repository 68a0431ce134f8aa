"""HTML pages from the templates, which share one style and need no scripts."""

import base64
from typing import Any

import jinja2


def render_page(template: str, **values: Any) -> str:
    """A whole HTML page; every value is escaped.

    Args:
        template: name of a file in `keras_cxr/study/templates`.
        **values: what the template names.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("keras_cxr.study"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template).render(**values)


def data_address(png: bytes) -> str:
    """A picture as an address that holds the picture itself."""
    return "data:image/png;base64," + base64.b64encode(png).decode()
