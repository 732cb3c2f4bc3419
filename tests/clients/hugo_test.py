#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""hugo deploy brings a site into a bucket: only what changed, by the digests that a listing shows, and away what the site no longer has."""
import gzip
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from sluicetest import ACCESS, SECRET, Server, check, done, equal, have, ok, pattern_file, run, s3_client, scratch, skip


def main():
    if not have("hugo"):
        skip("hugo", "it is not installed")
        done()
    environment = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": "us-east-1", "HOME": scratch()}
    status, output = run(["hugo", "deploy", "--help"], environment)
    if status != 0 or "Cloud" not in output:
        skip("hugo", "it is built without deploy")
        done()
    server = Server(keys=True)
    client = s3_client(server)
    client.create_bucket(Bucket="site")
    site, public = scratch("site"), scratch("site/public")
    os.makedirs(os.path.join(public, "post"))
    with open(os.path.join(site, "config.toml"), "w") as out:
        out.write('baseURL = "http://localhost/"\n[deployment]\n[[deployment.targets]]\nname = "here"\n'
                  f'URL = "s3://site?endpoint={server.url}&s3ForcePathStyle=true&region=us-east-1&disableSSL={"false" if server.context else "true"}"\n'
                  '[[deployment.matchers]]\npattern = "^.+\\\\.css$"\ncacheControl = "max-age=600"\ngzip = true\n')
    pages = {"index.html": b"<p>index</p>", "post/one plus+.html": b"<p>one</p>", "post/zw\xc3\xb6lf.html".encode("latin1").decode(): b"<p>twelve</p>",
             "style.css": b"p { color: green }" * 50}
    with open(pattern_file("picture", 6 << 20), "rb") as file:
        pages["picture.jpg"] = file.read()

    def write(names):
        for name in names:
            with open(os.path.join(public, name), "wb") as out:
                out.write(pages[name])

    def deploy():
        return run(["hugo", "deploy", "--source", site, "--maxDeletes", "-1"], environment, timeout=60)

    def published_is(name):
        listed = client.list_objects_v2(Bucket="site")["Contents"]
        equal({entry["Key"] for entry in listed}, set(pages), f"{name}: those keys")
        for key, body in pages.items():
            answer = client.get_object(Bucket="site", Key=key)
            got = answer["Body"].read()
            check((gzip.decompress(got) if key == "style.css" else got) == body, f"{name}: {key}")

    write(pages)
    ok("hugo deploys a site", deploy())
    published_is("at first")
    style = client.head_object(Bucket="site", Key="style.css")
    equal((style["CacheControl"], style["ContentEncoding"], style["ContentType"].split(";")[0]), ("max-age=600", "gzip", "text/css"), "with the headers that it was told")
    ok("hugo sees that nothing changed", deploy(), "No changes required")
    before = client.head_object(Bucket="site", Key="picture.jpg")["LastModified"]
    pages["index.html"] = b"<p>changed</p>"
    del pages["post/one plus+.html"]
    os.remove(os.path.join(public, "post/one plus+.html"))
    write(["index.html"])
    ok("hugo deploys a change", deploy())
    published_is("changed")
    equal(client.head_object(Bucket="site", Key="picture.jpg")["LastModified"], before, "what did not change was not sent again")
    done()


main()
