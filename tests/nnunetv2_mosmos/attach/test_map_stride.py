import json
from dataclasses import replace

import pytest
from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

from nnunetv2_mosmos.attach.binding import bind
from nnunetv2_mosmos.settings import Recipe


@pytest.mark.parametrize(("stride", "found"), [(2, 2), (4, 4), (16, 4)])
def test_maps_live_on_the_bundles_grid_where_it_is_finer_than_the_usual_one(nnunet_home, unet_bundle, stride, found):
    """The tiny plan's deepest stage has stride 4."""
    bundle = replace(unet_bundle, info=replace(unet_bundle.info, map_stride=(stride, stride)))
    description = json.loads((nnunet_home.dataset / "dataset.json").read_text())
    plans = PlansManager(json.loads((nnunet_home.dataset / "nnUNetPlans.json").read_text()))
    bound = bind(bundle, plans, "2d", description, {"liver": "liver"}, Recipe())
    assert 2**bound.settings.maps.map_stage == found
    assert any("stride" in note for note in bound.notes) == (stride == 16)
