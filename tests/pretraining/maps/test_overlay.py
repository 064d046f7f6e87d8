import numpy as np
import pytest

from pretraining.maps.overlay import draw_overlays, opacity, panel_of, window_of


def test_what_has_no_value_is_clear_and_the_maximum_most_opaque():
    values = np.array([[np.nan, 0.1, 0.2], [0.3, 0.4, 0.9]], np.float32)
    shown = opacity(values)
    assert shown[0, 0] == 0
    assert shown[1, 2] == pytest.approx(0.7)
    assert (shown[values <= 0.3] == 0).all()


def test_of_a_volume_the_slice_of_the_peak_is_drawn(tmp_path):
    image = np.arange(4, dtype=np.float32)[:, None, None] * np.ones((4, 6, 5), np.float32)
    values = np.zeros((4, 6, 5), np.float32)
    values[2, 3, 1] = 0.5
    values[0] = np.nan
    panel = panel_of(image, values, "liver", recognized=True)
    assert (panel.image == 2).all()
    assert panel.values[3, 1] == 0.5
    draw_overlays([panel], (0, 3), tmp_path / "overlay.png")
    assert (tmp_path / "overlay.png").read_bytes().startswith(b"\x89PNG")


def test_ct_is_shown_as_soft_tissue_and_other_images_without_their_extremes():
    assert window_of(np.array([-1024.0, 40.0, 3000.0])) == (-160, 240)
    assert window_of(np.arange(101)) == (1, 99)
