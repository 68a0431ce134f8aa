import codecs
import gzip

import pytest

from keras_cxr.data.tables.csv_files import read_csv
from keras_cxr.errors import DataError, NotFoundError

TEXT = "file,label,sex\nü.png,COVID,\nb.png,Normal,F\n"
ROWS = [["ü.png", "COVID", ""], ["b.png", "Normal", "F"]]
GOOD = {
    "commas": TEXT.encode(),
    "mark of UTF-8": codecs.BOM_UTF8 + TEXT.encode(),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16 the other way": codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
    "UTF-32": TEXT.encode("utf-32"),
    "semicolons": TEXT.replace(",", ";").encode(),
    "tabs": TEXT.replace(",", "\t").encode(),
    "tabs of Excel": TEXT.replace(",", "\t").encode("utf-16"),
    "lines of Windows": TEXT.replace("\n", "\r\n").encode(),
    "lines of an old Mac": TEXT.replace("\n", "\r").encode(),
    "no last line break": TEXT.strip().encode(),
    "quotes": b'"file","label","sex"\n"\xc3\xbc.png","COVID",""\nb.png,Normal,F\n',
    "blanks and empty lines": "\n file , label,sex\n\nü.png, COVID,\n\nb.png, Normal,F\n".encode(),
    "gzip": gzip.compress(TEXT.encode()),
    "gzip of UTF-16": gzip.compress(TEXT.encode("utf-16")),
    "commas in semicolons": 'file;label;sex\nü.png;COVID;\nb.png;"Normal";F\n'.encode(),
}


@pytest.mark.parametrize("kind", GOOD)
def test_every_usual_kind_gives_the_same_table(kind, tmp_path):
    path = tmp_path / "table.csv"
    path.write_bytes(GOOD[kind])
    table = read_csv(path)
    assert list(table.columns) == ["file", "label", "sex"]
    assert table.values.tolist() == ROWS


def test_cells_stay_as_they_are_written(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("file,label,note\n01,1.0,NA\n1,nan,None\n")
    assert read_csv(path).values.tolist() == [["01", "1.0", "NA"], ["1", "nan", "None"]]


BAD = {
    "nothing": (b"", "No columns to parse"),
    "empty lines": (b"\n\n", "No columns to parse"),
    "Latin-1": (TEXT.encode("latin-1"), "it is no utf-8 in line 2. Save it as UTF-8"),
    "NUL": (TEXT.encode().replace(b"b.png", b"b\0png"), "it holds NUL bytes"),
    "UTF-16 without a mark": (TEXT.encode("utf-16-le"), "it holds NUL bytes.*Save it as UTF-8"),
    "half a UTF-16": (TEXT.encode("utf-16")[:-1], "it is no utf-16"),
    "a longer row": (b"file,label\na.png,C\nb.png,D,x\n", "Expected 2 fields in line 3, saw 3"),
    "longer rows": (
        b"file,label\na.png,C,\nb.png,D,\n",
        r"more cells than its header.*file, label",
    ),
    "an open quote": (b'file,label\n"a.png,C\nb.png,D\n', "EOF inside string"),
    "half a gzip file": (gzip.compress(TEXT.encode())[:-12], "ended before the end"),
    "a damaged gzip file": (gzip.compress(TEXT.encode())[:-8] + bytes(8), "CRC check failed"),
    "no gzip": (b"\x1f\x8b" + bytes(20), "Unknown compression method"),
    "a column twice": (b"file,label, file\na,b,c\n", r"names the column\(s\) file more than once"),
}


@pytest.mark.parametrize("kind", BAD)
def test_what_cannot_be_read_is_refused(kind, tmp_path):
    content, words = BAD[kind]
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=words) as raised:
        read_csv(path)
    assert str(path) in str(raised.value)


def test_a_file_that_is_not_there(tmp_path):
    (tmp_path / "films.csv").write_text("file,label\n")
    with pytest.raises(NotFoundError, match=r"no file .*film.csv. Did you mean .*films.csv"):
        read_csv(tmp_path / "film.csv")
