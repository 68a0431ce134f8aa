"""Heat maps: which part of an image raised a class's score.

Importing this room loads no Keras: each public name is imported when it is first used.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names
from keras_cxr.explain.methods.registry import _CLASSES

if TYPE_CHECKING:  # `import A as A` makes a name public to them, as does `import *`
    from keras_cxr.explain.backends import ScoreGradients as ScoreGradients
    from keras_cxr.explain.engine.run import Engine as Engine
    from keras_cxr.explain.faithfulness import Faithfulness as Faithfulness
    from keras_cxr.explain.faithfulness import check_faithfulness as check_faithfulness
    from keras_cxr.explain.faithfulness import plot_curves as plot_curves
    from keras_cxr.explain.faithfulness.comparison import ControlComparison as ControlComparison
    from keras_cxr.explain.faithfulness.measures import Measure as Measure
    from keras_cxr.explain.faithfulness.randomization import Randomization as Randomization
    from keras_cxr.explain.methods.method import Explanation as Explanation
    from keras_cxr.explain.methods.method import Method as Method
    from keras_cxr.explain.methods.registry import *  # noqa: F403  the methods
    from keras_cxr.explain.pictures.averages import plot_average_heatmaps as plot_average_heatmaps
    from keras_cxr.explain.pictures.overlays import overlay as overlay
    from keras_cxr.explain.pictures.panels import plot_answers as plot_answers
    from keras_cxr.explain.pictures.panels import plot_heatmaps as plot_heatmaps
    from keras_cxr.keras_graph.placement import Axis as Axis
else:
    _PLACES = {
        "keras_cxr.explain.backends": ("ScoreGradients",),
        "keras_cxr.explain.engine.run": ("Engine",),
        "keras_cxr.explain.faithfulness": ("Faithfulness", "check_faithfulness", "plot_curves"),
        "keras_cxr.explain.faithfulness.comparison": ("ControlComparison",),
        "keras_cxr.explain.faithfulness.measures": ("Measure",),
        "keras_cxr.explain.faithfulness.randomization": ("Randomization",),
        "keras_cxr.explain.methods.layer_method": ("LayerMethod",),
        "keras_cxr.explain.methods.method": ("Explanation", "Method"),
        "keras_cxr.explain.methods.pixel_method": ("PixelMethod",),
        "keras_cxr.explain.methods.registry": ("METHODS",),
        "keras_cxr.explain.pictures.averages": ("plot_average_heatmaps",),
        "keras_cxr.explain.pictures.overlays": ("overlay",),
        "keras_cxr.explain.pictures.panels": ("plot_answers", "plot_heatmaps"),
        "keras_cxr.keras_graph.placement": ("Axis",),
    }
    for _file, _kind in _CLASSES.values():
        _PLACES.setdefault(f"keras_cxr.explain.methods.{_file}", []).append(_kind)
    # here, where type checkers do not look, since they know lists of quoted names alone
    __all__ = sorted(name for names in _PLACES.values() for name in names)
    __getattr__, __dir__ = lazy_names(__name__, _PLACES)
