"""The start-up hook alone, with a stand-in for nnU-Net: what it does to a process, and what it leaves alone."""

import subprocess
import sys
import textwrap

import pytest

from nnunetv2_mosmos import discovery

STARTUP = "nnunetv2_mosmos/discovery/startup"

TRAINER_MODULE = "class nnUNetTrainer:\n    pass\n"
OUR_DISCOVERY = """
class nnUNetTrainerMOSMOS:
    pass

def find_trainer(name):
    return {"nnUNetTrainerMOSMOS": nnUNetTrainerMOSMOS}.get(name)
"""


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def libraries(tmp_path):
    """A folder with a stand-in for nnU-Net, in the shape that nnU-Net has."""
    packages = ("nnunetv2", "nnunetv2/training", "nnunetv2/training/nnUNetTrainer")
    write(tmp_path, {f"{package}/__init__.py": "" for package in packages})
    write(tmp_path, {"nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py": TRAINER_MODULE})
    write(tmp_path, {"nnunetv2_mosmos/__init__.py": "", "nnunetv2_mosmos/discovery.py": OUR_DISCOVERY})
    return tmp_path


@pytest.fixture
def run(checkout, libraries):
    """Runs code in a new process after the hook has registered itself, `module` being nnU-Net's trainer module."""

    def run(code, importing=True):
        lines = [
            "import sys",
            f"sys.path[:0] = [{str(libraries)!r}, {str(checkout / STARTUP)!r}]",
            "import zz_nnunetv2_mosmos as hook",
            "hook.register()",
            "from nnunetv2.training.nnUNetTrainer import nnUNetTrainer as module" if importing else "",
            textwrap.dedent(code),
        ]
        result = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", "\n".join(lines)], capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr

    return run


def test_imports_nothing(run):
    run(
        """
        before = set(sys.modules)
        del sys.modules["zz_nnunetv2_mosmos"]
        import zz_nnunetv2_mosmos
        assert set(sys.modules) == before, set(sys.modules) - before
        """,
        importing=False,
    )


def test_our_name_is_answered_and_only_then_is_our_package_imported(run):
    run(
        """
        assert "nnunetv2_mosmos" not in sys.modules
        assert module.nnUNetTrainerMOSMOS.__module__ == "nnunetv2_mosmos.discovery"
        """
    )


@pytest.mark.parametrize("name", ["__path__", "__wrapped__", "nnUNetTrainer_5epochs", "MOSMOS", ""])
def test_other_names_fail_without_importing_our_package(run, name):
    run(
        f"""
        assert not hasattr(module, {name!r})
        assert "nnunetv2_mosmos" not in sys.modules
        """
    )


def test_a_wrong_name_that_looks_like_ours_fails_as_an_attribute(run):
    run("assert not hasattr(module, 'nnUNetTrainerMOSMOS_nonsense')")


def test_the_module_looks_as_if_nobody_had_touched_its_import(run):
    run(
        """
        from importlib.machinery import SourceFileLoader
        assert type(module.__loader__) is SourceFileLoader
        assert module.__spec__.loader is module.__loader__
        assert [name for name in vars(module) if not name.startswith("__")] == ["nnUNetTrainer"]
        """
    )


def test_registering_twice_is_registering_once(run):
    run(
        """
        hook.register()
        assert sys.meta_path.count(hook.TrainerModuleFinder) == 1
        """
    )


def test_another_packages_outdated_finder_is_passed_over(run):
    run(
        """
        class Outdated:
            def find_module(self, fullname, path=None):
                return None

        sys.meta_path.insert(1, Outdated())
        from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainerMOSMOS
        """,
        importing=False,
    )


def test_a_reloaded_module_answers_again(run):
    run(
        """
        import importlib
        assert importlib.reload(module).nnUNetTrainerMOSMOS
        """
    )


def test_a_getattr_of_nnunet_keeps_answering_for_the_rest(run, libraries):
    text = TRAINER_MODULE + "def __getattr__(name):\n    if name == 'old': return 1\n    raise AttributeError(name)\n"
    write(libraries, {"nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py": text})
    run("assert module.old == 1 and module.nnUNetTrainerMOSMOS and not hasattr(module, 'new')")


def test_an_environment_without_nnunet_fails_as_it_would_without_the_hook(run, libraries):
    (libraries / "nnunetv2/training/nnUNetTrainer/nnUNetTrainer.py").unlink()
    run(
        """
        try:
            import nnunetv2.training.nnUNetTrainer.nnUNetTrainer
        except ModuleNotFoundError as error:
            assert error.name == "nnunetv2.training.nnUNetTrainer.nnUNetTrainer"
        else:
            raise AssertionError
        """,
        importing=False,
    )


@pytest.mark.parametrize("left", ["nothing", "an empty folder"])
def test_a_package_that_is_gone_is_named_with_the_remedy(run, libraries, left):
    (libraries / "nnunetv2_mosmos/discovery.py").unlink()
    (libraries / "nnunetv2_mosmos/__init__.py").unlink()
    if left == "nothing":
        (libraries / "nnunetv2_mosmos").rmdir()
    run(
        """
        assert module.nnUNetTrainer and not hasattr(module, "nnUNetTrainer_5epochs")
        try:
            module.nnUNetTrainerMOSMOS
        except ImportError as error:
            assert "partly installed" in str(error) and "pip uninstall nnunetv2-mosmos" in str(error)
        else:
            raise AssertionError
        """
    )


def test_a_library_that_our_package_misses_is_named(run, libraries):
    write(libraries, {"nnunetv2_mosmos/discovery.py": "import no_such_library"})
    run(
        """
        try:
            module.nnUNetTrainerMOSMOS
        except ModuleNotFoundError as error:
            assert error.name == "no_such_library"
        else:
            raise AssertionError
        """
    )


def test_pth_is_one_line_that_survives_the_loss_of_the_hook(checkout):
    (line,) = (checkout / STARTUP / "zz_nnunetv2_mosmos.pth").read_text().splitlines()
    assert line.startswith("import ")
    result = subprocess.run([sys.executable, "-I", "-S", "-c", line], capture_output=True, text=True, check=True)
    assert result.stderr == ""


def test_start_file_names_the_hook_for_python_3_15(checkout, monkeypatch):
    import pkgutil

    monkeypatch.syspath_prepend(str(checkout / STARTUP))
    (entry_point,) = (checkout / STARTUP / "zz_nnunetv2_mosmos.start").read_text().splitlines()
    assert callable(pkgutil.resolve_name(entry_point))


def test_names_are_known_without_torch_or_nnunet(checkout):
    code = (
        "import sys; from nnunetv2_mosmos.discovery import TRAINER_NAMES; print({'torch', 'nnunetv2'} & {*sys.modules})"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=checkout, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


def test_an_unknown_name_is_none_and_imports_nothing():
    assert discovery.find_trainer("nnUNetTrainer") is None
