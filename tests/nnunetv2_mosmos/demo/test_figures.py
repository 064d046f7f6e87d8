import io

import numpy as np
from PIL import Image

from nnunetv2_mosmos.demo import figures


def pixels(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def has(png, color):
    wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
    return bool((np.abs(pixels(png).astype(int) - wanted).sum(-1) < 40).any())


def test_curves_survive_missing_values():
    png = figures.curves({"training": [2.0, 1.0], "validation": [None, float("nan")], "Dice": [0.1, 0.2]})
    assert has(png, figures.COLORS[0])
    assert has(png, figures.COLORS[2])


def test_a_slice_fills_its_picture_and_keeps_its_shape():
    image = np.full((20, 40), 255)
    shown = pixels(figures.picture(image, 0, 255))
    assert shown.shape[1] == 2 * shown.shape[0]
    assert (shown == 255).all()
    assert (pixels(figures.picture(image * 0, 0, 255)) == 0).all(), "no white border"


def test_an_organ_is_outlined_only_where_it_is():
    image, values = np.zeros((12, 12), np.uint8), np.zeros((12, 12), np.float32)
    organ = np.zeros((12, 12), bool)
    organ[3:8, 3:8] = True
    assert has(figures.map_over(image, values, organ), "#39ff88")
    assert not has(figures.map_over(image, values, None), "#39ff88")


def test_labels_have_the_colors_of_the_legend():
    labels = np.zeros((8, 8), np.uint8)
    labels[2:4, 2:4], labels[5:7, 5:7] = 1, 2
    white = figures.labels_over(np.full((8, 8), 255), labels, 0, 255, 2)
    # Three quarters of the color on a quarter of white.
    for color in figures.COLORS[:2]:
        shade = "".join(f"{round(0.75 * int(color[i : i + 2], 16) + 0.25 * 255):02x}" for i in (1, 3, 5))
        assert has(white, f"#{shade}")
