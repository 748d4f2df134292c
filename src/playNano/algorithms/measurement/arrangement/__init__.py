"""Arrangement of molecules: pair correlation, nearest neighbours, and a test against a null model."""
