"""`python -m nnunetv2_mosmos.demo`: the whole path on synthetic patients, by the commands that a user would type."""
