#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A reader of a cluster whose row named bytes that another server removed meanwhile looks its key up once more: it answers with what there is now, and never
500. The first look-up is made an old one by a view in the place of the table of objects."""
import os
import tempfile

from cluster_database import DATABASE, psql
from sluicetest import Server, check, done, equal, error_code, poll, scratch


def serve():
    return Server(data=data, args=["--cluster", DATABASE, "--reclaim-delay", "1"])


psql("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
data = tempfile.mkdtemp(prefix="shared-", dir=scratch())
server = serve()
equal(server.request("PUT", "/bucket")[0], 200, "a bucket")
bodies = {name: os.urandom(size) for name, size in (("large", 100000), ("small", 1000))}
names = [f"{name}-{fate}" for name in bodies for fate in ("replaced", "deleted", "damaged", "private")]
for name in names:
    equal(server.request("PUT", f"/bucket/{name}", body=bodies[name.split("-")[0]])[0], 200, f"PUT {name}")
equal(server.request("PUT", "/bucket/pieces-replaced", body=b"one", headers={"x-amz-write-offset-bytes": "0"})[0], 200, "an object")
equal(server.request("PUT", "/bucket/pieces-replaced", body=b"two", headers={"x-amz-write-offset-bytes": "3"})[0], 200, "of two pieces")
psql("CREATE TABLE object_stale AS SELECT * FROM object")
for name in [*names, "pieces-replaced"]:
    if name.endswith("replaced"):
        equal(server.request("PUT", f"/bucket/{name}", body=b"what there is now")[0], 200, f"{name} is overwritten")
    elif name.endswith("deleted"):
        equal(server.request("DELETE", f"/bucket/{name}")[0], 204, f"{name} is deleted")
check(poll(lambda: psql("SELECT count(*) FROM garbage") == "0", 60), "their bytes are removed")
files = [os.path.join(folder, name) for folder, _, found in os.walk(os.path.join(data, "blobs")) for name in found if len(name) == 16]
check(server.stop(), "the server ends")
psql("""ALTER TABLE object RENAME TO object_real; CREATE SEQUENCE looks;
CREATE FUNCTION object_rows() RETURNS SETOF object_real LANGUAGE plpgsql VOLATILE AS
$$ BEGIN IF nextval('looks') % 2 = 1 THEN RETURN QUERY SELECT * FROM object_stale; ELSE RETURN QUERY SELECT * FROM object_real; END IF; END $$;
CREATE VIEW object AS SELECT * FROM object_rows()""")
server = serve()


def get(name, **headers):
    """The first look-up of the request is the old one."""
    psql("ALTER SEQUENCE looks RESTART")
    status, _, body = server.request("GET", f"/bucket/{name}", headers=headers)
    return status, body, int(psql("SELECT last_value FROM looks"))


for kind in ("large", "small", "pieces"):
    equal(get(f"{kind}-replaced"), (200, b"what there is now", 2), f"{kind}: replaced meanwhile: the new one, looked up twice")
    equal(get(f"{kind}-replaced", Range="bytes=5-9"), (206, b"there", 2), "and a range of it")
for kind in ("large", "small"):
    status, body, looks = get(f"{kind}-deleted")
    equal((status, error_code(body), looks), (404, "NoSuchKey", 2), f"{kind}: deleted meanwhile")
check("cannot be opened" not in server.log_text() and "damage" not in server.log_text(), "nobody is told of damage", server.log_text()[-600:])
equal(get("large-private"), (200, bodies["large"], 1), "what is there is looked up once")

# ---- A row that still names what is gone is no old row ----
for path in files:
    os.rename(path, path + ".away")
psql("DELETE FROM body")
status, body, looks = get("large-damaged")
equal((status, error_code(body), looks), (500, "InternalError", 1), "a file that is missing is damage")
check("cannot be opened" in server.log_text(), "which is told", server.log_text()[-600:])
status, body, looks = get("small-damaged")
equal((status, error_code(body), looks), (500, "InternalError", 1), "as is a row")
server.stop()
done()
