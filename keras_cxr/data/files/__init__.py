"""One file to grey pixels: PNG, JPEG, TIFF, BMP, WebP and DICOM."""
