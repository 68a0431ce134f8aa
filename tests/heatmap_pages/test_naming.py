from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_cxr.heatmap_pages.naming import picture_names


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["/x/a.png", "/x/b.jpg"], ["a.png", "b.png"]),
        (["/x/film.jpg", "/x/film.png"], ["film.jpg.png", "film.png.png"]),
        (["/x/a.png", "/y/a.png"], ["a.png", "y-a.png"]),
        (["/x/a.png", "/x/A.jpg"], ["a.png.png", "A.jpg.png"]),
        (["/x/a.png", "/X/A.png"], ["a.png", "X-A.png"]),
        (["/x/y/a.png", "/z/y/a.png", "/y-a.png"], ["a.png", "y-a.png", "y-a-2.png"]),
        (["/x/IM.0001", "/x/IM.0002"], ["IM.0001.png", "IM.0002.png"]),
        (["/x/index.html", "/x/faithfulness.jpg"], ["index.html.png", "x-faithfulness.png"]),
        (["/x/a\udce9\n.png"], ["a__.png"]),
    ],
)
def test_names(files, names):
    taken = ["faithfulness.png", "index.html"]
    assert picture_names([Path(file) for file in files], taken=taken) == names


def test_six_files_of_one_stem_get_six_names():
    files = [Path(f"/{place}film.{kind}") for place in ("", "a/", "b/") for kind in ("jpg", "png")]
    assert len({*picture_names(files)}) == 6


PARTS = st.text(st.sampled_from("aAé\udce9.-"), min_size=1, max_size=4).filter(
    lambda part: part not in (".", "..")
)


@given(st.lists(st.lists(PARTS | st.just("n" * 249), min_size=1, max_size=4), unique_by=tuple))
def test_no_name_is_given_twice_and_all_fit_file_systems(parts):
    files = [Path("/", *one) for one in parts]
    names = picture_names(files, taken=["a.png"])
    assert len({name.lower() for name in [*names, "a.png"]}) == len(files) + 1
    assert all(len(name.encode()) < 200 and "/" not in name for name in names)
