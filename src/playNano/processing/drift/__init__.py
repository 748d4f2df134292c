"""Estimate the drift of a movie, frame by frame, from images, tracks or landmarks."""
