"""k-means, x-means, DBSCAN and HDBSCAN in space and time, with scores and statistics."""
