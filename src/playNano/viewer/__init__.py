"""Plugin of napari: look at movies and results, build pipelines with live previews, inspect and curate tracks.

napari finds it by the manifest ``napari.yaml``. Modules in this package import napari and Qt (through qtpy), which are
not installed with playNano itself: ``pip install "playNano[viewer]" "napari[pyqt6]"`` or ``"napari[pyside6]"``.
"""
