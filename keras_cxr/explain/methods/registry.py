"""The table of methods: a method's name stands here, in its own class and nowhere else in the code.

Keras is not imported here: a method's file is, once its class or `METHODS` is first used.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # what type checkers know of `keras_cxr.explain`
    from keras_cxr.explain.methods.cams import GradCAMPlusPlus as GradCAMPlusPlus
    from keras_cxr.explain.methods.cams import HiResCAM as HiResCAM
    from keras_cxr.explain.methods.cams import LayerCAM as LayerCAM
    from keras_cxr.explain.methods.cams import XGradCAM as XGradCAM
    from keras_cxr.explain.methods.gradcam import GradCAM as GradCAM
    from keras_cxr.explain.methods.layer_method import LayerMethod as LayerMethod
    from keras_cxr.explain.methods.occlusion import Occlusion as Occlusion
    from keras_cxr.explain.methods.pixel_method import PixelMethod as PixelMethod
    from keras_cxr.explain.methods.pixels import IntegratedGradients as IntegratedGradients
    from keras_cxr.explain.methods.pixels import Saliency as Saliency
    from keras_cxr.explain.methods.pixels import SmoothGrad as SmoothGrad

    METHODS: dict[str, type[LayerMethod] | type[PixelMethod]]

# By the name on the command line: the file in this folder and the class.
_CLASSES = {
    "gradcam": ("gradcam", "GradCAM"),
    "gradcam++": ("cams", "GradCAMPlusPlus"),
    "xgradcam": ("cams", "XGradCAM"),
    "layercam": ("cams", "LayerCAM"),
    "hirescam": ("cams", "HiResCAM"),
    "saliency": ("pixels", "Saliency"),
    "smoothgrad": ("pixels", "SmoothGrad"),
    "integrated-gradients": ("pixels", "IntegratedGradients"),
    "occlusion": ("occlusion", "Occlusion"),
}
METHOD_NAMES = tuple(_CLASSES)


def __getattr__(name: str) -> Any:
    """Return `METHODS`, the classes by name, when it is first asked for."""
    if name != "METHODS":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    room = __name__.rpartition(".")[0]
    found = {
        key: getattr(importlib.import_module(f"{room}.{file}"), kind)
        for key, (file, kind) in _CLASSES.items()
    }
    globals()["METHODS"] = found
    return found
