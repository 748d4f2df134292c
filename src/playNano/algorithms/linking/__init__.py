"""Detections linked to tracks: motion model, assignment, confidence, merge and split."""
