from nnunetv2_mosmos.demo.results import Results, describe


def document(precision):
    # The aorta is never missing, so that nothing is demanded of its map.
    maps = {"liver": precision, "aorta": 0.1}
    located = {
        tag: {"attention": {"average_precision": times * 0.05, "prevalence": 0.05}} for tag, times in maps.items()
    }
    return {"overall": {"localization": {"per_tag": located}}}


def results(dice_2d, precision, scratch=0.1):
    cases = {"2d": {"a": {"liver": dice_2d, "heart": 0.6}}, "3d_fullres": {"a": {"liver": 0.9, "heart": 0.7}}}
    return Results(cases, {"a": {"liver": scratch}}, {}, document(precision))


def test_demands_are_named_when_missed():
    assert results(0.8, 2.5).shortfalls() == []
    low = results(0.2, 1.8).shortfalls()
    assert len(low) == 2
    assert "2d" in low[0]
    assert "1.8 times" in low[1]
    assert len(results(float("nan"), float("nan")).shortfalls()) == 2


def test_nothing_is_demanded_of_the_control():
    assert results(0.8, 2.5, scratch=0.0).shortfalls() == []


def test_the_terminal_gets_every_organ_and_the_means():
    text = describe(results(0.8, 2.5))
    assert text.count("liver") == 4
    assert "mean            2.50" in text
    assert "mean            0.80" in text
    assert "2d from scratch" in text
