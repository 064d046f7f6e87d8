"""What an installation does to an environment with the real nnU-Net: discovery, other trainers, start-up, removal."""

import shutil

import pytest

FIND = """
import sys
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find
"""

# What nnU-Net answers, as text, and which of our modules answering took.
ASK = f"""{FIND}
for name in NAMES:
    try:
        print(name, find(name).__module__)
    except (RuntimeError, ImportError) as error:
        print(name, type(error), str(error).splitlines()[0])
print([module for module in sys.modules if module.startswith(("nnunetv2_mosmos", "pretraining"))])
"""

# Each worker gets the class by pickle and finds it by name, as a worker of nnU-Net would.
WORKERS = """
import multiprocessing
from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name as find

def same(trainer):
    return find("nnUNetTrainerMOSMOS") is trainer

if __name__ == "__main__":
    for method in METHODS:
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.map(same, [find("nnUNetTrainerMOSMOS")]) == [True], method
"""

# nnU-Net searches all its own modules before `nnUNet_extTrainer`, and one of them needs timm and so a torchvision that
# fits torch, which CPU machines often lack.
WITHOUT_TIMM = """
import sys
sys.modules["nnunetv2.training.nnUNetTrainer.primus.primus_trainers"] = sys
"""


@pytest.fixture(scope="module", params=["source", "editable", pytest.param("sdist", marks=pytest.mark.slow)])
def environment(request, installed):
    return installed(request.param)


def test_trainer_is_found_without_any_variable_and_imported_only_when_asked_for(environment):
    code = f"""NAMES = ["nnUNetTrainer"]
{ASK}
trainer = find("nnUNetTrainerMOSMOS")
assert trainer.__module__.startswith("nnunetv2_mosmos.trainers"), trainer.__module__
"""
    answer = environment.run("-c", code)
    assert answer.stdout == "nnUNetTrainer nnunetv2.training.nnUNetTrainer.nnUNetTrainer\n[]\n"


@pytest.mark.slow
def test_the_rest_of_nnunet_is_as_without_us(installed, new_environment):
    names = ["nnUNetTrainer", "nnUNetTrainer_5epochs", "nnUNetTrainerNonsense"]
    code = f"NAMES = {names}\n{ASK}"
    with_us = installed("source").run("-c", code)
    assert with_us.stdout == new_environment().run("-c", code).stdout
    assert "nnUNetTrainerNonsense" in with_us.stdout
    assert with_us.stdout.endswith("[]\n")


@pytest.mark.slow
def test_a_wrong_name_that_looks_like_ours_fails_with_nnunets_own_message(installed):
    code = f"{WITHOUT_TIMM}\nNAMES = ['nnUNetTrainerMOSMOS_nonsense']\n{ASK}"
    assert (
        "Could not find requested nnunet trainer nnUNetTrainerMOSMOS_nonsense"
        in installed("source").run("-c", code).stdout
    )


def test_python_starts_silently_and_imports_neither_package(environment):
    code = "import sys; print([m for m in sys.modules if m.split('.')[0] in ('nnunetv2', 'nnunetv2_mosmos', 'torch')])"
    result = environment.run("-W", "error", "-c", code)
    assert result.stdout.strip() == "[]"
    assert result.stderr == ""


def test_commands_are_installed(environment):
    installed = {path.stem for path in environment.python.parent.iterdir()}
    assert {"mosmos_pretrain", "nnUNetv2_mosmos_attach", "nnUNetv2_mosmos_doctor"} <= installed


def test_start_up_loads_one_small_module_and_nothing_else(environment, new_environment):
    code = "import sys; print(*sys.modules, sep='\\n')"
    plain = set(new_environment().run("-c", code).stdout.splitlines())
    assert set(environment.run("-c", code).stdout.splitlines()) - plain == {"zz_nnunetv2_mosmos"}


def test_start_up_costs_less_than_a_millisecond(environment):
    def microseconds():
        lines = environment.run("-X", "importtime", "-c", "pass").stderr.splitlines()
        (line,) = (line for line in lines if line.endswith(" zz_nnunetv2_mosmos"))
        return int(line.split("|")[1])

    # The best of a few: other load on the machine only ever adds.
    assert min(microseconds() for _ in range(10)) < 1000


@pytest.mark.parametrize("kind", ["source", "editable"])
def test_uninstalling_leaves_no_trace(new_environment, source, kind):
    environment = new_environment()
    before = environment.files()
    environment.install(*(("--editable",) if kind == "editable" else ()), str(source))
    # A first start may write byte code beside what was installed.
    environment.run("-c", "pass")
    assert environment.files() > before
    environment.pip("uninstall", "--yes", "nnunetv2-mosmos")
    assert environment.files() == before
    result = environment.run("-W", "error", "-c", "import sys; print(sys.meta_path)")
    assert result.stderr == ""
    assert "TrainerModuleFinder" not in result.stdout


def test_half_removed_package_leaves_python_and_nnunet_working(installed):
    environment = installed("source")
    shutil.rmtree(environment.site_packages / "nnunetv2_mosmos")
    assert environment.run("-W", "error", "-c", "pass").stderr == ""
    code = f"""{FIND}
find("nnUNetTrainer")
try:
    find("nnUNetTrainerMOSMOS")
except ImportError as error:
    assert "partly installed" in str(error)
else:
    raise AssertionError
"""
    environment.run("-c", code)
    (environment.site_packages / "zz_nnunetv2_mosmos.py").unlink()
    shutil.rmtree(environment.site_packages / "__pycache__")
    assert environment.run("-W", "error", "-c", "pass").stderr == ""


@pytest.mark.slow
def test_workers_of_every_start_method_find_and_unpickle_trainers(installed):
    environment = installed("source")
    script = environment.folder / "workers.py"
    script.write_text(WORKERS.replace("METHODS", "('spawn', 'forkserver', 'fork')"))
    environment.run(script)


@pytest.mark.slow
def test_fallback_folder_serves_an_installation_that_python_does_not_start(new_environment, source):
    environment = new_environment()
    target = environment.folder / "target"
    environment.install("--target", str(target), str(source))
    script = environment.folder / "workers.py"
    script.write_text(WITHOUT_TIMM + WORKERS.replace("METHODS", "('spawn',)"))
    folder = target / "nnunetv2_mosmos" / "discovery" / "external_trainers"
    environment.run(script, PYTHONPATH=str(target), nnUNet_extTrainer=str(folder))
