"""HTML pages from templates that share one style and need no scripts."""

import base64
from typing import Any

import jinja2


def render_page(room: str, template: str, **values: Any) -> str:
    """A whole HTML page; every value is escaped.

    Args:
        room: the package that holds the template, such as "keras_cxr.study".
        template: name of a file in its folder `templates`, which may include what lies in
            `keras_cxr/templates`.
        **values: what the template names.
    """
    environment = jinja2.Environment(
        loader=jinja2.ChoiceLoader([jinja2.PackageLoader(room), jinja2.PackageLoader("keras_cxr")]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    return environment.get_template(template).render(**values)


def data_address(picture: bytes, kind: str = "png") -> str:
    """A picture, a whole PNG or JPEG file, as an address that holds the picture itself."""
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode()
