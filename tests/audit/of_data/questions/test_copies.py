"""Photographs that stand there twice, under two classes, or in another folder too."""

import pytest

from keras_cxr.errors import InvalidArgumentError
from tests.audit.planted import CONFLICTS, audit, film, levels
from tests.data.helpers import write


def test_copies_under_eight_changes_are_found_with_their_kind(planted, audited):
    _, copies = planted
    found = {frozenset(group.files): group.kind for group in audited.duplicate_groups}
    assert found == {frozenset((copy, original)): kind for copy, (original, kind) in copies.items()}
    assert len({kind for _, kind in copies.values()}) == 3
    for group in audited.duplicate_groups:
        assert 0.8 <= group.similarity <= 1.0
        assert group.similarity == 1.0 or group.kind != "exact"


def test_conflicts_are_the_photographs_under_two_classes(audited):
    assert sorted(group.classes for group in audited.conflicts) == sorted(CONFLICTS)
    sentence = next(one.sentence for one in audited.findings if one.key == "conflicts")
    assert sentence.startswith("2 photographs stand under more than one class (COVID and Lung_")


def test_against_another_folder(planted, tmp_path):
    folder, copies = planted
    other = tmp_path / "hospital"
    label, image = film(12)
    write(other / label / "a.png", levels(image, 0.8, 20.0))
    write(other / "Normal" / "b.png", film(13)[1])
    write(other / "healthy" / "c.png", film(14)[1])
    write(other / "Normal" / "d.png", film(40)[1])
    found = audit(folder, against=other)
    assert found.against._asdict() == {
        "name": "hospital",
        "num_images": 4,
        "num_copies": 3,
        "num_conflicts": 1,
    }
    crossing = {group.files for group in found.duplicate_groups if len(group.own) == 1}
    assert crossing == {
        ("COVID/images/film-12.png", f"against:{label}/a.png"),
        ("Lung_Opacity/images/film-13.png", "against:Normal/b.png"),
        ("Normal/images/film-14.png", "against:healthy/c.png"),
    }
    assert len(found.duplicate_groups) == len(copies) + 3
    assert len(found.conflicts) == 3  # a class that the folder does not know contradicts none
    sentence = next(one.sentence for one in found.findings if one.key == "against")
    assert sentence == (
        "3 of 4 images of hospital show a photograph of films, 1 of them under another class."
    )
    page = (found.write(tmp_path / "out") / "audit.html").read_text()
    assert "hospital: healthy/c.png" in page
    assert "Shared with hospital: 3" in page
    with pytest.raises(InvalidArgumentError, match="lies inside the audited folder"):
        found.write(other / "out")
