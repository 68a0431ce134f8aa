"""Grad-CAM where the convolution lies in a model, in a model, in a model.

VGG19 is a model inside `build_vgg19`'s model, which stands here inside a Sequential of its own
with a rescaling in front: images come in [0, 1] and leave it in [0, 255]. The weights are random
(`weights=None` needs no download), so the maps show the mechanism and nothing else.
"""

import keras
import numpy as np

from keras_cxr import GradCAM, build_vgg19, make_datasets, make_phantoms, overlay


def main() -> None:
    """Explain a model that is nested twice."""
    folder = make_phantoms("phantoms", images_per_class=12, image_size=(96, 96))
    datasets = make_datasets(folder, image_size=(96, 96), color_mode="rgb", format="keras")

    vgg19 = build_vgg19(datasets.input_shape, datasets.num_classes, weights=None)
    model = keras.Sequential(
        [keras.Input(datasets.input_shape), keras.layers.Rescaling(255.0), vgg19]
    )
    images, _ = datasets.load("test")
    scaled = images / 255

    before = [np.array(weight) for weight in model.get_weights()]
    explanation = GradCAM(model).explain(scaled)
    print(f"layer        {explanation.layer}")
    print(f"its maps     {explanation.raw_map.shape[1:]}, stretched to {images.shape[1:3]}")
    print(f"explained    {[datasets.class_names[index] for index in explanation.class_index]}")

    earlier = GradCAM(model, "block4_conv4")  # a name will do where only one layer has it
    print(f"by name      {earlier.layer}")

    pictures = overlay(images, explanation.heatmap)
    print(f"overlays     {pictures.shape} {pictures.dtype}")
    unchanged = all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    print(f"unchanged    {unchanged}")


if __name__ == "__main__":
    main()
