"""Local maxima and matches to templates."""
