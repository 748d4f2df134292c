"""Comparison of conditions, with the movie as the unit of replication."""
