"""HTML pages from templates that share one style and need no scripts."""

import base64
from typing import Any

import cv2
import jinja2
import numpy as np
from numpy.typing import NDArray

_JPEG_QUALITY = 85  # no change that a reader sees, a fifth of a PNG's bytes


def render_page(room: str, template: str, **values: Any) -> str:
    """Return a whole HTML page; every value is escaped.

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
    """Return a picture, a whole PNG or JPEG file, as an address that holds the picture itself."""
    return f"data:image/{kind};base64," + base64.b64encode(picture).decode()


def jpeg_address(image: NDArray[np.uint8]) -> str:
    """Return a grey image `(height, width)` as an address that holds it, compressed."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])[1]
    return data_address(data.tobytes(), "jpeg")
