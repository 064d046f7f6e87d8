"""Image files of every usual kind as clean arrays in one orientation."""
