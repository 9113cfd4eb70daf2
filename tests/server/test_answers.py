"""What is answered to whole and to damaged requests, against readings made without the server."""

from __future__ import annotations

import base64
import gzip
import io
import sys
import threading

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from feroi.photo.detect import Face
from feroi.report.overlay import draw_overlay
from feroi.report.tables import COLUMNS, rows
from feroi.results import Refused
from feroi.server.answers import as_answer
from feroi.server.app import create_app
from feroi.server.limits import Limits
from feroi.vocabulary import EXPRESSIONS, REGIONS

PNG = {"Content-Type": "image/png"}
HUGE = Image.new("1", (1001, 1000))
PART = b"--x\r\nContent-Disposition: form-data; name=photos; filename=a\r\n\r\nno photo\r\n"
LISTS = {"likely"}  # a table has them in one cell


def _row(answer: dict) -> dict:
    """The only face of an answer as a row of a table."""
    (face,) = answer["faces"]
    row = {name: face[name] for name in COLUMNS if name in face and name not in LISTS}
    row |= {"status": answer["status"], "likely": "|".join(face["likely"]), **face["probabilities"]}
    row |= face["action_units"]
    return row | {f"roi_{name}": share for name, share in face["regions"].items()}


def test_a_reading_is_the_row_of_the_table(client, reader, face, encode):
    (photo,) = reader.read_many([face])
    (expected,) = rows(photo)
    answer = client.post("/v1/read", content=encode(face), headers=PNG)
    assert answer.status_code == 200
    assert _row(answer.json()) | {"file": "photo 0"} == expected
    assert (answer.json()["width"], answer.json()["height"]) == (220, 220)
    (found,) = answer.json()["faces"]
    assert set(found["probabilities"]) == set(EXPRESSIONS)
    assert set(found["regions"]) == set(REGIONS)
    assert found["coverage"] == photo.faces[0].coverage


def test_photos_are_turned_upright(client, face, encode):
    exif = Image.Exif()
    exif[0x0112] = 6  # stored lying on its left side
    lying = face.crop((0, 0, 220, 200)).rotate(90, expand=True)
    answer = client.post("/v1/read", content=encode(lying, "JPEG", exif=exif, quality=92)).json()
    assert (answer["width"], answer["height"], len(answer["faces"])) == (220, 200, 1)


def test_a_photo_without_a_face_is_an_answer(client, grey):
    answer = client.post("/v1/read", content=grey, headers=PNG)
    assert answer.status_code == 200
    assert answer.json() == {"status": "no face", "width": 40, "height": 30, "faces": [], "refused": []}


def test_faces_not_read_stand_beside_those_that_are(reader, face):
    (photo,) = reader.read_many([face])
    place = Face((1.0, 2.0, 31.0, 32.04), 0.25)
    refused = [Refused(place, "too small to be read", photo.faces[0].quality), Refused(place, "turned away")]
    told = as_answer(photo._replace(refused=refused)).model_dump()
    expected = rows(photo._replace(refused=refused))
    assert len(told["faces"]) == 1
    assert [row["status"] for row in told["refused"]] == ["too small to be read", "turned away"]
    for row, table in zip(told["refused"], expected[1:], strict=True):
        assert row == {name: table[name] for name in row}
        assert row["y1"] == 32.0


def test_the_overlay_is_the_picture_drawn_without_the_server(client, reader, face, encode):
    (photo,) = reader.read_many([face])
    answer = client.post("/v1/overlay", content=encode(face), headers=PNG)
    assert answer.headers["content-type"] == "image/png"
    assert np.array_equal(Image.open(io.BytesIO(answer.content)), draw_overlay(photo))


def test_the_report_is_one_page(client, reader, face, encode):
    (expected,) = reader.read(face)
    answer = client.post("/v1/report", content=encode(face), headers=PNG)
    assert answer.headers["content-type"].startswith("text/html")
    assert "1 face read" in answer.text
    assert expected.expression in answer.text
    assert "the model default" in answer.text
    assert "src=" in answer.text
    assert 'src="' not in answer.text.replace('src="data:', "")


