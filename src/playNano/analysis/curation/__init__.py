"""Curation of tracks: edits by hand, undone and redone exactly, kept in the record and applied again."""
