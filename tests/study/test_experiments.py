import pytest

from keras_cxr.models import MODELS
from keras_cxr.study import EXPERIMENTS
from keras_cxr.study.experiments import STUDY_CLASS_COUNTS, select_experiments

STUDY_TABLE = """
A lmap3   full  False 0.90 22.1
B lmap3   full  True  0.91 34.4
C lmap3   lungs True  0.83 35.9
D alexnet full  True  0.85 24.2
E vgg19   full  True  0.75 300.0
"""


def test_table_is_the_studys():
    rows = [
        f"{row.key} {row.model:7} {row.region:5} {row.augment!s:5} "
        f"{row.study_accuracy:.2f} {row.study_seconds}"
        for row in EXPERIMENTS.values()
        if row.recipe == "study"
    ]
    assert "\n".join(["", *rows, ""]) == STUDY_TABLE
    ours = {row.study_accuracy for row in EXPERIMENTS.values() if row.recipe != "study"}
    assert ours == {None}  # the study has no such rows
    assert sum(STUDY_CLASS_COUNTS.values()) == 21_165
    assert {row.model for row in EXPERIMENTS.values()} <= set(MODELS)


def test_letters_select_in_the_tables_order():
    assert [row.key for row in select_experiments("dAa")] == ["A", "D"]


@pytest.mark.parametrize("letters", ["", "Z", "A,B"])
def test_other_letters_are_refused(letters):
    with pytest.raises(ValueError, match="experiments must be letters from ABCDEFG"):
        select_experiments(letters)
