"""Flags of an audit."""


def test_a_corrupt_file_is_a_flag_and_no_error(audited):
    (flag,) = [one for one in audited.flags if one.kind == "corrupt"]
    assert (flag.file, flag.confidence) == ("Normal/images/broken.png", 1.0)
    assert "not a PNG, JPEG, TIFF" in flag.detail
    assert audited.num_images == 35
