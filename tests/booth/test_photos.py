"""Photos on a booth that runs: better than live, changed after the shot, kept as long as agreed, then really gone."""

from __future__ import annotations

import io
import time

import httpx
import numpy as np
import pytest
from PIL import Image

from edge_bg.booth import encode, files
from edge_bg.booth.files import CannotWrite
from edge_bg.booth.photo import Photo
from edge_bg.booth.photos import Photos
from edge_bg.booth.store import Store
from edge_bg.booth.template import Template
from edge_bg.booth.visit import Visit
from edge_bg.config.booth import Booth as BoothPart
from edge_bg.errors import ConfigError, DelegateError
from tests.booth.conftest import running
from tests.patience import no_descriptors, wait_for

CONSENT = "Your photo is kept for one day."


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("kept")
    booth = {
        "control": True, "pin": "2468", "times": {"countdown": 0.2, "result": 30.0},
        "storage": {"folder": str(folder / "photos"), "hours": 24, "consent": CONSENT},
    }  # fmt: skip
    with running(booth) as made:
        made.folder = folder / "photos"
        yield made


def opened(running, address):
    return Image.open(io.BytesIO(httpx.get(running.base + address).content))


def ready(client, photo):
    return wait_for(lambda: (got := client.get(f"/photos/{photo}").json())["state"] == "ready" and got, "the photo")


def test_it_is_there_at_once_and_then_better_with_its_papers(kept):
    client = kept.client()
    photo = client.post("/photos").json()["id"]
    assert client.get(f"/photos/{photo}.jpg").status_code == 200, "as it was seen, at once"
    urls = ready(client, photo)["urls"]
    picture = opened(kept, urls["jpeg"])
    assert picture.size == (320, 180) and b"compositeCapture" in picture.info["xmp"] and picture.info["icc_profile"]
    alone = opened(kept, urls["png"])
    assert alone.mode == "RGBA" and alone.info["icc_profile"]
    assert "compositeCapture" in alone.info["XML:com.adobe.xmp"]
    pixels = np.asarray(alone)
    share = (pixels[..., 3] > 200).mean()
    assert 0.02 < share < 0.7, "a person, and not the room"
    assert not pixels[pixels[..., 3] == 0][:, :3].any() or share, "what is clear holds no room"
    assert not (kept.folder.exists() and list(kept.folder.iterdir())), "nothing is written before somebody keeps it"


def test_the_background_is_changed_after_the_shot_without_the_network(kept):
    client = kept.client()
    photo = client.post("/photos").json()["id"]
    urls = ready(client, photo)["urls"]
    before = np.asarray(opened(kept, urls["jpeg"]).convert("RGB")).astype(int)
    alpha = np.asarray(opened(kept, urls["png"]))[..., 3]
    cutter = kept.booth.control.darkroom._cutter
    looks = cutter.segmenter.info["running"]
    assert client.patch(f"/photos/{photo}", json={"background": "color-ffffff"}).json()["background"] == "color-ffffff"
    after = np.asarray(opened(kept, urls["jpeg"]).convert("RGB")).astype(int)
    clear, solid = alpha == 0, alpha == 255
    assert np.percentile(after[clear], 1) > 240 and np.abs(after[solid] - before[solid]).mean() < 6
    assert cutter.segmenter.info["running"] == looks


@pytest.mark.parametrize(("error", "traced"), [(DelegateError("no delegate works"), False), (KeyError("x"), True)])
def test_a_photo_that_cannot_be_made_better_stays_as_it_was_seen(kept, monkeypatch, caplog, error, traced):
    """What may happen, such as a network for which there is no memory, is said in a line; a bug has its traceback."""

    def fails(photo: object) -> None:
        raise error

    monkeypatch.setattr(kept.booth.control.darkroom, "develop", fails)
    client = kept.client()
    photo = client.post("/photos").json()["id"]
    ready(client, photo)
    assert client.get(f"/photos/{photo}.jpg").status_code == 200
    said = [each for each in caplog.records if "stays as it was seen" in each.message]
    assert len(said) == 1 and bool(said[0].exc_info) == traced


