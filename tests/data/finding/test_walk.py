import os
import socket

import cv2
import pytest

from keras_cxr.data import find_images, make_datasets
from keras_cxr.data.finding.walk import describe_left_out, read_folder, stem_of
from keras_cxr.errors import DataError, NotFoundError
from keras_cxr.inference import find_image_files
from tests.data.helpers import OPTIONS, lungs, picture, write

PNG = cv2.imencode(".png", picture(1))[1].tobytes()


def touch(root, *files):
    """Small PNG files, whatever they are called."""
    for number, file in enumerate(files):
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", picture(number))[1].tobytes())
    return root


def labels(catalog):
    return {entry.file: entry.label for entry in catalog.entries}


LAYOUTS = {
    "deeper folders belong to their class": (
        ["COVID/a.png", "COVID/p1/b.png", "COVID/p1/x/c.png", "Normal/d.png"],
        ["COVID/a.png", "COVID/p1/b.png", "COVID/p1/x/c.png", "Normal/d.png"],
    ),
    "only deeper folders": (
        ["COVID/p1/a.png", "COVID/p2/b.png", "Normal/p1/s1/c.png", "Normal/p2/d.png"],
        ["COVID/p1/a.png", "COVID/p2/b.png", "Normal/p1/s1/c.png", "Normal/p2/d.png"],
    ),
    "patients by name": (
        ["COVID/smith/a.png", "COVID/lee/b.png", "Normal/kim/c.png", "Normal/jones/d.png"],
        ["COVID/lee/b.png", "COVID/smith/a.png", "Normal/jones/d.png", "Normal/kim/c.png"],
    ),
    "patients of one class alone": (
        ["COVID/patient-a/a.png", "COVID/patient-b/b.png", "Normal/c.png", "Normal/d.png"],
        ["COVID/patient-a/a.png", "COVID/patient-b/b.png", "Normal/c.png", "Normal/d.png"],
    ),
    "names in any case": (
        ["COVID/Images/a.png", "COVID/Masks/a.png", "Normal/IMAGES/b.png", "Normal/LESIONS/b.png"],
        ["COVID/Images/a.png", "Normal/IMAGES/b.png"],
    ),
    "exports without suffix": (
        ["COVID/p1/IM000001", "COVID/p1/IM.0002", "Normal/IM000001"],
        ["COVID/p1/IM.0002", "COVID/p1/IM000001", "Normal/IM000001"],
    ),
    "hidden and system entries": (
        ["A/a.png", "B/b.png", "A/._a.png", "A/.ipynb_checkpoints/a.png", "$RECYCLE.BIN/c.png",
         "__MACOSX/A/a.png", "A/Thumbs.db", "B/DICOMDIR"],
        ["A/a.png", "B/b.png"],
    ),
    "files beside the classes": (
        ["A/a.png", "B/b.png", "preview.png", "scan", "notes.txt"],
        ["A/a.png", "B/b.png"],
    ),
    "files beside images": (
        ["A/images/a.png", "A/preview.png", "A/other/x.png", "B/images/p1/b.png"],
        ["A/images/a.png", "B/images/p1/b.png"],
    ),
    "wrapped twice with a preview": (
        ["data/films/A/a.png", "data/films/B/b.png", "preview.png"],
        ["A/a.png", "B/b.png"],
    ),
    "parts with deeper folders": (
        ["train/A/p1/a.png", "train/B/b.png", "test/A/c.png", "test/d.png", "more/e.png"],
        ["test/A/c.png", "train/A/p1/a.png", "train/B/b.png"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYOUTS)
def test_layouts(tmp_path, name):
    given, expected = LAYOUTS[name]
    catalog = find_images(touch(tmp_path, *given))
    assert [entry.file for entry in catalog.entries] == expected
    for file, label in labels(catalog).items():
        assert label in file.split("/")[:2]
    assert all((catalog.root / file).is_file() for file in expected)


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("deeper folders belong to their class", "2 image(s) lie in folders inside their class "
         "folder, such as COVID/p1; where these are patients, name them by groups="),
        ("hidden and system entries", "left out: 6 hidden or system file(s) or folder(s)"),
        ("files beside the classes", "1 file(s) that are no image (.txt 1); 2 image(s) outside "
         "the class folders"),
        ("files beside images", "left out: 2 image(s) outside"),
        ("wrapped twice with a preview", "left out: 1 image(s) outside"),
        ("parts with deeper folders", "left out: 2 image(s) outside"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_counted(tmp_path, name, note):
    assert any(note in one for one in find_images(touch(tmp_path, *LAYOUTS[name][0])).notes)


def test_masks_lie_as_their_images_do(tmp_path):
    images = ["A/images/p1/a.png", "A/images/p2/a.png", "A/Images/b.png", "B/p3/c.png", "B/d.png"]
    masks = ["A/masks/p1/a.png", "A/Masks/b.jpg", "B/p3/masks/c.png", "B/masks/gone.png"]
    touch(tmp_path, *images)
    for mask in masks:
        write(tmp_path / mask, lungs())
    catalog = find_images(tmp_path)
    assert {entry.file: entry.mask for entry in catalog.entries} == {
        "A/images/p1/a.png": "A/masks/p1/a.png",
        "A/images/p2/a.png": "",
        "A/Images/b.png": "A/Masks/b.jpg",
        "B/p3/c.png": "B/p3/masks/c.png",
        "B/d.png": "",
    }
    assert "1 mask(s) that belong to no image" in catalog.notes[-1]


def test_links_are_followed_but_not_in_circles(tmp_path):
    touch(tmp_path / "store", "x/a.png", "b.png")
    root = touch(tmp_path / "data", "A/c.png", "B/d.png")
    (root / "A" / "more").symlink_to(tmp_path / "store")
    (root / "A" / "linked.png").symlink_to(tmp_path / "store" / "b.png")
    (root / "B" / "up").symlink_to(root)
    (root / "B" / "self").symlink_to(root / "B" / "self")
    catalog = find_images(root)
    assert [entry.file for entry in catalog.entries] == [
        "A/c.png", "A/linked.png", "A/more/b.png", "A/more/x/a.png", "B/d.png",
    ]  # fmt: skip
    assert "1 link(s) to a folder that they lie in" in catalog.notes[-1]
    assert [file.name for file in find_image_files([root]).files] == [
        "c.png", "linked.png", "b.png", "a.png", "d.png",
    ]  # fmt: skip


def test_pipes_and_sockets_are_never_opened(tmp_path):
    root = touch(tmp_path, "A/a.png", "B/b.png")
    os.mkfifo(root / "A" / "pipe.png")
    os.mkfifo(root / "A" / "pipe")
    with socket.socket(socket.AF_UNIX) as held:
        held.bind(str(root / "B" / "s.png"))
        catalog = find_images(root)
    assert len(catalog.entries) == 2
    assert "3 pipe(s), socket(s) or device(s)" in catalog.notes[-1]
    (root / "films.csv").write_text("file,label\nA/a.png,a\nA/pipe.png,b\nB/b.png,b\n")
    options = {**OPTIONS, "split": (1, 0, 0), "cache_dir": tmp_path / "cache"}
    with pytest.raises(DataError, match=r"A/pipe\.png: not a file that can be read: it is a pipe"):
        make_datasets(root / "films.csv", **options)


def test_predictions_find_what_training_finds(tmp_path):
    for number, (given, _) in enumerate(LAYOUTS.values()):
        root = touch(tmp_path / str(number), *given)
        catalog = find_images(root)
        found = {os.path.relpath(file, catalog.root) for file in find_image_files([root]).files}
        trained = {entry.file for entry in catalog.entries}
        assert trained <= found
        beside = "class folders or their folder images"
        left = sum(beside in note for note in catalog.notes)
        assert (found == trained) == (left == 0)


def test_results_inside_the_data_are_no_class(tmp_path):
    root = touch(tmp_path, "A/a.png", "B/b.png", "heatmaps/a.png", "run/curves.png", "own/c.png")
    (root / "heatmaps" / "heatmaps.csv").write_text("file,heatmap,predicted\n")
    (root / "run" / "split.csv").write_text("file,class,part,group,mask\n")
    (root / "own" / "split.csv").write_text("name,fold\n")
    catalog = find_images(root)
    assert catalog.class_names == ("A", "B", "own")
    assert "2 folder(s) of results that were written here" in catalog.notes[-1]
    assert len(find_image_files([root]).files) == 3
    assert len(find_image_files([root / "heatmaps"]).files) == 1


@pytest.mark.parametrize("find", [find_images, lambda path: find_image_files([path])])
@pytest.mark.parametrize("name", ["a" * 300, "a" * 5000, "b/" * 3000, "a\0b"])
def test_names_that_no_system_takes_are_not_found(find, name):
    with pytest.raises(NotFoundError, match="There is no"):
        find(name)


def test_first_bytes_decide_without_a_known_suffix(tmp_path):
    files = {
        "IM1": PNG, "a.xyz": PNG, "BMI.txt": b"BM is no picture", "b.odd": b"text", "c": b"",
        "d.png.part": PNG, "e.png": b"trusted by its name",
    }  # fmt: skip
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    folder = read_folder(tmp_path)
    assert [file.name for file in folder.files] == ["IM1", "a.xyz", "e.png"]
    assert describe_left_out([folder]) == (
        "left out: 4 file(s) that are no image (.txt 1, .odd 1, no suffix 1, .part 1)"
    )
    assert [stem_of(name) for name in ("IM.0002", "a.b.png", "x.DCM")] == ["IM.0002", "a.b", "x"]


def test_images_without_classes_are_found_where_no_class_is_needed(tmp_path):
    with pytest.raises(DataError, match="holds images directly, so their class is unknown"):
        find_images(touch(tmp_path / "flat", "a.png", "b.png", "masks/a.png"))
    catalog = find_images(tmp_path / "flat", require_classes=False)
    assert labels(catalog) == {"a.png": "", "b.png": ""}
    assert [entry.mask for entry in catalog.entries] == ["masks/a.png", ""]
    assert catalog.layout == "images without classes"
    with pytest.raises(DataError, match="images holds images directly"):
        find_images(touch(tmp_path / "one", "images/a.png", "masks/a.png"))
    assert find_images(tmp_path / "one", require_classes=False).entries[0].mask == "masks/a.png"
    split = touch(tmp_path / "split", "train/a.png", "test/b.png")
    parts = {one.file: one.part for one in find_images(split, require_classes=False).entries}
    assert parts == {"train/a.png": "train", "test/b.png": "test"}
    for given in (["train/a.png", "test/b.png"], ["val/a.png", "test/b.png"], ["train/a.png"]):
        root = touch(tmp_path / "-".join(given).replace("/", ""), *given)
        with pytest.raises(DataError, match=r"(train|val|test) holds images directly"):
            find_images(root)
        assert {one.label for one in find_images(root, require_classes=False).entries} == {""}
    (tmp_path / "none").mkdir()
    with pytest.raises(DataError, match="is empty"):
        find_images(tmp_path / "none", require_classes=False)
