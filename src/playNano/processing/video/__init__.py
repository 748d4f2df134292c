"""Steps in which a frame's result depends on other frames too."""
