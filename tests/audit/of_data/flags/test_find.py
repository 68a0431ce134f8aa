import cv2
import numpy as np
import pytest

from benchmarks.detector_cases import CASES
from keras_cxr.audit.of_data.attributes.read import NUMBERS, TEXTS, read_attributes
from keras_cxr.audit.of_data.flags.features import ORIENTATIONS, describe, oriented, small
from keras_cxr.audit.of_data.flags.find import FLAG_KINDS, PAPER_LEVELS, _paper, find_flags
from keras_cxr.data import find_images, read_image
from keras_cxr.phantoms.draw import CLASS_NAMES, draw_phantom

FILMS = [
    draw_phantom(CLASS_NAMES[number % 4], number, image_size=96, seed=8).image
    for number in range(40)
]


def facts(pictures, **columns):
    """Attributes of good grey files, and what a test says otherwise."""
    import pandas as pd

    index = pd.Index([f"{row}.png" for row in range(len(pictures))], name="file")
    table = pd.DataFrame(0.0, columns=list(NUMBERS), index=index)
    table = table.assign(**dict.fromkeys(TEXTS, ""))
    for name, values in columns.items():
        for row, value in values.items():
            table.loc[f"{row}.png", name] = value
    return table


def flagged(pictures, **columns):
    flags = find_flags(facts(pictures, **columns), lambda row: pictures[row])
    return {int(flag.file.removesuffix(".png")): flag for flag in flags}


@pytest.fixture(scope="module")
def planted():
    """For two sets of cases, one or two of each behind forty good films: names and flags."""
    rng = np.random.Generator(np.random.PCG64(5))
    others = [name for name, case in CASES.items() if case.kind == "not_an_xray"]
    films = [name for name in CASES if name not in others and CASES[name].kind != "lateral"]
    sets = ([name for name in films for _ in range(2)], others)
    return [
        (names, flagged([*FILMS, *(CASES[name].draw(rng) for name in names)])) for names in sets
    ]


@pytest.mark.parametrize("name", [name for name in CASES if name != "lateral, drawn"])
def test_what_is_planted_is_flagged_as_what_it_is(planted, name):
    (names, flags) = next(one for one in planted if name in one[0])
    found = [flags[len(FILMS) + place] for place, one in enumerate(names) if one == name]
    assert {flag.kind for flag in found} == {CASES[name].kind}
    assert all(0.5 <= flag.confidence <= 1 for flag in found)


def test_good_films_are_not_flagged(planted):
    for _, flags in planted:
        assert [row for row in flags if row < len(FILMS)] == []


def test_laterals_are_flagged_and_good_films_are_not():
    rng = np.random.Generator(np.random.PCG64(5))
    pictures = [*FILMS, *(CASES["lateral, drawn"].draw(rng) for _ in range(3))]
    assert {row: flag.kind for row, flag in flagged(pictures).items()} == dict.fromkeys(
        range(len(FILMS), len(FILMS) + 3), "lateral"
    )


def form(ground=245, side=96):
    """A page with lines of print on an even bright ground."""
    page = np.full((side, side), ground, np.uint8)
    for row in range(14, side - 14, 9):
        cv2.putText(page, "name date", (14, row), cv2.FONT_HERSHEY_SIMPLEX, 0.28, 40)
    return page


def test_a_page_of_print_among_films_is_no_xray():
    flags = flagged([*FILMS, form()])
    assert {row: flag.kind for row, flag in flags.items()} == {len(FILMS): "not_an_xray"}


def test_the_rule_for_pages_lets_films_through():
    assert _paper(form()) is not None
    assert all(_paper(film) is None for film in FILMS)
    assert _paper(255 - form()) is None  # dark ground
    brighter = form(200)
    assert _paper(brighter) is not None
    brighter[40:60, 40:60] = 201 + PAPER_LEVELS  # as bone is brighter than what lies round it
    assert _paper(brighter) is None


def test_a_batch_of_negatives_is_flagged_even_where_it_is_the_larger_part():
    pictures = [255 - film if row < 25 else film for row, film in enumerate(FILMS)]
    flags = flagged(pictures)
    assert set(flags) == set(range(25))
    assert {flag.kind for flag in flags.values()} == {"inverted"}
    assert "negative" in flags[0].detail


