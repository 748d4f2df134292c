"""Shared code of the tracking modules: options, units of coordinates, and tables of tracks."""
