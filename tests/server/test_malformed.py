"""Requests made up by machines: from the server's own OpenAPI, and damaged photos and batches."""

from __future__ import annotations

import io

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from schemathesis.specs.openapi.checks import positive_data_acceptance

from feroi.results import Photo
from feroi.server.access import Access
from feroi.server.app import create_app
from feroi.server.limits import Limits

TOKEN = "correct-horse-battery"
BOUNDED = settings(max_examples=30, deadline=None, derandomize=True, database=None)
WITH_FIXTURES = settings(BOUNDED, suppress_health_check=[HealthCheck.function_scoped_fixture])
PIECES = [
    *(b"--x", b"--", b"\r\n", b"\r", b"\n", b":", b'"', b"\0", b"photos", b"a", b"; name=photos"),
    *(b'; filename="', b"Content-Disposition: form-data", b"Content-Type: image/png"),
]
PROBLEMS = {413, 415, 422}


class Faceless:
    """A reader that finds no face."""

    name = "faceless"

    def read_many(self, photos):
        for pixels in photos:
            yield Photo("", "no face", pixels, [], [])


def _app():
    return create_app(Faceless(), Limits(pixels=10_000), access=Access(TOKEN, ("*",)))


SCHEMA = schemathesis.openapi.from_asgi("/openapi.json", _app())


@pytest.fixture(scope="module")
def client():
    client = TestClient(_app(), "http://127.0.0.1", headers={"Authorization": f"Bearer {TOKEN}"})
    with client:
        yield client


@pytest.fixture(scope="module")
def photos(encode):
    """A small picture in each format that is decoded."""
    picture = Image.radial_gradient("L").resize((32, 24)).convert("RGB")
    return [encode(picture, kind) for kind in ("JPEG", "PNG", "GIF", "WEBP", "AVIF", "TIFF", "BMP", "PPM")]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Skipped test cases")  # of types schemathesis has no pictures of
@SCHEMA.parametrize()
@BOUNDED
def test_every_answer_is_documented(case):
    """Made-up bodies fit the schema, which takes any bytes, and are no photos all the same."""
    case.call_and_validate(
        headers={"Authorization": f"Bearer {TOKEN}"}, excluded_checks=[positive_data_acceptance]
    )


@WITH_FIXTURES
@given(body=st.binary(max_size=300))
def test_any_bytes_have_an_answer(client, body):
    assert client.post("/v1/read", content=body).status_code in PROBLEMS


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@settings(WITH_FIXTURES, max_examples=300)
@given(data=st.data())
def test_a_damaged_photo_has_an_answer(client, photos, data):
    body = bytearray(data.draw(st.sampled_from(photos)))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, min(len(body) - 1, 600)))] = data.draw(st.integers(0, 255))
    del body[data.draw(st.integers(1, len(body))) :]
    answer = client.post("/v1/overlay", content=bytes(body))
    assert answer.status_code in {200, *PROBLEMS}
    if answer.status_code == 200:
        Image.open(io.BytesIO(answer.content)).load()


@WITH_FIXTURES
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=40))
def test_a_batch_of_any_pieces_has_an_answer(client, pieces):
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.post("/v1/batch", content=b"--x\r\n" + b"".join(pieces), headers=kind)
    assert answer.status_code in {200, *PROBLEMS}


@WITH_FIXTURES
@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_any_name_is_given_back_on_one_line(client, photos, name):
    (entry,) = client.post("/v1/batch", files=[("photos", (name, photos[0]))]).json()
    assert entry["status"] == "no face"
    assert len(entry["file"]) <= 255
    assert len(entry["file"].splitlines()) <= 1
