import math

from keras_cxr.study.lesion_heat import LesionHeat


def test_without_a_right_answer_it_says_so():
    text = str(LesionHeat(math.nan, math.nan, math.nan, num_images=0, figure=None))
    assert "nan" not in text
    assert "no map is judged" in text


def test_shares_are_said_beside_chance():
    text = str(LesionHeat(0.25, 0.5, 0.1, num_images=12, figure=None))
    assert "in 50% of 12 images, and 25% of the heat; by chance it would be 10%" in text
