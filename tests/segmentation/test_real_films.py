"""People's masks of real films, where they are at hand: see `real_data`."""

import numpy as np

from keras_cxr.data import read_image


def test_real_films_have_their_lungs(segmenter, real_data):
    files = sorted(real_data.glob("human_masks/*/*.png"))[::100]
    masks = np.stack([read_image(file)[..., 0] for file in files]) > 127
    films = np.stack(
        [
            read_image(
                real_data
                / "COVID-19_Radiography_Dataset"
                / file.parent.name
                / "images"
                / f"{file.stem}.jpg"
            )[..., 0]
            for file in files
        ]
    )
    found = segmenter.find(films)
    assert found.found.mean() > 0.95
    both = 2 * (found.masks & masks).sum((1, 2))
    dice = both / (found.masks.sum((1, 2)) + masks.sum((1, 2)))
    assert np.median(dice) > 0.95
    assert not segmenter.find(255 - films).found.any()
