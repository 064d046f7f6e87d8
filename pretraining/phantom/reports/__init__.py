"""Reports of synthetic studies: what is said about an image, in which words, in which style."""
