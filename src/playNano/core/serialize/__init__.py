"""The one serializer: nested results to JSON and HDF5, and back with their types.

``values``: single values as JSON. ``hdf5``: trees of any depth as HDF5 groups. ``record``: whole
records as JSON files, with large arrays beside them.
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
