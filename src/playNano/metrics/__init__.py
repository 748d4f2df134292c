"""Scores of detections, links, tracks, identities and clusters against a known truth."""
