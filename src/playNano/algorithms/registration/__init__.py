"""Registration of frames: shifts between them, and the drift of a movie."""
