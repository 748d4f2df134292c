"""Repair of frames: scars, rows shifted against each other, periodic stripes, trace and retrace."""
