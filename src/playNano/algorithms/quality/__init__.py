"""Quality control of frames: blank, saturated, torn, scarred, jumping and rough frames."""