def _damaged(face, encode) -> dict[str, tuple[bytes, int, str]]:
    jpeg = encode(face, "JPEG", quality=95)
    return {
        "nothing": (b"", 422, "empty file"),
        "text": (b"no picture", 415, "not a picture"),
        "half a JPEG": (jpeg[: len(jpeg) // 2], 422, "damaged picture"),
        "HEIC": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", 415, "convert it to JPEG"),
        "floats": (encode(Image.new("F", (9, 9)), "TIFF"), 422, "floating-point"),
        "a program for a printer": (
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
            415,
            "not a picture",
        ),
        "a pixel too many": (encode(HUGE), 413, "at most 1,000,000 are read"),
        "a byte too many": (bytes(300_001), 413, "at most 300,000 are received"),
    }


@pytest.mark.parametrize("path", ["read", "overlay", "report"])
def test_what_is_no_photo_says_why(client, face, encode, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    for name, (body, status, reason) in _damaged(face, encode).items():
        answer = client.post(f"/v1/{path}", content=body, headers=PNG)
        assert (answer.status_code, reason in answer.json()["detail"]) == (status, True), name


def test_a_body_of_another_type_is_not_received(client):
    answer = client.post("/v1/read", content="path=/etc/passwd", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert "--data-binary" in answer.json()["detail"]
    assert client.post("/v1/batch", content=b"", headers=PNG).status_code == 415


@pytest.mark.parametrize("path", ["read", "overlay", "report"])
@pytest.mark.parametrize("before", ["", "data:image/jpeg;base64,"])
def test_a_photo_in_a_form_or_in_json_is_the_photo(client, face, encode, path, before):
    jpeg = encode(face, "JPEG")
    alone = client.post(f"/v1/{path}", content=jpeg)
    for name in ("photo", "file", "image"):
        answer = client.post(f"/v1/{path}", files={name: ("a.jpg", jpeg)})
        assert (answer.status_code, answer.content) == (200, alone.content)
    answer = client.post(f"/v1/{path}", json={"photo": before + base64.b64encode(jpeg).decode()})
    assert (answer.status_code, answer.content) == (200, alone.content)


@pytest.mark.parametrize(
    "written",
    [
        lambda photo: base64.encodebytes(photo).decode(),
        lambda photo: base64.b64encode(photo).decode().rstrip("="),
        lambda photo: base64.urlsafe_b64encode(photo).decode(),
        lambda photo: "DATA:application/octet-stream;base64," + base64.b64encode(photo).decode(),
    ],
)
def test_base64_is_read_as_programs_write_it(client, face, encode, written):
    photo = encode(face, "JPEG") + b"\xfb\xff"  # in whose base64 the alphabets differ
    alone = client.post("/v1/read", content=photo)
    assert alone.status_code == 200
    answer = client.post("/v1/read", json={"photo": written(photo)})
    assert (answer.status_code, answer.content) == (200, alone.content)


def test_one_photo_that_is_no_base64_costs_no_other_of_its_batch(client, grey):
    texts = [base64.b64encode(grey).decode(), "no base64!", "https://example.org/a.jpg"]
    answer = client.post("/v1/batch", json={"photos": texts})
    assert answer.status_code == 200
    first, *others = [entry["status"] for entry in answer.json()]
    assert first == "no face"
    assert all(status.startswith("a photo in JSON is a text") for status in others)
    assert others[-1].endswith("URLs are not fetched")


@pytest.mark.parametrize("path", ["read", "batch"])
def test_a_compressed_body_is_refused_by_its_name(client, grey, path):
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = client.post(f"/v1/{path}", content=gzip.compress(b"{}"), headers=headers)
    assert answer.status_code == 415
    assert "encoded by 'gzip'; send it as it is" in answer.json()["detail"]
    assert answer.headers["accept-encoding"] == "identity"
    assert client.post("/v1/read", content=grey, headers={"Content-Encoding": "identity"}).status_code == 200


def test_a_batch_in_json_is_the_batch_of_a_form(client, face, grey, encode):
    photos = [encode(face, "JPEG"), grey, b""]
    texts = [base64.b64encode(photo).decode() for photo in photos]
    form = client.post(
        "/v1/batch", files=[("photos", (f"photo {at}", each)) for at, each in enumerate(photos)]
    )
    answer = client.post("/v1/batch", json={"photos": texts})
    assert (answer.status_code, answer.json()) == (200, form.json())


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"photo": "no base64!"}, "in base64"),
        ({"photo": 7}, "in base64"),
        ({"photo": "QUJD", "model": "other"}, "nothing else; got 'photo', 'model'"),
        ({"path": "/etc/passwd"}, "nothing else; got 'path'"),
        ([], "an object in braces"),
        ({}, "got nothing"),
    ],
)
def test_json_of_another_kind_says_what_is_expected(client, body, says):
    answer = client.post("/v1/read", json=body)
    assert (answer.status_code, says in answer.json()["detail"]) == (422, True)


