"""What the tracking modules share."""
