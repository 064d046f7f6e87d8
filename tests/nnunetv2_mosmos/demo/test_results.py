from nnunetv2_mosmos.demo.results import Results, describe


def document(auroc):
    # The aorta is never missing, so that nothing is demanded of its map.
    maps = {"liver": auroc, "aorta": 0.1}
    return {"overall": {"localization": {"per_tag": {tag: {"attention": {"auroc": x}} for tag, x in maps.items()}}}}


def results(dice_2d, auroc, scratch=0.1):
    cases = {"2d": {"a": {"liver": dice_2d, "heart": 0.6}}, "3d_fullres": {"a": {"liver": 0.9, "heart": 0.7}}}
    return Results(cases, {"a": {"liver": scratch}}, {}, document(auroc))


def test_demands_are_named_when_missed():
    assert results(0.8, 0.7).shortfalls() == []
    low = results(0.2, 0.55).shortfalls()
    assert len(low) == 2
    assert "2d" in low[0]
    assert "AUROC" in low[1]
    assert len(results(float("nan"), float("nan")).shortfalls()) == 2


def test_nothing_is_demanded_of_the_control():
    assert results(0.8, 0.7, scratch=0.0).shortfalls() == []


def test_the_terminal_gets_every_organ_and_the_means():
    text = describe(results(0.8, 0.7))
    assert text.count("liver") == 4
    assert "mean            0.70" in text
    assert "mean            0.80" in text
    assert "2d from scratch" in text
