"""Throw-away environments that borrow this one's libraries, so that installing needs neither network nor minutes."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGED = ("nnunetv2_mosmos", "pretraining")
BUILD_FILES = ("setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")


@dataclass(frozen=True)
class Environment:
    """A virtual environment that finds this one's libraries, but none of its start-up files."""

    folder: Path

    @property
    def python(self):
        return self.folder / ("Scripts" if os.name == "nt" else "bin") / "python"

    @property
    def site_packages(self):
        (folder,) = self.folder.rglob("site-packages")
        return folder

    def run(self, *arguments, check=True, **variables):
        """Run its Python without any variable that could help discovery."""
        clean = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("PYTHON", "nnUNet_", "MOSMOS", "PIP_"))
        }
        result = subprocess.run(
            [self.python, *arguments],
            env=clean | variables,
            cwd=self.folder,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        assert not check or result.returncode == 0, result.stderr
        return result

    def pip(self, *arguments):
        return self.run("-m", "pip", "--disable-pip-version-check", *arguments)

    def install(self, *what):
        self.pip("install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation", *what)

    def files(self):
        """Every file that an installation could leave behind."""
        return {path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="session")
def new_environment(tmp_path_factory):
    """A function that makes an empty `Environment`."""

    def make():
        environment = Environment(tmp_path_factory.mktemp("environment"))
        venv.create(environment.folder, with_pip=False)
        (environment.site_packages / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return environment

    return make


@pytest.fixture(scope="session")
def source(checkout, tmp_path_factory):
    """A copy of what the packages are built from: building writes into the source folder."""
    folder = tmp_path_factory.mktemp("source")
    for name in BUILD_FILES:
        shutil.copy(checkout / name, folder / name)
    for name in PACKAGED:
        shutil.copytree(checkout / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="session")
def sdist(source, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sdist")
    command = [sys.executable, "-m", "build", "--sdist", "--no-isolation", "--outdir", folder]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="session")
def installed(new_environment, source, sdist):
    """A function that makes an environment with MOSMOS installed from `source`, `editable` or `sdist`."""
    arguments = {"source": (str(source),), "editable": ("--editable", str(source)), "sdist": (str(sdist),)}

    def make(kind):
        environment = new_environment()
        environment.install(*arguments[kind])
        return environment

    return make
