import pytest
from safetensors import SafetensorError

from pretraining.disk import disk_error, disk_problems_are_users
from pretraining.errors import UserError


def test_a_folder_that_does_not_exist_yet_has_the_room_of_its_nearest_parent(tmp_path):
    told = str(disk_error(tmp_path / "not" / "yet", "Permission denied"))
    assert "yet cannot be written to (Permission denied; " in told
    assert " MiB are free)" in told


@pytest.mark.parametrize("error", [OSError(28, "No space left"), SafetensorError("No space left")])
def test_what_the_libraries_raise_is_one_sentence(tmp_path, error):
    with pytest.raises(UserError, match=r"cannot be written to \(No space left; "), disk_problems_are_users(tmp_path):
        raise error


def test_a_defect_stays_what_it_is(tmp_path):
    with pytest.raises(RuntimeError, match="a defect"), disk_problems_are_users(tmp_path):
        raise RuntimeError("a defect")
