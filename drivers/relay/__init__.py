"""One module per dialect, named after it; ``port`` is what they share."""
