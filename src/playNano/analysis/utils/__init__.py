"""Helpers for what comes after an analysis: files, tables, plots."""
