"""The model zoo: builders whose layers and parameter counts equal the papers' and study's tables.

Importing this room loads no Keras: each public name is imported when it is first used.
"""

from typing import TYPE_CHECKING

from keras_cxr._support.lazy import lazy_names
from keras_cxr.models.zoo import _BUILDERS

if TYPE_CHECKING:  # `import A as A` makes a name public to them, as does `import *`
    from keras_cxr.models.registry import MODELS as MODELS
    from keras_cxr.models.registry import ModelInfo as ModelInfo
    from keras_cxr.models.registry import build as build
    from keras_cxr.models.registry import list_models as list_models
    from keras_cxr.models.registry import model_info as model_info
    from keras_cxr.models.registry import register_model as register_model
    from keras_cxr.models.zoo import *  # noqa: F403  the builders
else:
    _PLACES = {
        "keras_cxr.models.registry": (
            "MODELS", "ModelInfo", "build", "list_models", "model_info", "register_model",
        ),
        **{file: (builder,) for builder, file in _BUILDERS.items()},
    }  # fmt: skip
    # here, where type checkers do not look, since they know lists of quoted names alone
    __all__ = sorted(name for names in _PLACES.values() for name in names)
    __getattr__, __dir__ = lazy_names(__name__, _PLACES)
