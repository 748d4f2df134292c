"""Edits: steps that change frames, field of view, size of the pixels, or orientation of a movie."""
