"""Self-training that reports check: a trained network labels the images of reports, which say where to believe it."""
