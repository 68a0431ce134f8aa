"""From layouts to confidences."""

import numpy as np

from keras_cxr.audit.of_data.flags.features import SIDE
from keras_cxr.audit.of_data.flags.judge import FLAGGED, MIN_FOLDER, judge_layouts
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom

FILMS = np.stack(
    [
        draw_phantom(CLASS_NAMES[number % 4], number, image_size=SIDE, seed=8).image
        for number in range(24)
    ]
)


def test_a_negative_and_a_turned_film_are_confident_and_the_others_are_not():
    negative, turned = 255 - FILMS[0], np.rot90(FILMS[1])
    found = judge_layouts(np.stack([negative, turned, *FILMS[2:]]), seed=0)
    assert found.orientation[:2].tolist() == [4, 1]
    assert (found.orientation[2:] == 0).all()
    assert (found.turned[:2] > FLAGGED).all()
    for confidences in (found.turned[2:], found.other[2:], found.lateral[2:]):
        assert (confidences < FLAGGED).all()
    again = judge_layouts(np.stack([negative, turned, *FILMS[2:]]), seed=0)
    np.testing.assert_array_equal(found.turned, again.turned)


def test_few_pictures_do_not_show_what_is_usual():
    found = judge_layouts(FILMS[: MIN_FOLDER - 1], seed=0)
    assert not found.other.any()
    assert not found.lateral.any()
    assert (found.turned < FLAGGED).all()
