from keras_cxr.data import make_datasets
from tests.data.helpers import OPTIONS, plain


def test_progress_is_shown_when_asked_for(tmp_path, capsys):
    folder = plain(tmp_path)
    make_datasets(folder, **OPTIONS)
    assert capsys.readouterr().err == ""
    make_datasets(folder, **OPTIONS | {"verbose": True, "cache": False})
    captured = capsys.readouterr()
    assert "Reading images" in captured.err
    assert "15/15" in captured.err
    assert captured.out == ""
