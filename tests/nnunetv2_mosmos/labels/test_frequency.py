import numpy as np

from nnunetv2_mosmos.labels.frequency import COMMONEST, RAREST, tag_frequencies
from nnunetv2_mosmos.labels.tag_classes import TagClasses


def test_frequencies_are_shares_of_the_labelled_voxels_of_all_cases():
    first = np.array([[-1, 0, 0, 1], [1, 2, 4, 4]])
    second = np.array([[0, 0, 0, 2]])
    frequencies = tag_frequencies([first, second], TagClasses(((1, 2), (2,)), None, 4))
    np.testing.assert_allclose(frequencies, [4 / 9, 2 / 9])


def test_a_tag_that_never_or_always_shows_keeps_a_moderate_logit():
    frequencies = tag_frequencies([np.ones((2, 2), int)], TagClasses(((1,), (2,)), None, None))
    np.testing.assert_allclose(frequencies, [COMMONEST, RAREST])
