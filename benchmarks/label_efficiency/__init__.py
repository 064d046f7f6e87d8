"""How many labelled cases pretraining on reports saves: see `benchmarks.label_efficiency.__main__`."""
