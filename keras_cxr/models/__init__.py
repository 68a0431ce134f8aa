"""The model zoo: builders whose layers and parameter counts equal the study's tables."""

from keras_cxr.models.alexnet import build_alexnet
from keras_cxr.models.lenet5 import build_lenet5
from keras_cxr.models.lmap3 import build_lmap3
from keras_cxr.models.registry import MODELS, ModelInfo, build, list_models, model_info
from keras_cxr.models.vgg19 import build_vgg19

__all__ = [
    "MODELS",
    "ModelInfo",
    "build",
    "build_alexnet",
    "build_lenet5",
    "build_lmap3",
    "build_vgg19",
    "list_models",
    "model_info",
]
