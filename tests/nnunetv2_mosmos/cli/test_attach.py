import json
import shlex
import shutil

import pytest

from nnunetv2_mosmos.attach.attachment import Attachment, attach_command, read_attachment
from nnunetv2_mosmos.cli.attach import main


@pytest.fixture
def detach(nnunet_home):
    yield
    (nnunet_home.dataset / "mosmos.json").unlink(missing_ok=True)


@pytest.fixture
def unplanned(nnunet_home, monkeypatch, tmp_path):
    """Write a dataset.json into an nnUNet_raw where nothing has been planned; returns the preprocessed folder."""

    def write(labels: dict):
        for name in ("raw", "preprocessed"):
            monkeypatch.setenv(f"nnUNet_{name}", str(tmp_path / name))
        folder = tmp_path / "raw" / "Dataset918_New"
        folder.mkdir(parents=True)
        (tmp_path / "preprocessed").mkdir()
        (folder / "dataset.json").write_text(json.dumps({"channel_names": {"0": "MR"}, "labels": labels}))
        return tmp_path / "preprocessed" / "Dataset918_New"

    return write


def test_it_attaches_and_tells_what_transfers_and_which_label_got_which_tag(nnunet_home, unet_bundle, detach, capsys):
    assert main(["-d", "917", "-b", str(unet_bundle.path)]) == 0
    output = capsys.readouterr().out
    assert "2d: encoder: 100 % of the parameters (24 copied of 24 tensors)" in output
    assert "3d_fullres: encoder: 100 % of the parameters (18 copied, 6 inflated of 24 tensors)" in output
    assert "liver        liver (present in 9 studies)\n" in output
    assert "kidney_left  kidney_left (present in 9 studies)\n" in output
    assert "spleen       spleen (present in 0 studies)  WARNING" in output
    assert "stages.0.0.convs.0.conv.weight" not in output
    attachment = read_attachment(nnunet_home.dataset)
    assert attachment.bundle == unet_bundle.path
    assert attachment.sha256 == unet_bundle.info.weights_sha256
    assert attachment.label_tags == {"liver": "liver", "spleen": "spleen", "kidney_left": "kidney_left"}


def test_it_tells_how_a_sample_lies(nnunet_home, unet_bundle, detach, capsys):
    assert main(["-d", "917", "-b", str(unet_bundle.path)]) == 0
    output = capsys.readouterr().out
    assert (
        "orientation: the array axes that the network sees run to S, P, L; left-right is axis 2 (axis 1 in 2d)"
        in output
    )


@pytest.mark.parametrize("has_folder", [False, True])
def test_without_raw_images_the_orientation_is_not_examined(
    nnunet_home, unet_bundle, detach, capsys, monkeypatch, tmp_path, has_folder
):
    monkeypatch.setenv("nnUNet_raw", str(tmp_path))
    if has_folder:
        (tmp_path / "Dataset917_Tiny" / "imagesTr").mkdir(parents=True)
    assert main(["-d", "917", "-b", str(unet_bundle.path)]) == 0
    assert "orientation: not examined, because nnUNet_raw has no images of Dataset917_Tiny" in capsys.readouterr().out


@pytest.fixture
def planned(nnunet_home):
    """Write plans beside the dataset's own; returns the words that choose them."""
    file = nnunet_home.dataset / "otherPlans.json"

    def write(plans: dict) -> list[str]:
        file.write_text(json.dumps({**plans, "plans_name": "otherPlans"}))
        return ["-d", "917", "-p", "otherPlans"]

    yield write
    file.unlink()


def test_a_network_of_its_own_is_shown_with_maps_at_its_input(
    nnunet_home, unet_bundle, detach, planned, with_network, capsys
):
    words = planned(with_network(nnunet_home.plans(), "OwnNetwork"))
    assert main([*words, "-b", str(unet_bundle.path)]) == 0
    output = capsys.readouterr().out
    assert "3d_fullres: train nnUNetTrainerMOSMOS_anyNetwork: the plans name a network of another make" in output
    assert "3d_fullres: encoder: 100 % of the parameters (24 copied of 24 tensors)" in output


