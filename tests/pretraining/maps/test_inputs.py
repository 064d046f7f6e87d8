from pathlib import Path

import pytest

from pretraining.errors import UserError
from pretraining.maps.inputs import find_images


@pytest.fixture
def folder(tmp_path):
    """Images of many kinds, and a folder of DICOM objects without suffix; only names and marks matter."""
    root = tmp_path / "scans"
    for name in ("a/x.png", "b/x.png", "b/x.nii.gz", "top.nrrd", "notes.txt", ".hidden/y.png", "ct/1", "ct/2"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0" * 128 + b"DICM" if name.startswith("ct") else b"x")
    return root


def names(found: dict[Path, Path], root: Path) -> dict[str, str]:
    return {path.relative_to(root).as_posix(): name.as_posix() for path, name in found.items()}


def test_a_folder_keeps_its_structure_and_a_dicom_folder_is_one_image(folder, tmp_path):
    assert names(find_images([folder], tmp_path / "maps"), folder) == {
        "a/x.png": "a/x",
        # Two images of one name in one folder keep their suffixes.
        "b/x.nii.gz": "b/x.nii.gz",
        "b/x.png": "b/x.png",
        "ct": "ct",
        "top.nrrd": "top",
    }


def test_files_are_named_from_the_folder_that_holds_them_all(folder, tmp_path):
    files = [folder / "a" / "x.png", folder / "b" / "x.png"]
    assert names(find_images(files, tmp_path), folder) == {"a/x.png": "a/x", "b/x.png": "b/x"}
    assert names(find_images(files[:1], tmp_path), folder) == {"a/x.png": "x"}
    assert names(find_images([folder / "ct"], tmp_path), folder) == {"ct": "ct"}


def test_a_linked_image_is_called_what_its_link_is_called(folder, tmp_path, monkeypatch):
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "one.png").symlink_to(folder / "a" / "x.png")
    (tmp_path / "links" / "two").symlink_to(folder / "ct")
    assert names(find_images([tmp_path / "links"], tmp_path / "maps"), tmp_path) == {
        "links/one.png": "one",
        "links/two": "two",
    }
    monkeypatch.chdir(folder)
    found = find_images([Path("../links/one.png"), Path("a/x.png")], tmp_path / "maps")
    assert [name.as_posix() for name in found.values()] == ["links/one", "scans/a/x"]


def test_maps_of_an_earlier_run_are_no_input(folder):
    assert names(find_images([folder], folder / "b"), folder) == {"a/x.png": "a/x", "ct": "ct", "top.nrrd": "top"}


def test_an_output_that_is_the_input_is_one_sentence(folder):
    with pytest.raises(UserError, match="is --input and --output; give another"):
        find_images([folder], folder)


def test_a_folder_without_images_is_one_sentence(tmp_path):
    (tmp_path / "notes.txt").write_text("x")
    with pytest.raises(UserError, match=r"there is no image below .*; give image files"):
        find_images([tmp_path], tmp_path / "maps")
