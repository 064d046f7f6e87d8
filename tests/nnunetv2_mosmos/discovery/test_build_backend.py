"""What the build puts into wheels."""

import base64
import csv
import hashlib
import io
import subprocess
import sys
import zipfile

import pytest

STARTUP_FILES = {"zz_nnunetv2_mosmos.pth", "zz_nnunetv2_mosmos.py", "zz_nnunetv2_mosmos.start"}


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (file,) = folder.iterdir()
    with zipfile.ZipFile(file) as archive:
        yield archive


def test_start_up_files_lie_beside_the_packages(wheel):
    assert {name for name in wheel.namelist() if "/" not in name} == STARTUP_FILES


def test_no_other_top_level_package_is_installed(wheel):
    folders = {name.split("/")[0] for name in wheel.namelist() if "/" in name}
    assert {name for name in folders if not name.endswith(".dist-info")} == {"nnunetv2_mosmos", "pretraining"}


def test_record_lists_every_file_once_with_its_hash(wheel):
    (record,) = (name for name in wheel.namelist() if name.endswith(".dist-info/RECORD"))
    rows = {name: (digest, size) for name, digest, size in csv.reader(io.StringIO(wheel.read(record).decode()))}
    assert sorted(rows) == sorted(wheel.namelist())
    assert rows.pop(record) == ("", "")
    for name, (digest, size) in rows.items():
        content = wheel.read(name)
        expected = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        assert (digest, int(size)) == (f"sha256={expected}", len(content)), name


def test_vocabulary_and_type_markers_are_packaged(wheel):
    assert {"pretraining/tags/data/en/vocabulary.yaml", "pretraining/py.typed", "nnunetv2_mosmos/py.typed"} <= {
        *wheel.namelist()
    }
