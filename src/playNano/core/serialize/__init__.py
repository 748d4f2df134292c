"""Serialize nested results to JSON and HDF5, and restore them with their types.

``values``: single values as JSON. ``hdf5``: nested values as HDF5 groups. ``record``: complete
records as JSON files, with large arrays in an HDF5 file next to them.
"""

from playNano.core.serialize.hdf5 import StoredFrames, read_tree, write_tree
from playNano.core.serialize.record import read_record_json, write_record_json
from playNano.core.serialize.values import RecordEncoder, json_safe

__all__ = [
    "RecordEncoder",
    "StoredFrames",
    "json_safe",
    "read_record_json",
    "read_tree",
    "write_record_json",
    "write_tree",
]