def test_in_a_small_folder_turned_and_negative_films_are_flagged():
    rng = np.random.Generator(np.random.PCG64(5))
    pictures = [*FILMS[:5], np.rot90(FILMS[5], 2), 255 - FILMS[6], CASES["hand, drawn"].draw(rng)]
    flags = flagged(pictures)
    assert not set(flags) & set(range(5))
    assert (flags[5].kind, flags[6].kind) == ("rotated", "inverted")
    assert "turned by 180 degrees" in flags[5].detail
    assert "not_an_xray" not in {flag.kind for flag in flags.values()}


def test_headers_colours_and_errors_speak_first():
    pictures = FILMS[:6]
    flags = flagged(
        pictures,
        error={0: "truncated"},
        saturation={1: 0.2, 2: 0.01},
        body_part={3: "HAND", 4: "CHEST"},
        view={4: "LL", 5: "PA"},
    )
    assert {row: (flag.kind, flag.confidence) for row, flag in flags.items()} == {
        0: ("corrupt", 1.0),
        1: ("not_an_xray", 1.0),
        3: ("not_an_xray", 0.9),
        4: ("lateral", 0.9),
    }
    assert {flag.kind for flag in flags.values()} <= set(FLAG_KINDS)
    assert str(flags[3]) == "3.png: not_an_xray (0.90): the DICOM header says body part HAND"
    assert flags[0].to_dict() == {
        "file": "0.png",
        "kind": "corrupt",
        "confidence": 1.0,
        "detail": "truncated",
    }


def test_nothing_but_bad_files_and_nothing_at_all():
    assert list(flagged([None], error={0: "truncated"})) == [0]
    assert flagged([]) == {}


def test_exposure_does_not_count_and_edges_have_no_sign():
    images = np.stack([small(film) for film in FILMS[:4]])
    darker = np.rint(images * 0.5 + 10).astype(np.uint8)
    assert np.corrcoef(describe(images).ravel(), describe(darker).ravel())[0, 1] > 0.99
    negative = describe(oriented(images, ORIENTATIONS[4]))
    np.testing.assert_allclose(negative[:, 256:], describe(images)[:, 256:], atol=1e-3)
    np.testing.assert_allclose(negative[:, :256], -describe(images)[:, :256], atol=1e-2)


def test_real_negatives_and_turned_films_are_found(real_data):
    root = real_data / "COVID-19_Radiography_Dataset"
    catalog = find_images(root)
    bad = {
        "Normal/images/Normal-8594.jpg": "inverted",
        "COVID/images/COVID-257.jpg": "rotated",
        "Normal/images/Normal-2777.jpg": "rotated",
    }
    rows = [row for row, entry in enumerate(catalog.entries) if entry.file in bad]
    catalog = catalog.subset(sorted({*range(0, len(catalog.entries), 25), *rows}))
    attributes = read_attributes(catalog, verbose=False)
    paths = [catalog.path(entry.file) for entry in catalog.entries]
    flags = find_flags(attributes, lambda row: read_image(paths[row])[..., 0])
    found = {flag.file: flag.kind for flag in flags}
    assert {file: found.get(file) for file in bad} == bad
    assert len(set(found) - set(bad)) <= 3


def test_films_that_use_little_of_their_range_are_flagged_and_not_dropped(tmp_path):
    from keras_cxr.audit import audit_data

    film = draw_phantom("Normal", 3, image_size=(64, 64)).image
    dark = film.astype(np.uint16) * 16
    ramp = np.uint8(np.linspace(0, 20, 4096)).reshape(64, 64)
    pictures = {"good": film, "dark": dark, "flat": ramp, "blank": np.full((64, 64), 9, np.uint8)}
    for name, pixels in pictures.items():
        for label in ("a", "b"):
            path = tmp_path / "films" / label / f"{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), pixels)
    audit = audit_data(
        tmp_path / "films", image_size=(64, 64), cache_dir=tmp_path / "cache", verbose=False
    )
    kinds = {flag.file: flag for flag in audit.flags}
    assert {file: flag.kind for file, flag in kinds.items() if file.startswith("a/")} == {
        "a/dark.png": "narrow",
        "a/flat.png": "narrow",
        "a/blank.png": "blank",
    }
    assert 'of 255: intensity="percentiles" spreads each film' in kinds["a/dark.png"].detail
    assert "4 using little of their range" in " ".join(one.sentence for one in audit.findings)
    dropped = audit.actions[audit.actions["action"].str.startswith("drop")]
    assert sorted(dropped["file"]) == ["a/blank.png", "b/blank.png"]
