import numpy as np

from pretraining.phantom.grid import Grid


def test_axes_are_centred_and_spaced():
    grid = Grid(size=(1, 4, 5), spacing=(5, 2, 3), center=(100, 10, -7))
    assert grid.axis(0).tolist() == [100]
    assert grid.axis(1).tolist() == [7, 9, 11, 13]
    assert grid.axis(2).tolist() == [-13, -10, -7, -4, -1]


def test_boxes_hold_exactly_the_voxels_between_the_corners():
    grid = Grid(size=(6, 7, 8), spacing=(3, 2, 1.5), center=(0, 0, 0))
    rng = np.random.default_rng(0)
    corners = np.sort(rng.uniform(-9, 9, (40, 2, 3)), axis=1)
    z, y, x = np.meshgrid(*(grid.axis(i) for i in range(3)), indexing="ij")
    for (low, high), box in zip(corners, grid.boxes(corners[:, 0], corners[:, 1]), strict=True):
        expected = np.all([(p >= a) & (p <= b) for p, a, b in zip((x, y, z), low, high, strict=True)], axis=0)
        found = np.zeros(grid.size, bool)
        if box is not None:
            found[box] = True
        assert (found == expected).all()


def test_infinite_corners_mean_the_whole_grid():
    grid = Grid(size=(2, 3, 4), spacing=(1, 1, 1), center=(0, 0, 0))
    everything = grid.boxes(np.full((1, 3), -np.inf), np.full((1, 3), np.inf))[0]
    assert everything == (slice(0, 2), slice(0, 3), slice(0, 4))
