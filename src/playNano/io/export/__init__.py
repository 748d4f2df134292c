"""Writers: bundles, tables, pictures and movies."""
