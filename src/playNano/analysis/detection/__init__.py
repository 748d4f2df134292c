"""What the detection modules share."""
