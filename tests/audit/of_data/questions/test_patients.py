"""Patients under several classes."""

from tests.audit.planted import audit, patients


def test_patients_across_classes_and_their_leaks(planted):
    folder, _ = planted
    found = audit(folder, metadata=patients(folder))
    (patient,) = found.patients_across_classes
    assert patient.to_dict() == {
        "patient": "p2",
        "classes": ["Lung_Opacity", "Normal"],
        "files": ["Lung_Opacity/images/film-1.png", "Normal/images/film-2.png"],
    }
    assert len(found.conflicts) == 2  # a patient under two classes is no conflict
    assert found.num_patients == 3
    leaks = {(leak.by, leak.split): leak for leak in found.leaks}
    assert sorted(leaks) == [("copies", "random"), ("patient", "random"), ("source", "random")]
    assert (leaks["patient", "random"].num_groups, leaks["patient", "random"].num_known) == (2, 5)
    grouped = found.actions[found.actions["action"] == "group"].set_index("file")["group"]
    # films 0 and 4 have a copy each and one patient: all four stay together
    assert {file for file in grouped.index if grouped[file] == "p1"} == {
        "COVID/images/film-0.png",
        "COVID/images/exact.png",
        "COVID/images/film-4.png",
        "COVID/images/shifted.png",
    }
    assert any("30 of 35 images are not in the metadata" in note for note in found.notes)