def test_maps_of_a_single_position_are_refused(nnunet_home, unet_bundle, detach, planned, capsys):
    plans = nnunet_home.plans()
    words = [*planned(plans), "-b", str(unet_bundle.path)]
    plans["configurations"]["2d"]["patch_size"] = [4, 4]
    planned(plans)
    assert main(words) == 0
    assert "2d: cannot be trained: the patch [4, 4] is a single position" in capsys.readouterr().out
    (nnunet_home.dataset / "mosmos.json").unlink()
    plans["configurations"]["3d_fullres"]["patch_size"] = [4, 4, 4]
    planned(plans)
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "the patch [4, 4] is a single position to the maps, whose stride is [4, 4]: plan a larger patch" in error
    assert error.count("\n") == 1
    assert read_attachment(nnunet_home.dataset) is None


def test_verbose_shows_every_tensor(nnunet_home, unet_bundle, detach, capsys):
    assert main(["-d", "Dataset917_Tiny", "-b", str(unet_bundle.path), "--verbose", "--inflation", "mean"]) == 0
    output = capsys.readouterr().out
    assert "stages.2.0.convs.1.conv.weight  inflated   2D kernel to depth 3 (mean)" in output
    assert read_attachment(nnunet_home.dataset).inflation == "mean"


def test_a_transformer_is_shown_against_the_unetr(nnunet_home, vit_bundle, detach, capsys):
    assert main(["-d", "917", "-b", str(vit_bundle.path)]) == 0
    assert "3d_fullres: encoder: 100 % of the parameters" in capsys.readouterr().out


def test_the_command_that_makes_an_attachment_makes_it_again(nnunet_home, unet_bundle, detach, tmp_path):
    copy = tmp_path / "a bundle's copy"
    shutil.copytree(unet_bundle.path, copy)
    made = Attachment(
        copy,
        unet_bundle.info.weights_sha256,
        {"liver": "brain", "spleen": "spleen", "kidney_left": "kidney_left"},
        inflation="mean",
        force=True,
    )
    program, *words = shlex.split(attach_command("917", made))
    assert program == "nnUNetv2_mosmos_attach" and main(words) == 0
    assert read_attachment(nnunet_home.dataset) == made


def test_that_command_leaves_labels_without_tag_and_forgets_labels_that_are_gone(unplanned, unet_bundle):
    folder = unplanned({"background": 0, "thing one": 1, "blob": 2})
    made = Attachment(unet_bundle.path, "", {"thing one": "spleen", "blob": None, "gone": "liver"})
    assert main(shlex.split(attach_command("918", made, ["thing one", "blob"]))[1:]) == 0
    assert read_attachment(folder).label_tags == {"thing one": "spleen", "blob": None}


@pytest.mark.parametrize(
    ("bundle", "network", "trainer"),
    [
        ("unet_bundle", None, "nnUNetTrainerMOSMOS_onlyMirror01"),
        ("vit_bundle", None, "nnUNetTrainerMOSMOS_UNETR_onlyMirror01"),
        ("vit_bundle", "OwnNetwork", "nnUNetTrainerMOSMOS_anyNetwork_onlyMirror01"),
    ],
)
def test_where_labels_have_a_side_the_trainer_of_the_network_is_named(
    nnunet_home, detach, planned, with_network, request, capsys, bundle, network, trainer
):
    plans = with_network(nnunet_home.plans(), network) if network else nnunet_home.plans()
    assert main([*planned(plans), "-b", str(request.getfixturevalue(bundle).path)]) == 0
    assert f"prediction: train {trainer}, which leaves" in capsys.readouterr().out


def test_before_planning_it_attaches_and_promises_the_table(unplanned, unet_bundle, capsys):
    folder = unplanned({"background": 0, "liver": 1})
    assert main(["-d", "918", "-b", str(unet_bundle.path)]) == 0
    assert "has no nnUNetPlans.json yet: plan and preprocess it, then run this again" in capsys.readouterr().out
    assert read_attachment(folder).label_tags == {"liver": "liver"}


def test_labels_without_tags_are_refused_by_name_and_both_ways_out_work(unplanned, unet_bundle, capsys):
    folder = unplanned({"background": 0, "liver": 1, "blob": 2, "thing one": 3})
    words = ["-d", "918", "-b", str(unet_bundle.path)]
    assert main(words) == 1
    error = capsys.readouterr().err
    assert "no tag of the bundle fits the labels blob, thing one: name one with --map LABEL=TAG" in error
    assert not folder.exists()
    assert main([*words, "--map", "blob=spleen", "--map", "thing one=brain"]) == 0
    assert read_attachment(folder).label_tags == {"liver": "liver", "blob": "spleen", "thing one": "brain"}
    assert main([*words, "--allow-untagged"]) == 0
    assert read_attachment(folder).label_tags == {"liver": "liver", "blob": None, "thing one": None}
    assert "blob       no tag: no tag fits its name; it gets no map" in capsys.readouterr().out


