"""Helpers for the results of an analysis: files, tables, plots."""
