import pytest

from pretraining.studies.modalities import modality_code


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("X-ray", "XR"),
        ("CR", "XR"),
        ("dx", "XR"),
        ("MRI", "MR"),
        ("CT", "CT"),
        ("Computed Tomography", "CT"),
        ("Ultrasound", "US"),
        ("", ""),
        ("OCT", "OCT"),
    ],
)
def test_written_modalities(text, code):
    assert modality_code(text) == code
