from __future__ import annotations

from types import SimpleNamespace

from feroi.cli.videos import live_printer


def test_the_table_of_a_camera_begins_with_its_first_row(capsys):
    quality = SimpleNamespace(remark="too blurred to be read")
    face = SimpleNamespace(track=2, answer="happy", confidence=0.876, quality=quality)
    show = live_printer()
    show(SimpleNamespace(time_s=0.5, faces=[]))
    assert not capsys.readouterr().out  # an error may come before the first row
    show(SimpleNamespace(time_s=1.5, faces=[face, face]))
    show(SimpleNamespace(time_s=2.5, faces=[face]))
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["seconds", "person", "expression", "sure"]
    assert [row.split()[:5] for row in rows] == [
        [time, "2", "happy", "88", "%"] for time in ("1.5", "1.5", "2.5")
    ]
