"""`audit.html`: one page that needs nothing else, bounded, conflicts first."""

import base64
import re
from dataclasses import replace

import cv2
import numpy as np
import pytest

from keras_cxr.audit.of_data.audit import audit_data
from keras_cxr.audit.of_data.base.copies import CopyGroup
from keras_cxr.audit.of_data.flags.find import Flag
from keras_cxr.audit.of_data.questions.patients import PatientAcrossClasses
from keras_cxr.errors import InvalidArgumentError, OutputError
from tests.audit.planted import SIDE, audit, film
from tests.data.helpers import write


@pytest.fixture(scope="module")
def page(audited, tmp_path_factory):
    out = audited.write(tmp_path_factory.mktemp("page"))
    return (out / "audit.html").read_text()


def pictures(page):
    return re.findall(r'<img src="(data:image/jpeg;base64,[^"]+)"', page)


def test_the_page_opens_with_the_findings_and_shows_conflicts_first(page, audited):
    places = [page.index(finding.sentence) for finding in audited.findings]
    assert places == sorted(places)
    order = ['id="conflicts"', 'id="copies"', 'id="flags"', 'id="leaks"']
    found = [page.index(section) for section in order]
    assert found == sorted(found)
    assert places[-1] < found[0]
    conflicts = page[found[0] : found[1]]
    assert "2 of 2 groups shown" in conflicts
    labels = re.findall(r"<figcaption><b>([^<]+)</b>", conflicts)
    assert sorted(labels) == ["COVID", "Lung_Opacity", "Lung_Opacity", "Normal"]
    assert len(pictures(conflicts)) == 4


def test_the_page_needs_no_network_and_no_script(page):
    assert "http" not in page
    assert "<script" not in page
    assert page.lstrip().startswith("<!doctype html>")
    anchors = set(re.findall(r'href="#([a-z]+)"', page))
    assert anchors <= set(re.findall(r'id="([a-z]+)"', page))
    assert {"conflicts", "copies", "flags", "leaks"} <= anchors


def test_the_page_is_bounded_and_says_what_it_leaves_out(audited, tmp_path):
    first = audited.conflicts[0]
    many = tuple(
        CopyGroup(first.files * 4, first.classes, 0.9, "near", is_conflict)
        for is_conflict in (True, False)
        for _ in range(200)
    )
    flags = tuple(Flag(first.files[0], "lateral", 0.5, "seen") for _ in range(200))
    patients = (PatientAcrossClasses("p", first.classes, first.files),) * 200
    more = replace(audited, duplicate_groups=many, flags=flags, patients_across_classes=patients)
    page = (more.write(tmp_path) / "audit.html").read_text()
    assert "50 of 200 groups shown; <code>audit.json</code> lists all" in page
    assert "24 of 200 groups shown; <code>audit.json</code> lists all" in page
    assert "24 of 200 files shown; <code>audit.json</code> lists all" in page
    assert "30 of 200 patients shown; <code>audit.json</code> lists all" in page
    assert len(pictures(page)) == (50 + 24) * 4 + 24
    assert len(page) < 8_000_000
    assert "and 4 more: " in page


def test_names_are_escaped(tmp_path):
    label, image = film(0)
    write(tmp_path / "films" / "a <i>b" / 'x"y.png', image)
    write(tmp_path / "films" / label / "z.png", image)
    found = audit_data(tmp_path / "films", image_size=(SIDE, SIDE), verbose=False)
    page = (found.write(tmp_path / "out") / "audit.html").read_text()
    assert "<i>" not in page
    assert "a &lt;i&gt;b" in page
    assert 'x"y' not in page


@pytest.mark.parametrize("inside", [".", "audit", "Normal/deep/audit"])
def test_the_audited_folder_is_no_place_for_results(planted, audited, inside):
    folder, _ = planted
    with pytest.raises(InvalidArgumentError, match="lies inside the audited folder"):
        audited.write(folder / inside)
    assert not (folder / "audit").exists()


def test_an_unwritable_place_is_named(audited, tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    with pytest.raises(OutputError, match="Cannot write to the folder"):
        audited.write(taken)


def test_pictures_keep_their_proportions(tmp_path):
    wide = cv2.resize(film(0)[1], (256, 128))
    for name in ("COVID", "Normal"):
        write(tmp_path / "films" / name / "wide.png", wide)
    page = (audit(tmp_path / "films").write(tmp_path / "out") / "audit.html").read_text()
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", page)
    assert len(pictures) == 2
    decoded = cv2.imdecode(np.frombuffer(base64.b64decode(pictures[0]), np.uint8), 0)
    assert decoded.shape == (112, 224)
