import numpy as np
import pandas as pd
import pytest

from keras_cxr.errors import DataError, InvalidArgumentError
from tests.data.helpers import plain, read_all


def test_groups_stay_in_one_part(make, films):
    files = sorted(path.relative_to(films).as_posix() for path in films.glob("*/images/*"))
    groups = {file: f"patient {index // 3}" for index, file in enumerate(files)}
    table = make(groups=groups).table
    assert (table.groupby("group")["part"].nunique() == 1).all()
    assert table["group"].nunique() == 14
    frame = pd.DataFrame({"file": files, "person": list(groups.values())})
    assert make(groups=frame, group_column="person").table.equals(table)
    with pytest.raises(InvalidArgumentError, match="group_column names a column"):
        make(group_column="person")


def test_the_table_makes_the_same_data_set_again(make, films):
    datasets = make(seed=4)
    again = make(datasets.table, root=films, seed=4)
    assert again.table.equals(datasets.table)
    np.testing.assert_array_equal(read_all(again.train)[0], read_all(datasets.train)[0])


def test_parts_given_by_folders_are_kept_and_missing_ones_drawn(tmp_path, make):
    for name, count in (("train", 20), ("test", 4)):
        plain(tmp_path / name, counts={"a": count, "b": count})
    table = make(tmp_path).table
    assert set(table["part"][table["file"].str.startswith("test")]) == {"test"}
    drawn = table[table["file"].str.startswith("train")]
    # val gets 0.1 / (0.8 + 0.1) of the 40
    assert drawn["part"].value_counts().to_dict() == {"train": 36, "val": 4}
    (tmp_path / "test" / "a" / "0.png").unlink()
    plain(tmp_path / "val", counts={"a": 2})
    datasets = make(tmp_path)
    assert "note: the part val holds no image of b" in datasets.summary
    plain(tmp_path / "val", counts={"c": 2})
    with pytest.raises(DataError, match="No training image shows class 'c'"):
        make(tmp_path)


def test_an_empty_share_makes_no_part(make):
    datasets = make(split=(0.8, 0.2, 0))
    assert datasets.test is None
    assert set(datasets.table["part"]) == {"train", "val"}
    with pytest.raises(InvalidArgumentError, match="part 'test' is empty: its share"):
        datasets.files("test")
    assert datasets.at_epoch(2).test is None
