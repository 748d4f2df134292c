"""What the clustering modules share."""
