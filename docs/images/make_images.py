"""Draws the pictures of docs/heatmaps.md, from phantoms and three models trained on them.

`python -m docs.images.make_images` from the root of the repository takes some minutes. Everything
is seeded; on another machine the models differ in the last digits, and the pictures a little.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np

from benchmarks.planted import trained, with_lesions, with_marks
from keras_cxr import GradCAM, build_lmap3, overlay
from keras_cxr.explain import plot_average_heatmaps, plot_heatmaps
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom

FOLDER = Path(__file__).parent
DPI = 60
TRAINED_ON, TESTED_ON = 110, 24  # phantoms of each class, for LMAP3


def main() -> None:
    """Write all pictures beside this file."""
    _draw_lesions()
    _draw_shortcut_and_empty_map()
    _draw_study_network()


def _draw_lesions() -> None:
    known = with_lesions(860, seed=0)
    model = trained(known.part(slice(800)), epochs=12, seed=0)
    tested = known.part(slice(800, None))
    answers = model.predict(tested.images, verbose=0)
    sick = tested.masks["lesions"].any(axis=(1, 2))
    shown = np.flatnonzero(sick & (answers.argmax(axis=1) == tested.labels))[:3]
    _save(
        "lesions.png",
        plot_heatmaps(
            tested.images[shown],
            GradCAM(model)(tested.images[shown], 1),
            [f"opacity {answers[number, 1]:.0%}" for number in shown],
            outlines=tested.masks["lesions"][shown],
        ),
    )


def _draw_shortcut_and_empty_map() -> None:
    known = with_marks(860, seed=0)
    model = trained(known.part(slice(800)), epochs=8, seed=0)
    tested = known.part(slice(800, None))
    answers = model.predict(tested.images, verbose=0)
    gradcam = GradCAM(model)
    captions = [
        [f"class {name} {share:.0%}" for name, share in zip("AB", row, strict=True)]
        for row in answers
    ]
    sick = np.flatnonzero(tested.masks["lesions"].any(axis=(1, 2)))[:3]
    _save(
        "shortcut.png",
        plot_heatmaps(
            tested.images[sick],
            gradcam(tested.images[sick]),
            [captions[number][answers[number].argmax()] for number in sick],
            outlines=tested.masks["lesions"][sick],
        ),
    )
    for_a = gradcam.explain(tested.images, 0)
    empty = int(np.flatnonzero(for_a.no_positive_evidence)[0])
    pair = tested.images[[empty, empty]]
    _save("empty.png", plot_heatmaps(pair, gradcam(pair, [1, 0]), captions[empty][::-1]))


def _draw_study_network() -> None:
    images, labels, lesions = _four_classes()
    model = _trained_lmap3(images, labels)
    images, labels, lesions = (array[4 * TRAINED_ON :] for array in (images, labels, lesions))
    placed = GradCAM(model, placement="receptive_field")
    explained = placed.explain(images)
    right = explained.class_index == labels
    _save(
        "averages.png",
        plot_average_heatmaps(
            explained.heatmap[right], labels[right], CLASS_NAMES, images=images[right]
        ),
    )
    # a map that meets the lesion, so that one sees by how much stretching moves it
    peaks = explained.heatmap.reshape(len(images), -1).argmax(axis=1)
    met = lesions.reshape(len(images), -1)[np.arange(len(images)), peaks]
    chosen = int(np.flatnonzero(right & met & (labels == CLASS_NAMES.index("Lung_Opacity")))[0])
    pair = images[[chosen, chosen]]
    heats = np.concatenate([GradCAM(model)(pair[:1]), placed(pair[1:])])
    _save(
        "placement.png",
        plot_heatmaps(
            pair,
            heats,
            ['placement="stretch"', 'placement="receptive_field"'],
            outlines=lesions[[chosen, chosen]],
        ),
    )
    _save_colours(images[chosen], heats[1])


def _four_classes() -> tuple[Any, Any, Any]:
    phantoms = [
        draw_phantom(name, number, image_size=224, seed=2)
        for number in range(TRAINED_ON + TESTED_ON)
        for name in CLASS_NAMES
    ]
    images = np.stack([phantom.image for phantom in phantoms]).astype(np.float32)[..., None]
    lesions = np.stack([phantom.lesions for phantom in phantoms])
    return images, np.tile(np.arange(4), TRAINED_ON + TESTED_ON), lesions


def _trained_lmap3(images: Any, labels: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    keras.config.set_dtype_policy("mixed_bfloat16")
    model = build_lmap3()
    keras.config.set_dtype_policy("float32")
    model.compile("adam", "sparse_categorical_crossentropy")
    count = 4 * TRAINED_ON
    mirrored = np.concatenate([images[:count], images[:count, :, ::-1]])
    model.fit(mirrored, np.tile(labels[:count], 2), batch_size=16, epochs=10, verbose=0)
    return model


def _save_colours(image: Any, heat: Any) -> None:
    """One map as colour, as colour with a line, as a line alone, and in the study's colours."""
    looks: Sequence[dict[str, Any]] = (
        {},
        {"contours": (0.5,)},
        {"contours": (0.25, 0.5, 0.75), "alpha": 0},
        {"colormap": "jet"},
    )
    pictures = [overlay(image, heat, **look)[0] for look in looks]
    picture = np.concatenate(pictures, axis=1)[..., ::-1]
    cv2.imwrite(str(FOLDER / "heatmaps-looks.png"), picture, [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _save(name: str, figure: Any) -> None:
    figure.savefig(FOLDER / f"heatmaps-{name}", dpi=DPI)


if __name__ == "__main__":
    main()
