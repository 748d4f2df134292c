"""Connected regions of foreground: labelling, separation, and the properties of each."""
