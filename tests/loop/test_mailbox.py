import threading

import pytest

from edge_bg.loop.mailbox import Closed, Latest


def test_the_newest_item_wins_and_the_drop_is_counted():
    box: Latest[int] = Latest()
    for item in (1, 2, 3):
        assert box.put(item)
    assert box.get() == 3
    assert box.dropped == 2


def test_nothing_in_time_is_none_not_an_error():
    assert Latest[int]().get(timeout=0.001) is None


def test_a_closed_box_gives_its_last_item_then_ends():
    box: Latest[int] = Latest()
    box.put(7)
    box.close()
    assert not box.put(8)
    assert list(box) == [7]
    with pytest.raises(Closed):
        box.get()


def test_the_writers_error_reaches_the_reader():
    box: Latest[int] = Latest()
    box.close(ValueError("camera on fire"))
    box.close(KeyError("second"))
    with pytest.raises(ValueError, match="on fire"):
        box.get()


def test_a_lossless_box_loses_nothing_however_slow_the_reader():
    box: Latest[int] = Latest(lossless=True)

    def write() -> None:
        for i in range(200):
            box.put(i)
        box.close()

    writer = threading.Thread(target=write)
    writer.start()
    assert list(box) == list(range(200))
    writer.join()
    assert box.dropped == 0


def test_closing_frees_a_writer_that_waits():
    box: Latest[int] = Latest(lossless=True)
    box.put(1)
    results: list[bool] = []
    writer = threading.Thread(target=lambda: results.append(box.put(2)))
    writer.start()
    box.close()
    writer.join(timeout=60)
    assert results == [False]