def test_labels_share_a_tag_sides_stay_apart_and_ignored_voxels_are_no_label(unplanned, unet_bundle, capsys):
    labels = {
        "background": 0,
        "right kidney": 1,
        "left kidney": 2,
        "lobe one": 3,
        "lobe two": 4,
        "cyst": 5,
        "ignore": 6,
    }
    folder = unplanned(labels)
    words = ["-d", "918", "-b", str(unet_bundle.path), "--map", "lobe one=liver", "--map", "lobe two=liver"]
    assert main(words) == 1
    assert "no tag of the bundle fits the label cyst: name one" in capsys.readouterr().err
    assert main([*words, "--allow-untagged"]) == 0
    assert read_attachment(folder).label_tags == {
        "right kidney": "kidney_right",
        "left kidney": "kidney_left",
        "lobe one": "liver",
        "lobe two": "liver",
        "cyst": None,
    }
    output = capsys.readouterr().out
    assert "WARNING: right kidney, left kidney tell left from right" in output
    assert "ignore" not in output


def test_overlapping_regions_have_a_tag_each(unplanned, unet_bundle):
    folder = unplanned({"background": 0, "abdominal organs": [1, 2], "spleen": [2], "liver": 1})
    words = ["-d", "918", "-b", str(unet_bundle.path), "--map", "abdominal organs=kidney_left"]
    assert main(words) == 0
    tags = {"abdominal organs": "kidney_left", "spleen": "spleen", "liver": "liver"}
    assert read_attachment(folder).label_tags == tags


def test_a_tag_that_the_bundle_has_no_embedding_of_is_told_apart(unplanned, unet_bundle, capsys):
    unplanned({"background": 0, "liver": 1, "pancreas": 2})
    assert main(["-d", "918", "-b", str(unet_bundle.path), "--allow-untagged"]) == 0
    assert "pancreas  no tag: the bundle has no embedding of its tag 'pancreas'" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--map", "liver"], "--map liver: write --map LABEL=TAG"),
        (["--map", "lung=liver"], "the dataset has no label 'lung'"),
        (["--map", "liver=livre"], "the bundle has no tag 'livre'"),
    ],
)
def test_slips_in_map_cost_one_sentence(nnunet_home, unet_bundle, detach, capsys, words, message):
    assert main(["-d", "917", "-b", str(unet_bundle.path), *words]) == 1
    error = capsys.readouterr().err
    assert error.startswith("nnUNetv2_mosmos_attach: ") and message in error
    assert error.count("\n") == 1
    assert read_attachment(nnunet_home.dataset) is None


def test_what_is_no_bundle_costs_one_sentence(nnunet_home, unet_bundle, tmp_path, capsys):
    assert main(["-d", "917", "-b", str(tmp_path)]) == 1
    assert "has no bundle.json; give the folder that `mosmos_pretrain export --output` wrote" in capsys.readouterr().err
    truncated = tmp_path / "truncated"
    shutil.copytree(unet_bundle.path, truncated)
    weights = truncated / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    assert main(["-d", "917", "-b", str(truncated)]) == 1
    error = capsys.readouterr().err
    assert "truncated or damaged" in error and error.count("\n") == 1


def test_an_unknown_dataset_costs_one_sentence(nnunet_home, unet_bundle, capsys):
    assert main(["-d", "555", "-b", str(unet_bundle.path)]) == 1
    assert "no dataset '555'" in capsys.readouterr().err


def test_nothing_that_fits_is_refused_and_nothing_is_written(nnunet_home, unet_bundle, detach, capsys):
    plans = nnunet_home.plans()
    for configuration in ("2d", "3d_fullres"):
        plans["configurations"][configuration]["architecture"]["arch_kwargs"]["features_per_stage"] = [8, 16, 24]
    other = nnunet_home.dataset / "narrowPlans.json"
    other.write_text(json.dumps({**plans, "plans_name": "narrowPlans"}))
    words = ["-d", "917", "-b", str(unet_bundle.path), "-p", "narrowPlans", "--force"]
    assert main(words) == 1
    other.unlink()
    assert "no tensor of the bundle fits the encoder of 2d" in capsys.readouterr().err
    assert read_attachment(nnunet_home.dataset) is None
