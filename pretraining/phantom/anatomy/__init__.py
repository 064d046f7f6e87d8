"""The parametric body: what lies where, in patient millimetres (LPS, z = 0 at the first lumbar vertebra)."""
