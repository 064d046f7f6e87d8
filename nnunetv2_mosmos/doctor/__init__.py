"""What is broken in an installation, an environment, a bundle or a dataset, and how to mend it."""

from nnunetv2_mosmos.doctor.examination import examine
from nnunetv2_mosmos.doctor.finding import Finding

__all__ = ["Finding", "examine"]
