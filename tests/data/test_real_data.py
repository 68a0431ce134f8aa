"""What only real X-rays show; skipped where there are none."""

import numpy as np
import pytest

from keras_cxr.data import find_images, make_datasets, read_image
from keras_cxr.data.files.images import lung_mask
from keras_cxr.data.splitting.groups import with_groups
from keras_cxr.data.splitting.parts import with_parts
from keras_cxr.errors import DataError

CLASSES = ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia")


def test_the_whole_database_is_found_and_divided(real_data):
    catalog = find_images(real_data / "COVID-19_Radiography_Dataset")
    assert catalog.class_names == CLASSES
    assert len(catalog.entries) > 10_000
    assert all(entry.mask for entry in catalog.entries)
    manifest = real_data / "manifest.csv"
    if manifest.is_file():
        catalog = with_groups(catalog, manifest)
    parts = with_parts(catalog, (0.8, 0.1, 0.1), 0)
    for name in CLASSES:
        counted = [
            part for part, one in zip(parts, catalog.entries, strict=True) if one.label == name
        ]
        assert abs(counted.count("train") / len(counted) - 0.8) < 0.02
    patients = {}
    for part, entry in zip(parts, catalog.entries, strict=True):
        if entry.group:
            assert patients.setdefault(entry.group, part) == part


def test_real_images_and_masks_are_read(real_data, tmp_path):
    import pandas as pd

    root = real_data / "COVID-19_Radiography_Dataset"
    entries = find_images(root).entries
    some = [one for name in CLASSES for one in [e for e in entries if e.label == name][:15]]
    frame = pd.DataFrame(
        {
            "file": [e.file for e in some],
            "label": [e.label for e in some],
            "mask": [e.mask for e in some],
        }
    )
    datasets = make_datasets(
        frame, root=root, cache_dir=tmp_path, region="lungs", format="keras", verbose=False
    )
    assert datasets.class_names == CLASSES
    images, _ = next(iter(datasets.train))
    assert images.shape == (32, 224, 224, 1)
    assert 0.15 < (images > 0).mean() < 0.6
    masks = datasets.load_masks("test")
    assert 0.1 < masks.mean() < 0.5


def test_masks_of_the_original_database_fit_their_images(real_data):
    sample = real_data / "kaggle_format_sample" / "COVID-19_Radiography_Dataset"
    if not sample.is_dir():
        pytest.skip("the four original pairs are not beside the real X-rays")
    catalog = find_images(sample.parent)  # the doubled root
    assert catalog.root == sample
    assert catalog.class_names == CLASSES
    for entry in catalog.entries:
        assert read_image(sample / entry.file).shape == (299, 299, 1)
        image = read_image(sample / entry.file, (224, 224))[..., 0]
        mask = lung_mask(sample / entry.mask, (224, 224))
        # lungs are darker than what surrounds them within the chest
        chest = np.zeros_like(mask)
        chest[40:200, 30:194] = True
        assert image[mask].mean() < image[chest & ~mask].mean()
    with pytest.raises(DataError, match=r"has 1 image\(s\), too few images for 3 parts"):
        make_datasets(sample)