def test_photos_in_forms_and_json_have_the_limits_of_others(client):
    large = bytes(300_001)
    for more in ({"files": {"photo": large}}, {"json": {"photo": base64.b64encode(large).decode()}}):
        assert client.post("/v1/read", **more).status_code == 413
    answer = client.post("/v1/batch", json={"photos": ["QUJD"] * 5})
    assert (answer.status_code, "1 to 4 photos" in answer.json()["detail"]) == (422, True)
    two = [("photo", b"a"), ("photo", b"b")]
    assert client.post("/v1/read", files=two).status_code == 422


def test_the_model_is_honoured_or_refused_and_no_parameter_passed_over(client, grey):
    assert client.post("/v1/read", params={"model": "default"}, content=grey).status_code == 200
    for params, says in (({"model": "ferplus"}, "reads with the model 'default', not 'ferplus'"),
                         ({"detector": "hog"}, "unknown parameter 'detector'")):  # fmt: skip
        for path in ("read", "overlay", "report", "batch"):
            answer = client.post(f"/v1/{path}", params=params, content=grey, headers=PNG)
            assert (answer.status_code, says in answer.json()["detail"]) == (422, True)
    assert client.get("/v1/health", params={"verbose": "1"}).status_code == 422
    answer = client.post("/v1/read", files={"photo": grey}, data={"model": "ferplus"})
    assert answer.status_code == 422


def test_head_answers_as_get_without_a_body(client):
    answer = client.head("/v1/health")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == client.get("/v1/health").headers["content-length"]
    for page in ("/docs", "/docs/oauth2-redirect", "/openapi.json", "/docs-assets/swagger-ui.css"):
        answer, got = client.head(page), client.get(page)
        assert (answer.status_code, answer.content) == (200, b""), page
        assert answer.headers["content-length"] == got.headers["content-length"]
    assert client.head("/v1/read").status_code == 405


def test_of_an_animation_the_first_picture_with_a_face_is_read(client, face, encode):
    blank = Image.new("RGB", face.size, "grey")
    animation = encode(blank, "WEBP", save_all=True, append_images=[face], lossless=True)
    answer = client.post("/v1/read", content=animation).json()
    assert [found["expression"] for found in answer["faces"]] == ["happy"]


def test_a_batch_has_an_entry_a_photo_in_order(client, face, grey, encode):
    jpeg = encode(face, "JPEG")
    files = [("b.jpg", jpeg), ("a.png", grey), ("b.jpg", jpeg[:900]), ("d", b"")]
    answer = client.post("/v1/batch", files=[("photos", file) for file in files])
    assert answer.status_code == 200
    entries = answer.json()
    assert [entry["file"] for entry in entries] == ["b.jpg", "a.png", "b.jpg", "d"]
    assert [entry["status"] for entry in entries[:2]] == ["ok", "no face"]
    assert entries[2]["status"].startswith("damaged picture")
    assert entries[3]["status"] == "empty file"
    assert entries[2]["width"] is None
    alone = client.post("/v1/read", content=jpeg).json()
    assert entries[0] == {**alone, "file": "b.jpg"}


