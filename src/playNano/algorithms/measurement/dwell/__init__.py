"""Dwell times: when molecules leave and arrive, with edges, neighbours, missed detections and lost frames."""
