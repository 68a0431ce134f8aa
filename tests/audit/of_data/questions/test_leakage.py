"""How many test images a split leaks."""

from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.audit.of_data.questions.leakage import NUM_SPLITS, leaks_of_splits, random_splits
from keras_cxr.data.catalog import Catalog, Entry
from tests.audit.planted import audit, film, levels
from tests.data.helpers import write


def test_given_parts_are_asked_for_leaks(tmp_path):
    for number in range(8):
        label, image = film(number % 2 + 4 * number)
        write(tmp_path / "films" / "train" / label / f"{number}.png", image)
        if number < 3:
            write(tmp_path / "films" / "test" / label / f"{number}-copy.png", levels(image, 0.9, 9))
    write(tmp_path / "films" / "test" / "COVID" / "alone.png", film(88)[1])
    found = audit(tmp_path / "films")
    leak = next(leak for leak in found.leaks if leak.split == "given")
    assert (leak.num_groups, leak.num_held_out, leak.num_leaked) == (3, 4, 3)
    sentence = next(one.sentence for one in found.findings if one.key == "copies_leak_given")
    assert sentence == (
        "In the parts as given, 3 of 4 validation and test images have a copy in the training part."
    )


@given(
    st.lists(
        st.tuples(st.sampled_from(["", "g", "h"]), st.sampled_from(["train", "val", "test"])),
        min_size=1,
        max_size=15,
    )
)
def test_leaked_are_the_held_out_with_a_sibling_in_training(images):
    names, parts = zip(*images, strict=True)
    expected = sum(
        part != "train" and ("train" in {other for one, other in images if one == name})
        for name, part in images
        if name
    )
    (leak,) = leaks_of_splits("patient", names, [], parts)
    assert (leak.split, leak.num_leaked, leak.interval) == ("given", expected, None)
    assert leak.num_known == sum(map(bool, names))
    assert leak.num_held_out == sum(bool(name) and part != "train" for name, part in images)


def test_random_splits_are_several_and_the_seeds_own(tmp_path):
    entries = tuple(Entry(f"{n}.png", "ab"[n % 2]) for n in range(40))
    catalog = Catalog(tmp_path, "folders", "here", entries)
    splits, note = random_splits(catalog, 3)
    assert (len(splits), note) == (NUM_SPLITS, "")
    assert splits[1:] == random_splits(catalog, 4)[0][:-1]
    assert all(split.count("train") == 32 for split in splits)
