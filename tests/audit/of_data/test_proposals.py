"""What an audit proposes is what `make_datasets` carries out."""

import numpy as np
import pandas as pd

from keras_cxr.audit.of_data.audit import audit_data
from keras_cxr.audit.of_data.flags.find import Flag
from keras_cxr.audit.of_data.proposals import propose_actions
from keras_cxr.data import make_datasets
from tests.audit.planted import SIDE, film, levels
from tests.data.helpers import write


def database(root):
    """Sixteen films of two classes; a copy of five, one of them under the other class."""
    for number in range(16):
        label, image = film(4 * number + number % 2)
        write(root / label / f"{number}.png", image)
        if number < 5:
            second = ("COVID", "Lung_Opacity")[(number + (number == 4)) % 2]
            write(root / second / f"{number}-copy.png", levels(image, 0.8, 20.0))
    (root / "COVID" / "broken.png").write_bytes(b"")
    return root


def test_actions_make_the_round_trip(tmp_path):
    folder = database(tmp_path / "films")
    out = audit_data(folder, image_size=(SIDE, SIDE), verbose=False).write(tmp_path / "out")
    options = {"image_size": (SIDE, SIDE), "format": "keras", "verbose": False}
    datasets = make_datasets(
        folder, audit=out / "actions.csv", group_duplicates=False, split=(0.6, 0.2, 0.2), **options
    )
    table = datasets.table.set_index("file")
    assert len(table) == 21
    assert "COVID/broken.png" not in table.index
    for number in range(5):
        pair = [
            file
            for file in table.index
            if file.split("/")[1].split(".")[0].split("-")[0] == str(number)
        ]
        assert len(pair) == 2
        assert table.loc[pair, "part"].nunique() == 1
        assert table.loc[pair, "group"].nunique() == 1
    note = next(note for note in datasets.notes if note.startswith("audit:"))
    assert "1 images dropped, 0 labelled anew, 10 kept together in 5 groups" in note
    assert "2 suggestions are not used" in note

    # a reader accepts one of the two suggestions: the photograph then has one label
    actions = pd.read_csv(out / "actions.csv", keep_default_na=False)
    asked = actions["action"] == "relabel?"
    assert list(actions.loc[asked, "label"]) == ["Lung_Opacity", "COVID"]
    actions.loc[actions.index[asked][0], "action"] = "relabel"
    again = make_datasets(folder, audit=actions, **options)
    file = actions.loc[asked, "file"].iloc[0]
    assert again.table.set_index("file").loc[file, "class"] == "Lung_Opacity"
    assert np.array_equal(sorted(again.class_names), ["COVID", "Lung_Opacity"])


def test_flags_that_people_must_judge_are_questions():
    flags = [
        Flag("a.png", "blank", 1.0, "all 0"),
        Flag("b.png", "lateral", 0.8, "like a side view"),
    ]
    table = propose_actions(
        ["a.png", "b.png"],
        class_of={"a.png": "COVID", "b.png": "Normal"},
        patients=["p", "p"],
        groups=[],
        flags=flags,
    )
    assert table.to_dict("records") == [
        {"file": "a.png", "action": "drop", "group": "", "label": "", "reason": "blank: all 0"},
        {
            "file": "b.png",
            "action": "drop?",
            "group": "",
            "label": "",
            "reason": "lateral: like a side view",
        },
        *(
            {
                "file": file,
                "action": "group",
                "group": "p",
                "label": "",
                "reason": "image of one patient",
            }
            for file in ("a.png", "b.png")
        ),
    ]


def test_actions_group_copies_and_ask_about_conflicts(planted, audited):
    actions = audited.actions
    assert list(actions.columns) == ["file", "action", "group", "label", "reason"]
    assert list(actions.loc[actions["action"] == "drop", "file"]) == ["Normal/images/broken.png"]
    grouped = actions[actions["action"] == "group"]
    name = dict(zip(grouped["file"], grouped["group"], strict=True))
    assert len(name) == 20
    for copy, (original, _) in planted[1].items():
        assert name[copy] == name[original] != ""
    asked = actions[actions["action"] == "relabel?"]
    assert sorted(zip(asked["file"], asked["label"], strict=True)) == [
        ("COVID/images/film-8.png", "Lung_Opacity"),
        ("Lung_Opacity/images/film-9.png", "Normal"),
        ("Lung_Opacity/images/second-8.png", "COVID"),
        ("Normal/images/second-9.png", "Lung_Opacity"),
    ]
