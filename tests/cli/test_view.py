"""`playnano view` where the viewer is not installed, or is."""

import importlib.util

import pytest

from playNano.cli import view_command
from playNano.cli.app import run


def found(*names):
    return lambda name: importlib.util.find_spec("json") if name in names else None


@pytest.mark.parametrize(
    ("installed", "said"),
    [((), "napari, which is not installed"), (("napari",), "napari needs one of PyQt6")],
)
def test_what_to_install_is_said(installed, said, monkeypatch, capsys):
    monkeypatch.setattr(view_command, "find_spec", found(*installed))
    with pytest.raises(SystemExit) as stopped:
        run(["view", "movie.asd"])
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert said in message
    assert 'pip install "playNano[viewer]" "napari[pyqt6]"' in message


def test_options_reach_the_viewer(monkeypatch):
    class Napari:
        ran = 0

        def run(self):
            self.ran += 1

    napari, started = Napari(), []
    monkeypatch.setattr(view_command, "check_viewer", lambda: napari)
    monkeypatch.setattr(view_command, "start_viewer", lambda *given: started.append(given))
    with pytest.raises(SystemExit):
        run(["view", "movie.npy", "--pixel-size-nm", "2", "--channel", "TP", "--read", "unit=nm"])
    ((path, options),) = started
    assert (path.name, options.pixel_size_nm, options.channel) == ("movie.npy", 2.0, "TP")
    assert options.reader_options == ("unit=nm",)
    assert napari.ran == 1
