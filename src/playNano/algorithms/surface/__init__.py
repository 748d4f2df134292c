"""The background of frames: level, noise and thresholds."""
