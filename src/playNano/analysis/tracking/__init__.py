"""What tracking modules share: options, units of coordinates, and the tables of tracks."""
