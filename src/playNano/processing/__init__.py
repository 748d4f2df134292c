"""Processing steps, and the pipeline that runs and records them."""