def test_a_guest_agrees_first_and_what_was_kept_can_be_erased(kept):
    client = kept.client()
    step = lambda action: client.post("/flow", json={"action": action}).json()  # noqa: E731
    step("start")
    assert client.get("/state").json()["consent"] == {"needed": True, "text": CONSENT}
    assert step("shutter")["state"] == "consent"
    assert step("consent")["state"] == "counting"
    wait_for(lambda: client.get("/state").json()["flow"]["state"] == "approval")
    photo = client.get("/state").json()["flow"]["photo"]
    assert step("keep")["state"] == "result"
    told = client.get(f"/photos/{photo}").json()
    assert told["kept"] and told["expires"] == pytest.approx(time.time() + 86400, abs=60)
    folder = kept.folder / photo
    assert (folder / "photo.jpg").is_file() and not list(kept.folder.glob(".part*"))
    ready(client, photo)
    wait_for((folder / "cutout.png").is_file)
    assert photo in [each["id"] for each in kept.operator().get("/photos").json()]
    answer = client.get(f"/photos/{photo}/qr.svg")
    assert answer.status_code == 404 and "listens on this machine only" in answer.json()["error"], "no phone gets there"
    assert "qr" not in client.get(f"/photos/{photo}").json()["urls"], "and no page asks for it"
    assert client.delete(f"/photos/{photo}").status_code == 204
    assert not folder.exists() and client.get(f"/photos/{photo}").status_code == 404
    assert step("abort")["state"] == "attract" and client.get("/state").json()["consent"]["needed"]


def test_a_phone_without_a_token_sees_the_photo_and_nothing_else():
    http = {"kind": "http", "host": "0.0.0.0", "port": 0, "token": "let-me-in"}
    with running({"control": True, "pin": "2468"}, sinks=[http]) as made:
        inside = made.client(Authorization="Bearer let-me-in")
        photo = inside.post("/photos").json()["id"]
        phone = made.client()
        assert phone.get(f"/photos/{photo}.jpg").status_code == 200
        code = inside.get(f"/photos/{photo}/qr.svg", headers={"Host": "booth.example:8080"})
        assert code.status_code == 200 and code.text.startswith("<svg")
        seen = inside.get(f"/photos/{photo}", headers={"Host": "booth.example:8080"}).json()
        assert seen["urls"]["qr"] == f"/api/v1/photos/{photo}/qr.svg"
        assert phone.get("/state").status_code == 401 and phone.delete(f"/photos/{photo}").status_code == 401
        assert httpx.get(f"{made.base}/snapshot.jpg").status_code == 401
        assert httpx.get(f"{made.base}/snapshot.jpg", auth=("anyone", "let-me-in")).status_code == 200


def test_retention_really_erases(tmp_path):
    store = Store(tmp_path)
    old, new, lost = "o" * 22, "n" * 22, "l" * 22
    store.put(old, {"photo.jpg": b"1"}, {"expires": 100.0})
    store.put(new, {"photo.jpg": b"2"}, {"expires": 200.0})
    store.put(lost, {"photo.jpg": b"3"}, {})
    (tmp_path / ".part-ab12").mkdir()
    assert sorted(store.tidy(150.0)) == sorted([old, lost])
    assert [path.name for path in tmp_path.iterdir() if not path.name.startswith(".")] == [new]
    Store(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [new], "what a crash left is swept at the start"


def test_what_cannot_be_read_just_now_is_not_taken_for_expired(tmp_path):
    """A booth that was out of descriptors would have erased all its photos: their notes could not be read."""
    store, name = Store(tmp_path), "n" * 22
    store.put(name, {"photo.jpg": b"2"}, {"expires": 200.0})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "names", lambda: [name])  # listed before the last descriptor went
        with no_descriptors():
            assert store.tidy(150.0) == []
    assert store.file(name, "photo.jpg") == b"2" and store.tidy(250.0) == [name]


