from bench.photos import Photo, body, request

PHOTO = Photo("cat.jpg", b"\xff\xd8jpeg", 281)


def test_a_raw_request_announces_its_length():
    assert request(PHOTO, None, "/predict") == (
        b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: image/jpeg\r\nContent-Length: 6\r\n\r\n\xff\xd8jpeg"
    )


def test_a_form_has_the_photo_in_the_field_that_the_server_wants():
    form = body(PHOTO, "file")

    assert form.count(b'name="file"; filename="cat.jpg"\r\n') == 1
    assert b"\r\n\r\n\xff\xd8jpeg\r\n--" in form
    assert form.endswith(b"--\r\n")