def test_a_photo_too_large_is_an_entry_and_a_batch_too_large_is_none(client, grey):
    large = grey + bytes(300_000)
    entries = client.post("/v1/batch", files=[("photos", large), ("photos", grey)]).json()
    assert [entry["status"] for entry in entries] == ["too many bytes: at most 300,000 are read", "no face"]
    answer = client.post("/v1/batch", files=[("photos", large), ("photos", large)])
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("files", "data", "reason"),
    [
        ([("photos", b"")] * 5, None, "at most 4 files"),
        ([("picture", b"")], None, "a part is named 'picture'"),
        ([("photos", b"")], {"name": "me"}, "nothing else"),
    ],
)
def test_a_batch_holds_photos_alone(client, files, data, reason):
    answer = client.post("/v1/batch", files=files, data=data)
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x--"),
        ("multipart/form-data; boundary=x", b"no parts"),
        ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--\r\n"),
        ("multipart/form-data; boundary=x", b"--x--\r\n"),
        ("multipart/form-data; boundary=x", 2 * PART),
        ("multipart/form-data; boundary=x", 2 * PART + b"--x"),
    ],
)
def test_a_batch_in_pieces_is_refused(client, kind, body):
    answer = client.post("/v1/batch", content=body, headers={"Content-Type": kind})
    assert answer.status_code == 422, answer.text


def test_a_batch_ends_with_its_last_boundary(client):
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/batch", content=2 * PART + b"--x--", headers=kind)
    assert [entry["status"] for entry in answer.json()] == ["not a picture"] * 2


@pytest.mark.slow
def test_no_file_is_opened_or_written_for_a_request(reader, face, encode):
    """Whatever a client calls its photos; 2 MB would be spooled to disk by form parsers."""
    opened = []
    listening = threading.Event()

    def hook(event: str, arguments: tuple) -> None:
        if listening.is_set() and event in ("open", "tempfile.mkstemp", "subprocess.Popen", "os.listdir"):
            opened.append((event, str(arguments[0])))

    large = face.resize((900, 900))
    noise = np.random.default_rng(0).integers(0, 255, (900, 900, 3), dtype=np.uint8)
    photos = [encode(large, "TIFF", compression="tiff_lzw"), encode(Image.fromarray(noise), "BMP")]
    limits = Limits(pixels=1_000_000)
    with TestClient(create_app(reader, limits), "http://127.0.0.1") as roomy:
        roomy.post("/v1/read", content=encode(face))  # what is loaded once is loaded
        sys.addaudithook(hook)
        listening.set()
        names = ("/etc/passwd", "../x")
        files = [("photos", (name, it, "image/png")) for name, it in zip(names, photos, strict=True)]
        answer = roomy.post("/v1/batch", files=files)
        single = roomy.post("/v1/report", content=photos[0])
        listening.clear()
    assert [entry["status"] for entry in answer.json()] == ["ok", "no face"]
    assert [entry["file"] for entry in answer.json()] == ["/etc/passwd", "../x"]
    assert single.status_code == 200
    ours = ("photos.html", "photo.html")  # the package's own
    assert [what for what in opened if not what[1].endswith(ours)] == []


def test_health_tells_the_model_and_the_places(client):
    health = client.get("/v1/health").json()
    assert (health["status"], health["model"], health["taken"], health["places"]) == ("ok", "default", 0, 17)
    assert health["version"] == client.app.version


def test_the_documentation_needs_no_other_server(client):
    page = client.get("/docs").text
    assert "http://" not in page
    assert "https://" not in page
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f"/docs-assets/{asset}" in page
        assert len(client.get(f"/docs-assets/{asset}").content) > 100_000
    documented = client.get("/openapi.json").json()["paths"]["/v1/read"]["post"]["responses"]
    assert set(documented) == {"200", "400", "403", "408", "413", "415", "422", "503", "504"}
    assert "Retry-After" in documented["503"]["headers"]


def test_a_page_is_served_beside_the_paths(gate, grey, tmp_path):
    (tmp_path / "index.html").write_text("a page")
    gate.open.set()
    with TestClient(create_app(gate, page=tmp_path), "http://127.0.0.1") as client:
        assert client.get("/").text == "a page"
        assert client.get("/../index.html").text == "a page"
        assert client.get("/%2e%2e/%2e%2e/etc/passwd").status_code == 404
        assert client.post("/v1/read", content=grey).json()["status"] == "no face"


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"waiting": -1}, {"answer_seconds": 0.0}, {"pixels": 0}])
def test_limits_let_something_through(wrong):
    with pytest.raises(ValueError, match=f"the limit {next(iter(wrong))} is at least"):
        Limits(**wrong)
