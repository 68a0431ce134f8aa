"""Your own Keras model in make_datasets, train, evaluate and GradCAM.

It must take one image, float32 in [0, 255], and return one row of class scores; with or without
a softmax at its end.
"""

import keras
from keras import layers

from keras_cxr import GradCAM, evaluate, make_datasets, make_phantoms, train


def build_small_resnet(input_shape: tuple[int, int, int], num_classes: int) -> keras.Model:
    """Three residual blocks; returns logits, since its last layer has no activation."""
    images = keras.Input(input_shape)
    x = layers.Rescaling(1 / 127.5, offset=-1)(images)
    for filters in (16, 32, 64):
        shortcut = layers.Conv2D(filters, 1)(layers.AveragePooling2D(2)(x))
        x = layers.Conv2D(filters, 3, strides=2, padding="same", activation="relu")(x)
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.ReLU()(layers.Add()([x, shortcut]))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(images, layers.Dense(num_classes)(x), name="small_resnet")


def main() -> None:
    """Train, test and explain a model that keras-cxr does not know."""
    folder = make_phantoms("phantoms", images_per_class=12, image_size=(96, 96))
    datasets = make_datasets(folder, image_size=(96, 96))
    model = build_small_resnet(datasets.input_shape, datasets.num_classes)
    run = train(
        model,
        datasets,
        epochs=3,
        optimizer=keras.optimizers.AdamW(1e-3),
        callbacks=[keras.callbacks.ReduceLROnPlateau(patience=2)],
        run_dir="runs/small_resnet",
    )
    print(run)
    print(evaluate(model, datasets))

    gradcam = GradCAM(model)
    images, labels = datasets.load("test")
    print(f"\nGrad-CAM of the real classes, layer {gradcam.layer}: {gradcam(images, labels).shape}")


if __name__ == "__main__":
    main()
