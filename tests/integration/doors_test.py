#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Caches of build tools at /-/cache/NAME/: what each kind answers to requests as its client sends them, what is refused, and that what a
door keeps is written through it alone."""
import json

from sluicetest import SLUICE, Server, check, done, equal, error_code, fresh, run

CACHES = ["nx bucket=nxs", "turbo bucket=cis prefix=turbo/", "gradle bucket=cis prefix=gradle/", "ccache bucket=cis prefix=cc/",
          "go bucket=go-cache", "http name=maven bucket=mvn write-once"]
args = [word for cache in CACHES for word in ("--cache", cache)]
server = Server(args=args)


def ask(method, path, body=None, headers=None):
    return server.request(method, f"/-/cache/{path}", body, headers)


def status(method, path, body=None, headers=None):
    return ask(method, path, body, headers)[0]


# ---- Nx ----
equal(status("GET", "nx/v1/cache/0123abc"), 404, "nx: a miss")
equal(status("HEAD", "nx/v1/cache/0123abc"), 404, "nx: and by HEAD")
equal(status("PUT", "nx/v1/cache/0123abc", b"first"), 200, "nx: an entry is stored")
equal(status("PUT", "nx/v1/cache/0123abc", b"second" * 100_000), 409, "nx: what is there stays, and its client hears so")
answer = ask("GET", "nx/v1/cache/0123abc")
equal((answer[0], answer[2]), (200, b"first"), "nx: a hit")
equal(status("GET", "nx/v1/cache/a/b"), 404, "nx: a path is no hash")
equal(status("GET", "nx/v2/cache/0123abc"), 404, "nx: another version of its API is not there")
equal(status("DELETE", "nx/v1/cache/0123abc"), 405, "nx: nothing is deleted")
equal(status("PUT", "nx/v1/cache/..", b"x"), 404, "nx: dots are no hash")

# ---- Turborepo ----
answer = ask("GET", "turbo/v8/artifacts/status?slug=web")
equal((answer[0], json.loads(answer[2])), (200, {"status": "enabled"}), "turbo: it is enabled")
equal(status("GET", "turbo/v8/artifacts/00ff00ff00ff00ff?slug=web"), 404, "turbo: a miss")
headers = {"Content-Type": "application/octet-stream", "x-artifact-duration": "1234", "x-artifact-tag": "c2lnbmF0dXJl/+=", "x-artifact-sha": "1"}
equal(status("PUT", "turbo/v8/artifacts/00ff00ff00ff00ff?slug=web", b"artifact", headers), 200, "turbo: an artifact is stored")
answer = ask("GET", "turbo/v8/artifacts/00ff00ff00ff00ff?slug=web")
equal((answer[0], answer[2], answer[1]["x-artifact-duration"], answer[1]["x-artifact-tag"]), (200, b"artifact", "1234", "c2lnbmF0dXJl/+="),
      "turbo: and comes back with its tag and duration")
answer = ask("HEAD", "turbo/v8/artifacts/00ff00ff00ff00ff?slug=web")
equal((answer[0], answer[1]["x-artifact-tag"]), (200, "c2lnbmF0dXJl/+="), "turbo: by HEAD, too")
equal(status("GET", "turbo/v8/artifacts/00ff00ff00ff00ff?slug=docs"), 404, "turbo: another team's are others")
equal(status("GET", "turbo/v8/artifacts/00ff00ff00ff00ff?slug=../web"), 400, "turbo: a team is no path")
answer = ask("POST", "turbo/v8/artifacts/events?slug=web", b'[{"event":"HIT","hash":"00ff00ff00ff00ff"}]', {"Content-Type": "application/json"})
equal((answer[0], answer[2]), (200, b"{}"), "turbo: events are taken")
answer = ask("OPTIONS", "turbo/v8/artifacts/00ff00ff00ff00ff", None, {"Access-Control-Request-Method": "GET",
                                                                       "Access-Control-Request-Headers": "Authorization"})
check(answer[0] == 200 and "Authorization" in answer[1]["access-control-allow-headers"], "turbo: a preflight lets the token be sent", repr(answer[:2]))
equal(status("DELETE", "turbo/v8/artifacts/00ff00ff00ff00ff"), 405, "turbo: nothing is deleted")

# ---- Gradle, ccache, and whatever takes a URL ----
TYPE = {"Content-Type": "application/vnd.gradle.build-cache-artifact.v2"}
equal(status("GET", "gradle/0123456789abcdef0123456789abcdef"), 404, "gradle: a miss")
equal(status("PUT", "gradle/0123456789abcdef0123456789abcdef", b"g" * 100_000, TYPE), 200, "gradle: an entry is stored")
equal(ask("GET", "gradle/0123456789abcdef0123456789abcdef")[2], b"g" * 100_000, "gradle: a hit")
equal(status("PUT", "gradle/a/b", b"x"), 404, "gradle: an entry has no folders")
equal(status("PUT", "ccache/f3/f1b6", b"object"), 200, "ccache: an entry is stored")
equal(ask("GET", "ccache/f3/f1b6")[2], b"object", "ccache: a hit")
equal(status("PUT", "ccache/f3/f1b6", b"newer"), 200, "ccache: it is replaced")
equal(status("DELETE", "ccache/f3/f1b6"), 204, "ccache: it is removed")
equal(status("GET", "ccache/f3/f1b6"), 404, "ccache: and gone")
equal([status("PUT", f"ccache/{path}", b"x") for path in ("a//b", "../x", "a/./b", "a/", "a/%2e%2e/b")], [404] * 5, "ccache: paths that get rewritten are none")
equal(status("PUT", "maven/org/a/1/a-1.jar", b"jar"), 200, "http: a file is stored")
equal(status("PUT", "maven/org/a/1/a-1.jar", b"other"), 200, "http: once; the second is dropped without a word")
equal(ask("GET", "maven/org/a/1/a-1.jar")[2], b"jar", "http: so the first is there")
equal(status("GET", "maven/org/a/1/a-1.jar", None, {"Range": "bytes=1-"}), 206, "http: by ranges, too")

# ---- Go ----
ACTION, OUTPUT = "ab" * 32, "cd" * 32
WANTS = {"Want-Object": "1", "Accept-Encoding": "lz4"}
equal(status("GET", f"go/action/{ACTION}", None, WANTS), 404, "go: a miss")
equal(status("PUT", f"go/{ACTION}/{OUTPUT}", b"output"), 204, "go: an output is stored")
answer = ask("GET", f"go/action/{ACTION}", None, WANTS)
equal((answer[0], answer[2], answer[1]["go-output-id"], answer[1]["content-type"]), (200, b"output", OUTPUT, "application/octet-stream"), "go: a hit")
equal(status("PUT", f"go/{ACTION}/{OUTPUT}"), 204, "go: an empty output is one, too")
equal(ask("GET", f"go/action/{ACTION}", None, WANTS)[2], b"", "go: which comes back")
equal([status("GET", f"go/action/{ACTION}"), status("GET", f"go/output/{OUTPUT}"), status("PUT", "go/x"), status("PUT", "go/../x")], [404] * 4,
      "go: there is nothing else")

# ---- What is no door's ----
equal(status("GET", "none/x"), 404, "there is no door of another name")
equal(status("GET", ""), 404, "nor without one")
for headers in ({"x-amz-copy-source": "/cis/gradle/0123456789abcdef0123456789abcdef"}, {"x-amz-acl": "public-read"}, {"x-amz-tagging": "a=b"},
                {"x-amz-meta-artifact-tag": "forged"}):
    equal(status("PUT", "ccache/aa/bb", b"", headers), 400, f"{next(iter(headers))} means nothing at a door")
equal(status("GET", "ccache/aa/bb"), 404, "and nothing was made")

# ---- What a door keeps ----
equal(server.request("PUT", "/cis/elsewhere", b"x")[0], 200, "a bucket has room beside its doors")
refused = [server.request("PUT", "/cis/gradle/ff", b"x"), server.request("PUT", "/cis/gradle/ff", headers={"x-amz-copy-source": "/cis/elsewhere"}),
           server.request("POST", "/cis/gradle/ff?uploads"), server.request("PUT", "/cis/gradle/ff?renameObject", headers={"x-amz-rename-source": "/cis/elsewhere"}),
           server.request("PUT", "/cis/gradle/0123456789abcdef0123456789abcdef?tagging", b"<Tagging><TagSet/></Tagging>")]
equal([(answer[0], error_code(answer[2])) for answer in refused], [(403, "AccessDenied")] * len(refused), "what a door keeps is not written by S3")
form = b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\ngradle/ff\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nx\r\n--b--\r\n'
answer = server.request("POST", "/cis", form, {"Content-Type": "multipart/form-data; boundary=b"})
equal((answer[0], error_code(answer[2])), (403, "AccessDenied"), "nor by a form")
equal(server.request("GET", "/cis/gradle/0123456789abcdef0123456789abcdef")[2], b"g" * 100_000, "it is read by S3")
equal(server.request("DELETE", "/cis/gradle/0123456789abcdef0123456789abcdef")[0], 204, "and removed")
equal(status("GET", "gradle/0123456789abcdef0123456789abcdef"), 404, "which is a miss at the door")
check(server.stop(), "the server ends with status 0")

# ---- Doors of cache buckets ----
server = Server(args=["--cache-bucket", "kept write-once max-object=1M", "--cache", "gradle bucket=kept prefix=g/", "--cache", "nx bucket=kept prefix=n/",
                      "--cache", "turbo bucket=kept prefix=t/"])
equal([status("PUT", "gradle/ff", body) for body in (b"first", b"second")], [200, 200], "a bucket that takes each key once: gradle hears that it is stored")
equal(ask("GET", "gradle/ff")[2], b"first", "and the first stays")
equal([status("PUT", "turbo/v8/artifacts/ff", body) for body in (b"first", b"second")], [200, 200], "turbo, too")
equal([status("PUT", "nx/v1/cache/ff", body) for body in (b"first", b"second")], [200, 409], "nx hears that there is one")
large = b"x" * ((1 << 20) + 1)
equal((status("PUT", "gradle/large", large), status("PUT", "nx/v1/cache/large", large)), (413, 403), "what is too large fails no build")
equal((status("GET", "gradle/large"), status("GET", "nx/v1/cache/large")), (404, 404), "and is not there")
check(server.stop(), "that server ends with status 0")

# ---- Strangers ----
server = Server(keys=True, args=["--cache", "nx bucket=nxs", "--cache", "turbo bucket=turbo prefix=t/"])
answer = ask("GET", "nx/v1/cache/0123abc")
check(answer[0] == 401 and "Basic" in answer[1]["www-authenticate"], "a stranger is asked who he is", repr(answer))
answer = ask("GET", "turbo/v8/artifacts/00ff")
check(answer[0] == 401 and json.loads(answer[2])["error"]["code"] == "AccessDenied", "and in JSON where the client wants that", repr(answer))
equal(status("PUT", "nx/v1/cache/0123abc", b"x" * 1_000_000), 401, "and stores nothing")
refused = [server.request("PUT", "/nxs/0123abc", b"x"), server.request("POST", "/nxs/0123abc?uploads"), server.request("PUT", "/nxs/0123abc?tagging", b"<Tagging/>")]
equal([answer[0] for answer in refused], [403] * 3, "nor is he asked where nobody may write, by S3")
check(not any("www-authenticate" in answer[1] for answer in refused), "whoever he is", repr(refused))
equal([server.request(method, "/nxs/0123abc")[0] for method in ("GET", "DELETE")] + [server.request("PUT", "/turbo/x", b"")[0]], [401] * 3, "but where somebody may do it")
check(server.stop(), "that server ends with status 0, too")

# ---- Configuration ----
WRONG = {
    "nix bucket=abc": "begins with a kind", "nx": "names no bucket", "nx bucket=A": "not a valid bucket name", "nx bucket=abc name=a/b": "a name has",
    "nx bucket=abc size=1": "is none of", f"nx bucket=abc prefix={'p' * 300}": "at most 256", "nx bucket=abc " + " " * 600: "too long",
}
for spec, reason in WRONG.items():
    code, text = run([SLUICE, "serve", "--data", fresh("doors-none"), "--check-config", "--cache", spec])
    check(code != 0 and reason in text, f"{spec[:30]!r} is refused: {reason}", text)
for specs, reason in ((("nx bucket=abc", "nx bucket=abd"), "of that name"), (("nx bucket=abc prefix=a", "turbo bucket=abc prefix=ab"), "are those of")):
    code, text = run([SLUICE, "serve", "--data", fresh("doors-none"), "--check-config", *[word for spec in specs for word in ("--cache", spec)]])
    check(code != 0 and reason in text, f"{specs} are refused: {reason}", text)
done()
