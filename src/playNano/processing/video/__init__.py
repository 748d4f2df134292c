"""Steps in which the result of a frame depends on several frames."""
