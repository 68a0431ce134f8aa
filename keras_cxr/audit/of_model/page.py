"""The page of a model's audit: `trust.html`, one file without scripts."""

import io
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from keras_cxr._support.text.pages import data_address, render_page
from keras_cxr._version import __version__
from keras_cxr.audit.of_model.base.tables import named_calibrations, score_rows, view_rows
from keras_cxr.evaluation import plot_reliability, plot_risk_coverage

if TYPE_CHECKING:
    from keras_cxr.audit.of_model.audit import ModelAudit

DPI = 100


def render_model_audit(audit: "ModelAudit") -> str:
    """Returns the page: the findings as sentences, then what they rest on."""
    return render_page(
        "keras_cxr.audit.of_model",
        "model_audit.html.j2",
        audit=audit,
        version=__version__,
        data_name=audit.datasets.root.name if audit.datasets.root is not None else "arrays",
        scores=score_rows(audit.score),
        views=_views(audit),
        pictures=_pictures(audit),
        denied=[] if audit.labels is None else audit.labels.pictures(audit.datasets),
    )


def _views(audit: "ModelAudit") -> list[dict[str, Any]]:
    """The tables of masked inputs and controls, in the same shape."""
    return [
        {
            "title": title,
            "lead": lead,
            "chance": found.chance,
            "rows": view_rows(found.scores, found.kept, found.titles),
        }
        for title, lead, found in (
            (
                "The same recipe, trained anew on each kind of picture",
                "" if audit.controls is None else _budget(audit.controls),
                audit.controls,
            ),
            (
                "The finished model on the test images, shown in several ways",
                "Nothing was trained. A low score here may only mean that the model stumbles over "
                "pictures it has never seen.",
                audit.masked,
            ),
        )
        if found is not None
    ]


def _budget(controls: Any) -> str:
    return (
        f"{controls.num_training:,} training images and {controls.epochs} epochs each, tested on "
        "the same test images. The lungs' outline stays visible where they are blacked out."
    )


def _pictures(audit: "ModelAudit") -> list[tuple[str, str]]:
    found = audit.confidence
    if found is None:
        return []
    pictures = [
        (
            _address(plot_reliability(named_calibrations(found))),
            "How often answers come true against how sure the model is; dots with 95 % intervals",
        )
    ]
    if found.selection is not None:
        pictures.append(
            (
                _address(plot_risk_coverage(found.selection)),
                "Wrong answers among those given, where the model may keep silent when unsure",
            )
        )
    return pictures


def _address(figure: Figure) -> str:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=DPI)
    return data_address(stream.getvalue())
