"""Small DICOM files."""

from io import BytesIO

import numpy as np

RAMP = np.arange(0, 4096, 64, dtype=np.uint16).reshape(8, 8)
SQUARES = (np.arange(4096.0) ** 2 / 4095**2 * 65535).astype(int)  # a table that is no line


def film(path, pixels, *, photometric="MONOCHROME2", bits=16, syntax=None, frame=None, **tags):
    """Writes a DICOM file: of these pixels as they are, or of a compressed frame."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    pixels = np.asarray(pixels)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax or ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["film"])
    data = Dataset()
    data.file_meta = meta
    data.SOPClassUID = meta.MediaStorageSOPClassUID
    data.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    data.Rows, data.Columns = pixels.shape[:2]
    data.SamplesPerPixel = 1 if pixels.ndim == 2 else 3
    if pixels.ndim == 3:
        data.PlanarConfiguration = 0
    data.PhotometricInterpretation = photometric
    data.BitsAllocated = 8 * pixels.itemsize
    name = {("f", 4): "FloatPixelData", ("f", 8): "DoubleFloatPixelData"}.get(
        (pixels.dtype.kind, pixels.itemsize), "PixelData"
    )
    if name == "PixelData":
        data.BitsStored, data.HighBit = bits, bits - 1
        data.PixelRepresentation = int(np.issubdtype(pixels.dtype, np.signedinteger))
    for tag, value in tags.items():
        setattr(data, tag, value)
    setattr(data, name, pixels.tobytes() if frame is None else encapsulate([frame]))
    if frame is not None:
        data["PixelData"].VR = "OB"
        data["PixelData"].is_undefined_length = True
    out = BytesIO()
    data.save_as(out, enforce_file_format=True)
    path.write_bytes(out.getvalue())
    return path


def table(entries, *, first=0, bits=16):
    """A sequence with one lookup table, such as ModalityLUTSequence."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    item = Dataset()
    item.LUTDescriptor = [len(entries) % 65536, first, bits]
    item.LUTData = [int(entry) for entry in entries]
    item["LUTDescriptor"].VR = item["LUTData"].VR = "US"
    return Sequence([item])


def palette(red, green, blue, *, first=0):
    """The tags of a palette of uint8 or uint16 entries."""
    tags = {}
    for name, values in (("Red", red), ("Green", green), ("Blue", blue)):
        values = np.asarray(values)
        descriptor = [len(values), first, 8 * values.itemsize]
        tags[f"{name}PaletteColorLookupTableDescriptor"] = descriptor
        tags[f"{name}PaletteColorLookupTableData"] = values.tobytes()
    return tags


def with_raw(path, name, text):
    """Replaces a tag's text in a written file by one that pydicom would not write."""
    from pydicom.datadict import tag_for_keyword
    from pydicom.tag import Tag

    tag = Tag(tag_for_keyword(name))
    start = tag.group.to_bytes(2, "little") + tag.element.to_bytes(2, "little")
    data = path.read_bytes()
    place = data.index(start)
    length = int.from_bytes(data[place + 6 : place + 8], "little")
    value = text.encode() + b" " * (len(text) % 2)
    head = data[place : place + 6] + len(value).to_bytes(2, "little")
    path.write_bytes(data[:place] + head + value + data[place + 8 + length :])
    return path
