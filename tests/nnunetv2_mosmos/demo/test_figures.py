import io
import json

import numpy as np
import SimpleITK as sitk
from PIL import Image

from nnunetv2_mosmos.demo import figures
from nnunetv2_mosmos.demo.scores import MappedStudy
from pretraining.phantom.organs import LABELS


def size(png):
    return Image.open(io.BytesIO(png)).size


def test_the_gallery_grows_with_studies_and_organs():
    mask = np.zeros((12, 12), np.uint8)
    mask[3:8, 3:8] = LABELS["liver"]
    maps = {"liver": mask.astype(np.float32), "heart": np.zeros((12, 12), np.float32)}
    study = MappedStudy("a", mask, mask, maps)
    small, wide, tall = (
        size(figures.attention_gallery([study] * n, tags))
        for n, tags in ((1, ["liver"]), (1, ["liver", "heart"]), (2, ["liver"]))
    )
    assert wide[0] > small[0]
    assert tall[1] > small[1]


def test_curves_survive_missing_values(tmp_path):
    metrics = tmp_path / "metrics.jsonl"
    rows = [{"epoch": 1, "train/loss": 2.0}, {"epoch": 2, "train/loss": 1.0, "val/loss": 1.5, "val/tag_auc": 0.7}]
    metrics.write_text("\n".join(json.dumps(row) for row in rows))
    assert size(figures.pretraining_curves(metrics))[0] > 400
    log = {"train_losses": [1, 0.5], "val_losses": [1, 0.7], "mean_fg_dice": [0.1, 0.4]}
    assert size(figures.finetuning_curves({"2d": log, "3d_fullres": log}))[0] > 400


def test_predictions_are_drawn_at_the_slice_with_most_organs(tmp_path):
    label = np.zeros((3, 8, 8), np.uint8)
    label[2, 2:4, 2:4], label[2, 5:7, 5:7] = 1, 2
    for name, voxels in (("images/a_0000", label * 50), ("labels/a", label), ("found/a", label)):
        path = tmp_path / f"{name}.nii.gz"
        path.parent.mkdir(exist_ok=True)
        sitk.WriteImage(sitk.GetImageFromArray(voxels), str(path))
    png = figures.prediction_gallery(
        tmp_path / "images", tmp_path / "labels", {"2d": tmp_path / "found"}, {"liver": 1, "heart": 2}, 1
    )
    pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).reshape(-1, 3)
    colors = {tuple(int(c[i : i + 2], 16) for i in (1, 3, 5)) for c in figures._COLORS[:2]}
    assert all((np.abs(pixels.astype(int) - color).sum(1) < 12).any() for color in colors), (
        "both organs are in the legend"
    )
