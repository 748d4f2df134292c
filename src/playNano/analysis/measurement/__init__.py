"""What the modules of the kind "measurement" share."""
