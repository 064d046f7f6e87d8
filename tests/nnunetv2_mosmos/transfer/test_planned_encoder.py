import pytest
from nnunetv2.utilities.get_network_from_plans import get_network_from_plans
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_mosmos.transfer.encoder import transfer_encoder
from pretraining.image.encoder import build_encoder
from pretraining.image.plans import read_plan
from pretraining.image.spec import EncoderSpec


@pytest.mark.parametrize("name", ["2d", "3d_fullres"])
def test_what_was_pretrained_on_a_datasets_plans_transfers_whole(nnunet_home, name):
    plan = read_plan(nnunet_home.dataset / "nnUNetPlans.json", name)
    pretrained = build_encoder(EncoderSpec(plan.kind, plan.dim, 1, plan.arguments))
    configuration = PlansManager(nnunet_home.plans()).get_configuration(name)
    network = get_network_from_plans(
        configuration.network_arch_class_name,
        configuration.network_arch_init_kwargs,
        configuration.network_arch_init_kwargs_req_import,
        1,
        4,
    )
    transfer = transfer_encoder(pretrained.state_dict(), network.encoder, 1)
    assert {row.action for row in transfer.table.rows} == {"copied"}
    assert plan.patch_size == tuple(configuration.patch_size)