def test_who_writes_a_list_anew_knows_whether_it_could_be_read(tmp_path):
    path = tmp_path / "list.json"
    assert files.read_json(path) == {}, "there is none"
    files.put_json(path, {"order": ["a"]})
    with no_descriptors(), pytest.raises(files.CannotRead, match="Too many open files"):
        files.read_json(path)
    with no_descriptors():
        assert files.get_json(path) == {}
    assert files.read_json(path) == {"order": ["a"]}


def test_the_next_photo_is_made_better_after_one_that_could_not_be_written(kept, monkeypatch):
    client = kept.client()
    control = kept.booth.control

    def full(*_: object) -> None:
        raise CannotWrite("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Photos, "_developed", full)
        control.taken._better(Photo("x" * 22, 0.0))
        wait_for(control.taken._work.empty, "the one that fails")
    ready(client, client.post("/photos").json()["id"])
    assert control.taken._thread.is_alive()


def test_a_countdown_ends_though_no_shot_could_be_taken(caplog):
    """As when the system has no thread left: the clock of the visits goes on, and says that the shot failed."""

    class Photos:
        shots = 1

        def shoot(self, done: object, of: object) -> str:
            raise RuntimeError("can't start new thread")

    visit = Visit(BoothPart(control=True, times={"countdown": 0.05}), Photos())
    try:
        visit.step("start", "screen")
        visit.step("shutter", "screen")
        wait_for(lambda: visit.flow()["failed"], "the failure")
        assert visit.flow()["state"] != "capture" and visit._thread.is_alive()
        assert "can't start new thread" in caplog.text
    finally:
        visit.close()


def test_only_so_many_are_kept(tmp_path):
    store = Store(tmp_path, most=2)
    for name in "abc":
        store.put(name * 22, {"photo.jpg": b"x"}, {"expires": 1e12})
        time.sleep(0.02)
    assert store.names() == ["c" * 22, "b" * 22]


@pytest.mark.parametrize("name", ["../../etc", "x", "a" * 23, "a/" + "b" * 20])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    with pytest.raises(Exception, match="no photo's name"):
        Store(tmp_path / "photos").put(name, {}, {})


def test_without_a_mask_there_is_no_photo_of_the_room():
    with running({"control": True}) as made:
        made.booth.control.recent.close(True)  # as when no cut-out has come
        answer = made.client().post("/photos")
        assert answer.status_code == 409 and "nobody can be told from the room" in answer.json()["error"]


# --- templates -----------------------------------------------------------------------------------------------


def plain(rgb):
    return np.full((90, 160, 3), rgb, np.uint8)


def test_a_strip_puts_each_shot_in_its_slot():
    slots = [[0.1, 0.1, 0.8, 0.3], [0.1, 0.6, 0.8, 0.3]]
    strip = Template(kind="strip", shots=2, size=(200, 400), color="#ff0000", slots=slots)
    sheet = np.asarray(Image.open(io.BytesIO(strip.files([plain((0, 255, 0)), plain((0, 0, 255))], [])["photo.jpg"])))
    for at, rgb in (((10, 10), (255, 0, 0)), ((100, 100), (0, 255, 0)), ((300, 100), (0, 0, 255))):
        assert np.abs(sheet[at].astype(int) - rgb).max() < 12


def test_a_boomerang_goes_forth_and_back():
    shots = [plain((n, n, n)) for n in (0, 80, 160, 240)]
    made = Template(kind="boomerang", shots=4).files(shots[-1:], shots)
    gif = Image.open(io.BytesIO(made["photo.gif"]))
    seen = []
    for number in range(gif.n_frames):
        gif.seek(number)
        seen.append(int(np.asarray(gif.convert("L")).mean() / 80 + 0.5))
    assert seen == [0, 1, 2, 3, 2, 1]


def test_a_template_that_will_not_do_says_so(tmp_path):
    from edge_bg.booth.template import read_template

    (tmp_path / "template.yaml").write_text("kind: strip\nshots: 3\n")
    with pytest.raises(ConfigError, match="without slots"):
        read_template(tmp_path / "template.yaml")
    assert read_template(tmp_path / "absent.yaml").shots == 1


def test_an_upload_is_not_called_a_composite():
    assert b"compositeCapture" not in encode.jpeg(plain((1, 2, 3)), composite=False)
