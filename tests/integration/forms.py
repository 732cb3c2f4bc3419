# SPDX-License-Identifier: MIT
"""Forms as browsers post them to a bucket."""


def form(fields, data=b"file content", filename="photo.png", after=""):
    boundary = "----WebKitFormBoundaryX1"
    body = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'.encode() +
                    (value if isinstance(value, bytes) else value.encode()) + b"\r\n" for name, value in (fields.items() if isinstance(fields, dict) else fields))
    if data is not None:
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{filename}"\r\n'
                 "Content-Type: application/octet-stream\r\n\r\n").encode() + data + b"\r\n"
    body += after.replace("BOUNDARY", boundary).encode() + f"--{boundary}--\r\n".encode()
    return body, {"content-type": f"multipart/form-data; boundary={boundary}"}


def post(server, fields, path="/bucket", extra=None, **options):
    body, headers = form(fields, **options)
    return server.request("POST", path, body, {**headers, **(extra or {})})
