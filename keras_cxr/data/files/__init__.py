"""One file to grey pixels: pictures of all formats in `formats.py`, and DICOM."""
