import random

import pytest

from pretraining.text.truncation import shorten

HISTORY = "HISTORY: Pain in the right flank for three weeks."
TECHNIQUE = "TECHNIQUE: Axial images of 5 mm after contrast."
COMPARISON = "COMPARISON: None available."
FINDINGS = "FINDINGS: The liver is normal. The spleen is enlarged. Both kidneys are unremarkable."
IMPRESSION = "IMPRESSION: Splenomegaly. No stones."
REPORT = "\n".join([HISTORY, TECHNIQUE, COMPARISON, "", FINDINGS, "", IMPRESSION])


def count_words(texts):
    return [len(text.split()) for text in texts]


def count_letters(texts):
    """Blanks between sentences count as well: together they are longer than each alone."""
    return [len(text) for text in texts]


@pytest.mark.parametrize(
    ("limit", "kept"),
    [
        (37, REPORT),
        (36, f"{HISTORY} {TECHNIQUE} {FINDINGS} {IMPRESSION}"),
        (33, f"{HISTORY} {FINDINGS} {IMPRESSION}"),
        (17, f"{FINDINGS} {IMPRESSION}"),
        (16, f"FINDINGS: The liver is normal. The spleen is enlarged. {IMPRESSION}"),
        (9, f"FINDINGS: The liver is normal. {IMPRESSION}"),
        (8, IMPRESSION),
        (3, "IMPRESSION: Splenomegaly."),
        (1, "IMPRESSION: Splenomegaly."),
    ],
)
def test_what_is_kept_of_a_report(limit, kept):
    assert count_words([REPORT]) == [37]
    assert shorten(REPORT, limit, count_words) == kept


def test_headers_on_lines_of_their_own_stay_with_their_section():
    report = "Technique\nAxial images.\n\nFindings\nNormal liver.\n\nImpression\nNo stones."
    assert shorten(report, 6, count_words) == "Findings\nNormal liver. Impression\nNo stones."


def test_headers_of_several_words_are_whole():
    report = "REASON FOR EXAM: pain.\nRIGHT KIDNEY: Surgically absent.\nIMPRESSION: No stones."
    assert shorten(report, 8, count_words) == "RIGHT KIDNEY: Surgically absent. IMPRESSION: No stones."


def test_a_report_without_capitals_is_shortened_too():
    report = "technique: axial images. findings: the liver is normal. impression: no stones."
    assert shorten(report, 4, count_words) == "impression: no stones."


def test_an_impression_that_stands_first_is_kept_and_stays_first():
    report = f"{IMPRESSION}\n{FINDINGS}\n{TECHNIQUE}"
    assert shorten(report, 9, count_words) == f"{IMPRESSION} FINDINGS: The liver is normal."


def test_a_report_without_headers_is_kept_from_its_start():
    assert shorten("The liver is normal. The spleen is large. No stones.", 9, count_words) == (
        "The liver is normal. The spleen is large."
    )


@pytest.mark.parametrize("count", [count_words, count_letters])
@pytest.mark.parametrize("seed", range(60))
def test_whatever_the_report_it_is_whole_sentences_in_order_within_the_limit(seed, count):
    draw = random.Random(seed)
    number = iter(range(1000))

    def sentences():
        return [f"Word{next(number)}{' long' * draw.randint(0, 6)}." for _ in range(draw.randint(1, 5))]

    others = draw.sample(["HISTORY", "TECHNIQUE", "COMPARISON", "FINDINGS", "EXAM"], draw.randint(0, 5))
    names = [*others, "IMPRESSION"]
    draw.shuffle(names)
    sections = {name: sentences() for name in names}
    report = "\n".join(f"{name}: {' '.join(spoken)}" for name, spoken in sections.items())
    whole = count([report])[0]
    impression = f"IMPRESSION: {' '.join(sections['IMPRESSION'])}"
    for limit in [*range(1, whole, max(1, whole // 12)), whole, whole + 1]:
        kept = shorten(report, limit, count)
        assert kept
        if limit >= whole:
            assert kept == report
            continue
        places = [report.index(word) for word in kept.split() if word.startswith("Word")]
        assert places == sorted(places)
        assert kept.endswith(".")
        fits = count([f"IMPRESSION: {sections['IMPRESSION'][0]}"])[0] <= limit
        assert count([kept])[0] <= limit if fits else kept == f"IMPRESSION: {sections['IMPRESSION'][0]}"
        if count([impression])[0] <= limit:
            assert impression in kept


@pytest.mark.parametrize("report", ["", "  \n ", "x" * 500, "FINDINGS:"])
def test_odd_reports_come_back(report):
    assert shorten(report, 4, count_letters) == report
