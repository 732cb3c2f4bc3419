#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Websites: the setting by S3's clients, and the endpoint as S3's behaves: index and error documents, folders, redirects by rules and by
objects, what anonymous clients may read, and what is never served there. websites_used_test.py has pip, apt and a browser."""
import http.client
import json
import os
import re
import signal

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, error_code, have, make_certificate, ok, poll, run, s3_client, scratch, skip

SITE, DOMAIN = "site", "web.test"
EVERYBODY_READS = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{SITE}/*"}
EVERYBODY_LISTS = {"Effect": "Allow", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{SITE}"}

server = Server(keys=True, args=["--website-domain", DOMAIN, "--domain", "s3.test", "--domain", "deep.web.test", "--website-listen", "127.0.0.1:0",
                                 "--website-listen", f"127.0.0.1:0={SITE}"])
s3 = s3_client(server)
PORTS = [int(url.rsplit(":", 1)[1]) for url in server.urls]


def ask(path, method="GET", host=f"{SITE}.{DOMAIN}", port=None, headers=None, body=None):
    """(status, headers, body) of one request as it is, without a signature."""
    connection = http.client.HTTPConnection("127.0.0.1", port or server.port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    if host is not None:
        connection.putheader("Host", host)
    for name, value in (headers or {}).items():
        connection.putheader(name, value)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    connection.endheaders(body)
    answer = connection.getresponse()
    data = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, data


def code_of(body):
    found = re.search(rb"<li>Code: (\w+)</li>", body)
    return found[1].decode() if found else body[:100]


def page(path, **more):
    """(status, the error's code or the body)"""
    status, _, body = ask(path, **more)
    return status, code_of(body) if status >= 400 and body.startswith(b"<!DOCTYPE") else body


def leads(path, **more):
    status, headers, _ = ask(path, **more)
    return status, headers.get("location")


def put(key, body=b"", bucket=SITE, **more):
    s3.put_object(Bucket=bucket, Key=key, Body=body, **more)


def configure(**configuration):
    s3.put_bucket_website(Bucket=SITE, WebsiteConfiguration=configuration)


def rule(redirect, prefix=None, error=None):
    condition = {}
    if prefix is not None:
        condition["KeyPrefixEquals"] = prefix
    if error is not None:
        condition["HttpErrorCodeReturnedEquals"] = error
    return {"Redirect": redirect, **({"Condition": condition} if condition else {})}


def policy(*statements):
    s3.put_bucket_policy(Bucket=SITE, Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))


INDEX = {"IndexDocument": {"Suffix": "index.html"}}


def setting():
    equal(page("/")[1], "NoSuchBucket", "no bucket, no website")
    s3.create_bucket(Bucket=SITE)
    equal(page("/"), (404, "NoSuchWebsiteConfiguration"), "a bucket that is no website")
    whole = {**INDEX, "ErrorDocument": {"Key": "404.html"},
             "RoutingRules": [rule({"HostName": "h.example", "HttpRedirectCode": "302", "Protocol": "https", "ReplaceKeyPrefixWith": "b/"}, "a/", "404"), rule({"ReplaceKeyWith": ""})]}
    configure(**whole)
    got = s3.get_bucket_website(Bucket=SITE)
    equal({name: got[name] for name in whole}, whole, "boto3 gets what it has put")
    s3.delete_bucket_website(Bucket=SITE)
    s3.delete_bucket_website(Bucket=SITE)
    refused = []
    for wrong in ({}, {"ErrorDocument": {"Key": "x"}}, {"IndexDocument": {"Suffix": "a/b"}}, {**INDEX, "RoutingRules": [rule({"Protocol": "ftp"})]},
                  {**INDEX, "RoutingRules": [rule({"ReplaceKeyWith": "a"})] * 51}, {**INDEX, "RedirectAllRequestsTo": {"HostName": "a"}}):
        try:
            configure(**wrong)
        except s3.exceptions.ClientError as error:
            refused.append(error.response["Error"]["Code"])
    equal(refused, ["InvalidArgument"] * 3 + ["InvalidRequest"] * 3, "what S3 refuses is refused")
    answer = server.request("PUT", f"/{SITE}?website", b"<WebsiteConfiguration>" + b" " * (129 << 10) + b"</WebsiteConfiguration>",
                            Signer(ACCESS, SECRET).headers("PUT", f"/{SITE}", f"127.0.0.1:{server.port}", "UNSIGNED-PAYLOAD", query="website="))
    check(answer[0] in (400, 413), "a document that is too long is refused", str(answer))
    configure(**INDEX)
    equal(s3.get_bucket_website(Bucket=SITE)["IndexDocument"], INDEX["IndexDocument"], "and nothing of all that was stored")


def reading():
    equal(page("/"), (403, "AccessDenied"), "nobody was let in")
    put("index.html", b"home", ContentType="text/html")
    equal(page("/"), (403, "AccessDenied"), "that there is an object does not let anybody read it")
    policy(EVERYBODY_READS)
    equal(page("/"), (200, b"home"), "a policy does")
    equal(page("/missing"), (403, "AccessDenied"), "whoever may not list does not learn what is missing")
    policy(EVERYBODY_READS, EVERYBODY_LISTS)
    equal(page("/missing"), (404, "NoSuchKey"), "whoever may does")
    put("private/index.html", b"secret")
    policy(EVERYBODY_READS, EVERYBODY_LISTS, {"Effect": "Deny", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{SITE}/private/*",
                                              "Condition": {"StringNotEquals": {"aws:PrincipalType": "User"}}})
    equal((page("/private/"), page("/private")), ((403, "AccessDenied"), (404, "NoSuchKey")), "what is denied has no page, and no folder leads there")
    status, headers, body = ask("/", headers={"Range": "bytes=1-2"})
    equal((status, body, headers["content-range"]), (206, b"om", "bytes 1-2/4"), "ranges")
    etag = ask("/")[1]["etag"]
    equal(ask("/", headers={"If-None-Match": etag})[0], 304, "conditions: not modified")
    equal(page("/", headers={"If-Match": '"other"'}), (412, "PreconditionFailed"), "conditions: failed")
    equal(page("/", headers={"Range": "bytes=10-"}), (416, "InvalidRange"), "a range that is not there")
    status, headers, body = ask("/", "HEAD")
    equal((status, headers["content-length"], body), (200, "4", b""), "HEAD")
    status, headers, body = ask("/missing", "HEAD")
    equal((status, body, headers["x-amz-error-code"]), (404, b"", "NoSuchKey"), "HEAD of what is missing")
    for key, path in (("a b+c", "/a%20b+c"), ("ünï", "/%C3%BCn%C3%AF"), ("x//y", "/x//y"), ("dots/../z", "/dots/../z"), ("q?x", "/q%3Fx")):
        put(key, key.encode())
        equal(page(path), (200, key.encode()), f"the key {key}")
    equal((page("/%zz"), page("/%ff"), page("/" + "k" * 1025)), ((400, "InvalidURI"), (400, "InvalidURI"), (400, "KeyTooLongError")), "paths that are no keys")
    equal(page("/" + "k" * 1020 + "/"), (400, "KeyTooLongError"), "and whose index could have none")
    equal(page("/%3Cscript%3E")[1] == "NoSuchKey" and b"<script>" not in ask("/%3Cscript%3E")[2] and b"Key: &lt;script&gt;" in ask("/%3Cscript%3E")[2], True,
          "an error's page escapes what it was asked for")
    put("here", b"x", ACL="public-read")
    policy({"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{SITE}/never"})
    equal((page("/here"), page("/")), ((200, b"x"), (403, "AccessDenied")), "an ACL lets in as well")
    policy(EVERYBODY_READS, EVERYBODY_LISTS)


def only_websites():
    for method in ("PUT", "POST", "DELETE", "OPTIONS", "PATCH", "get"):
        status, headers, body = ask("/index.html", method, body=b"x" if method in ("PUT", "POST") else None)
        equal((status, headers.get("allow"), code_of(body)), (405, "GET, HEAD", "MethodNotAllowed"), f"{method} is not allowed")
    equal(s3.get_object(Bucket=SITE, Key="index.html")["Body"].read(), b"home", "and nothing was changed")
    for query in ("?list-type=2", "?website", "?policy", "?versionId=null", "?uploads", "?X-Amz-Signature=x", "?response-content-type=text/html", "?sluice-member=a"):
        equal(page("/" + query), (200, b"home"), f"the query {query} is not looked at")
    signed = Signer(ACCESS, SECRET).headers("GET", "/private/index.html", f"{SITE}.{DOMAIN}")
    put("private/index.html", b"secret")
    policy({**EVERYBODY_READS, "Resource": f"arn:aws:s3:::{SITE}/index.html"})
    for what, headers in (("a signature", {name: value for name, value in signed.items() if name != "host"}), ("Basic", {"Authorization": "Basic VEVTVEtFWTp0ZXN0L3NlY3JldCtrZXk="}),
                          ("a cookie", {"Cookie": "sluice=1"})):
        equal((page("/private/", headers=headers), page("/", headers=headers)), ((403, "AccessDenied"), (200, b"home")), f"{what} is not looked at")
    person = {"Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Upgrade-Insecure-Requests": "1"}
    for path in ("/", "/?list-type=2", "/docs", "/private/"):
        status, headers, body = ask(path, headers=person)
        equal((status, headers.get("content-security-policy"), b"/-/ui" in body), (ask(path)[0], None, False), f"a browser gets what everybody gets at {path}")
    equal(page("/", headers={"x-amz-expected-bucket-owner": "1" * 12, "x-minio-extract": "true", "x-amz-server-side-encryption": "AES256"}), (200, b"home"),
          "nor is anything else that S3 knows")
    for path in ("/-/healthy", "/-/metrics", "/-/ui/", "/-/cache/x/"):
        equal(page(path)[0], 403, f"the server's own {path} is a key there")
    policy(EVERYBODY_READS, EVERYBODY_LISTS)


def hosts():
    equal(page("/", host=f"SITE.Web.Test:{server.port}"), (200, b"home"), "a name in any letters, with a port")
    equal(page("/", host=f"{SITE}.{DOMAIN}."), (200, b"home"), "and written in full")
    equal(page("/", host=f"other.{DOMAIN}"), (404, "NoSuchBucket"), "another bucket")
    equal(page("/", host=f"-bad-.{DOMAIN}"), (404, "NoSuchBucket"), "a name that no bucket can have")
    equal(page("/", host=DOMAIN), (404, "NoSuchBucket"), "the domain itself is a bucket's name")
    for bucket in (DOMAIN, "www.example.com"):
        s3.create_bucket(Bucket=bucket)
        s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=INDEX)
        put("index.html", bucket.encode(), bucket, ACL="public-read")
    equal(page("/", host=DOMAIN), (200, DOMAIN.encode()), "which may be one")
    equal(error_code(ask("/", host="www.example.com")[2]), "AccessDenied", "elsewhere the whole Host is no bucket: S3 is served")
    equal(page("/", host="www.example.com", port=PORTS[1]), (200, b"www.example.com"), "at a place of websites it is")
    equal(page("/", host=f"{SITE}.{DOMAIN}", port=PORTS[1]), (200, b"home"), "and names below the domain are there, too")
    equal((page("/", host=None, port=PORTS[1])[0], page("/", host="127.0.0.1", port=PORTS[1])), (400, (404, "NoSuchBucket")), "no name, no website")
    for host in (f"127.0.0.1:{PORTS[2]}", "any.example", f"other.{DOMAIN}", "www.example.com"):
        equal(page("/", host=host, port=PORTS[2]), (200, b"home"), f"the place of one bucket, called {host}")
    for port in PORTS[1:]:
        answers = [ask(path, method, host=host, port=port)[2] for host in ("127.0.0.1", "s3.test", f"{SITE}.s3.test")
                   for method, path in (("GET", f"/{SITE}?list-type=2"), ("PUT", f"/{SITE}/x"))]
        check(all(b"<?xml" not in body for body in answers), "at a place of websites S3 is not served, whatever the name", str(answers)[:300])
    equal(ask("/index.html", host=f"{SITE}.s3.test")[1].get("x-amz-error-code"), None, "a bucket's own host is S3's")
    equal(ask("/index.html", host=f"{SITE}.s3.test")[2], b"home", "which serves it as S3")
    equal(error_code(ask("/index.html", host=f"{SITE}.deep.{DOMAIN}")[2]), b"home".decode(), "of two domains the longer one counts")
    equal(ask("/", host="deep.web.test")[2][:5], b"<?xml", "the domain of buckets itself is S3's")


def folders():
    put("docs/index.html", b"docs", ContentType="text/html")
    put("docs/page.html", b"<p>page")
    put("docs/", b"")
    equal((page("/docs/"), leads("/docs"), leads("/docs?x=%0d1")), ((200, b"docs"), (302, "/docs/"), (302, "/docs/?x=%0d1")), "a folder, with and without its slash")
    equal(page("/docs/page.html"), (200, b"<p>page"), "its pages")
    put("docs2", b"object")
    put("docs2/index.html", b"never")
    equal(page("/docs2"), (200, b"object"), "an object of that name wins")
    put("/evil.example/index.html", b"x")
    equal(leads("//evil.example"), (302, "/%2Fevil.example/"), "no path leads to another host")
    equal(page("//evil.example/"), (200, b"x"), "and that is the page")
    equal(page("/%2Fevil.example/"), (200, b"x"), "so it is where the redirect leads")
    equal(ask("/docs", "HEAD")[0], 302, "HEAD of a folder")
    equal((page("/docs/./page.html"), page("/x/%2E%2e/docs/"), leads("/./docs")), ((200, b"<p>page"), (200, b"docs"), (302, "/docs/")), "dots in a path are resolved")
    equal((page("/../../docs/page.html"), page("/docs/../none")[0], page("/dots/../z")), ((200, b"<p>page"), 404, (200, b"dots/../z")), "unless there is such a key")


def errors():
    put("404.html", b"<h1>lost</h1>", ContentType="text/html")
    configure(**INDEX, ErrorDocument={"Key": "404.html"})
    status, headers, body = ask("/missing", headers={"Range": "bytes=0-1", "If-None-Match": "*", "If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"})
    equal((status, body, headers["content-type"]), (404, b"<h1>lost</h1>", "text/html"), "the error document, whole, with the error's status")
    equal((ask("/missing", "HEAD")[0], ask("/missing", "HEAD")[1]["content-length"]), (404, "13"), "HEAD of it")
    equal((ask("/404.html")[0], ask("/", headers={"If-Match": '"x"'})[0], ask("/", headers={"If-Match": '"x"'})[2]), (200, 412, b"<h1>lost</h1>"), "for every error of a client's")
    policy({**EVERYBODY_READS, "Resource": [f"arn:aws:s3:::{SITE}/404.html"]})
    equal(ask("/docs/")[::2], (403, b"<h1>lost</h1>"), "also where the page is denied")
    policy({**EVERYBODY_READS, "Resource": [f"arn:aws:s3:::{SITE}/docs/*"]}, EVERYBODY_LISTS)
    status, headers, body = ask("/missing")
    equal((status, headers["x-amz-error-code"]), (403, "AccessDenied"), "an error document that nobody may read is none")
    check(b"Retrieve a Custom Error Document" in body, "which is said")
    policy(EVERYBODY_READS, EVERYBODY_LISTS)
    configure(**INDEX, ErrorDocument={"Key": "none.html"})
    status, _, body = ask("/missing")
    check(status == 404 and b"Key: none.html" in body and b"Key: missing" in body, "neither is one that is not there", body.decode())
    configure(**INDEX)


def routes():
    host = f"{SITE}.{DOMAIN}:{server.port}"
    configure(**INDEX, ErrorDocument={"Key": "404.html"}, RoutingRules=[
        rule({"ReplaceKeyPrefixWith": "docs/"}, "old/"), rule({"HostName": "other.example", "HttpRedirectCode": "307"}, "out/"),
        rule({"Protocol": "https"}, "safe/"), rule({"ReplaceKeyWith": "loop-b"}, "loop-a"), rule({"ReplaceKeyWith": "loop-a"}, "loop-b"),
        rule({"HostName": host}, "self/"), rule({"ReplaceKeyPrefixWith": "#!/"}, "app/", "404"), rule({"ReplaceKeyWith": "report/missing"}, "report/", "404"),
        rule({"HostName": "denied.example"}, None, "403")])
    put("app/there", b"there")
    equal(leads("/old/page.html"), (301, "/docs/page.html"), "a prefix is replaced")
    equal(leads("/old/a%20b%0d%0aX:%20y"), (301, "/docs/a%20b%0D%0AX%3A%20y"), "what follows stays encoded")
    equal(leads("/out/x?y=1"), (307, "http://other.example/out/x"), "to another host")
    equal(leads("/safe/x", host=host), (301, f"https://{host}/safe/x"), "to HTTPS")
    equal([ask(path, host=host)[::2] for path in ("/loop-a", "/loop-b", "/self/x")], [(404, b"<h1>lost</h1>")] * 3, "rules that would lead round and round are passed over")
    equal((leads("/app/route/1"), ask("/app/there")[2]), ((301, "/#!/app/route/1".replace("app/", "")), b"there"), "an error leads elsewhere, what is there does not")
    equal(ask("/report/x")[::2], (404, b"<h1>lost</h1>"), "an error does not lead to what would be the same error")
    put("report/missing", b"sorry")
    equal((leads("/report/x"), ask("/report/missing")[2]), ((301, "/report/missing"), b"sorry"), "but it does once there is something")
    policy({**EVERYBODY_READS, "Resource": f"arn:aws:s3:::{SITE}/404.html"})
    equal(leads("/docs/"), (301, "http://denied.example/docs/"), "what is denied leads where its rule says")
    policy(EVERYBODY_READS, EVERYBODY_LISTS)
    configure(RedirectAllRequestsTo={"HostName": "www.example.com", "Protocol": "https"})
    equal((leads("/"), leads("/a%20b//c?x=1")), ((301, "https://www.example.com/"), (301, "https://www.example.com/a%20b//c?x=1")), "all requests")
    configure(RedirectAllRequestsTo={"HostName": host})
    equal((page("/", host=host), leads("/x", host="site.web.test")), ((400, "InvalidRequest"), (301, f"http://{host}/x")), "but not to where they came from")
    configure(**INDEX)


def redirected_objects():
    for key, location, leads_to in (("r1", "/docs/", "/docs/"), ("r2", "https://other.example/a?b", "https://other.example/a?b"), ("r3", "//evil.example/", "/%2Fevil.example/")):
        put(key, b"body", WebsiteRedirectLocation=location)
        equal(leads("/" + key), (301, leads_to), f"an object that is at {location}")
        equal((s3.head_object(Bucket=SITE, Key=key)["WebsiteRedirectLocation"], s3.get_object(Bucket=SITE, Key=key)["Body"].read()), (location, b"body"), "to S3 it says so, and is itself")
    put("moved/index.html", b"", WebsiteRedirectLocation="/docs/")
    equal((leads("/moved/"), leads("/moved")), ((301, "/docs/"), (302, "/moved/")), "an index document may, too")
    policy({**EVERYBODY_READS, "Resource": f"arn:aws:s3:::{SITE}/docs/*"})
    equal(page("/r1"), (403, "AccessDenied"), "where it leads is told to those only who may read it")
    policy(EVERYBODY_READS, EVERYBODY_LISTS)


def types():
    for key, kind in (("t.html", "text/html; charset=utf-8"), ("t.css", "text/css; charset=utf-8"), ("t.whl", "binary/octet-stream"), ("T.JSON", "application/json")):
        put(key, b"x")
        equal((ask("/" + key)[1]["content-type"], s3.get_object(Bucket=SITE, Key=key)["ContentType"]), (kind, "binary/octet-stream"), f"{key} on the website, and in S3")
    put("said.html", b"x", ContentType="text/x-mine")
    equal(ask("/said.html")[1]["content-type"], "text/x-mine", "what a PUT said counts")
    put("copied.html", b"x", ContentType="binary/octet-stream")
    equal(ask("/copied.html")[1]["content-type"], "text/html; charset=utf-8", "S3's default does not")
    put("folder/index.html", b"x")
    equal(ask("/folder/")[1]["content-type"], "text/html; charset=utf-8", "an index document")
    document = b"<ContentTypeConfiguration><ByName>true</ByName></ContentTypeConfiguration>"
    signer, host = Signer(ACCESS, SECRET), f"127.0.0.1:{server.port}"

    def option(method, body=None):
        status, _, answer = server.request(method, f"/{SITE}?sluice-content-types", body, signer.headers(method, f"/{SITE}", host, "UNSIGNED-PAYLOAD", query="sluice-content-types="))
        return status, error_code(answer) if status >= 400 else b"<ByName>true</ByName>" in answer

    def kind_of(key):
        return s3.head_object(Bucket=SITE, Key=key)["ContentType"]

    equal((option("GET"), option("PUT", b"<x/>"), option("PUT", document.replace(b"true", b"maybe"))), ((404, "NoSuchConfiguration"), (400, "MalformedXML"), (400, "MalformedXML")), "the option for S3")
    equal((option("PUT", document), option("GET"), kind_of("t.html"), kind_of("said.html"), kind_of("t.whl"), kind_of("copied.html")),
          ((200, False), (200, True), "text/html; charset=utf-8", "text/x-mine", "binary/octet-stream", "text/html; charset=utf-8"), "once it is on, S3 tells types by names")
    equal((option("DELETE"), kind_of("t.html")), ((204, False), "binary/octet-stream"), "and not when it is off again")
    equal((option("PUT", document)[0], option("PUT", document.replace(b"true", b"false"))[0], option("GET")[0], kind_of("t.html")), (200, 200, 404, "binary/octet-stream"), "by either way")


def origins():
    s3.put_bucket_cors(Bucket=SITE, CORSConfiguration={"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["https://a.example"]}]})
    for path in ("/", "/missing"):
        equal((ask(path, headers={"Origin": "https://a.example"})[1].get("access-control-allow-origin"), ask(path, headers={"Origin": "https://b.example"})[1].get("access-control-allow-origin")),
              ("https://a.example", None), f"pages of other origins are told whether they may read {path}")
    s3.delete_bucket_cors(Bucket=SITE)


def versions():
    s3.put_bucket_versioning(Bucket=SITE, VersioningConfiguration={"Status": "Enabled"})
    put("v.html", b"one")
    put("v.html", b"two")
    equal(page("/v.html"), (200, b"two"), "of versions, the current one")
    s3.delete_object(Bucket=SITE, Key="v.html")
    equal(page("/v.html"), (404, "NoSuchKey"), "a delete marker is no page")
    s3.delete_object(Bucket=SITE, Key="index.html")
    equal(page("/"), (404, "NoSuchKey"), "nor index document")
    put("index.html", b"home")


def aws_cli():
    if not have("aws"):
        skip("aws s3 website", "the aws cli is not installed")
        return
    environment = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_DEFAULT_REGION": "us-east-1", "PATH": os.environ["PATH"], "HOME": scratch()}
    ok("aws s3 website", run(["aws", "--endpoint-url", server.url, "s3", "website", f"s3://{SITE}", "--index-document", "docs.html", "--error-document", "e.html"], env=environment))
    status, output = run(["aws", "--endpoint-url", server.url, "s3api", "get-bucket-website", "--bucket", SITE], env=environment)
    equal((status, json.loads(output)), (0, {"IndexDocument": {"Suffix": "docs.html"}, "ErrorDocument": {"Key": "e.html"}}), "aws s3api get-bucket-website")


def wrong_starts():
    for what, args in (("a domain that is of buckets, too", ["--website-domain", "s3.test", "--domain", "S3.test"]), ("no bucket's name", ["--website-listen", "127.0.0.1:0=NO_NAME"]),
                       ("no address", ["--website-listen", "example=site"]), ("an open server for everybody", ["--website-listen", "0.0.0.0:0=site"])):
        for check_only in ([], ["--check-config"]):
            status, output = run([SLUICE, "serve", "--data", scratch("wrong"), "--listen", "127.0.0.1:0", *args, *check_only], timeout=30)
            check(status != 0, f"{what} is refused{' by --check-config' if check_only else ''}", f"{status} {output}")


def reloaded():
    os.kill(server.pid, signal.SIGHUP)
    check(poll(lambda: "read credentials, certificates and configuration again" in server.log_text()), "settings are read again")
    check("needs a restart" not in server.log_text(), "which changes no place of websites", server.log_text()[-300:])
    equal((page("/"), page("/", host="any.example", port=PORTS[2])), ((200, b"home"), (200, b"home")), "and they are served on")


def schemes():
    """What redirects to other hosts begin with: the client's own scheme, as far as that is known."""
    configuration = (b"<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument><RoutingRules><RoutingRule><Redirect><HostName>other.example</HostName>"
                     b"</Redirect></RoutingRule></RoutingRules></WebsiteConfiguration>")
    certificate, key, authority = make_certificate("website")
    for args, headers, scheme in ((["--trusted-proxy", "127.0.0.1"], {"X-Forwarded-Proto": "https"}, "https"), ([], {"X-Forwarded-Proto": "https"}, "http"),
                                  (["--tls-certificate", certificate, "--tls-key", key], {}, "https")):
        place = Server(args=["--bucket", SITE, "--website-listen", f"127.0.0.1:0={SITE}", *args])
        words = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", "--cacert", authority]
        run([*words, "-X", "PUT", "-d", configuration.decode(), f"{place.url}/{SITE}?website"])
        equal(run([*words, *(word for name, value in headers.items() for word in ("-H", f"{name}: {value}")), f"{place.urls[1]}/x"]), (0, f"301 {scheme}://other.example/x"),
              f"a redirect {'of HTTPS' if len(args) > 2 else 'behind a proxy' if args else 'that somebody says is of HTTPS'}")
        equal(place.urls[1].split(":")[0], "https" if len(args) > 2 else "http", "a place of websites is for HTTPS where --listen is")
        check(place.stop(), "it ends with status 0")


def without_keys():
    """Everybody may read everything there, so names count that somebody made to mean this machine."""
    with_site = Server(args=["--website-domain", DOMAIN, "--bucket", SITE, "--website-listen", f"127.0.0.1:0={SITE}"])
    port = int(with_site.urls[1].rsplit(":", 1)[1])
    with_site.request("PUT", f"/{SITE}?website", b"<WebsiteConfiguration><IndexDocument><Suffix>index.html</Suffix></IndexDocument></WebsiteConfiguration>")
    with_site.request("PUT", f"/{SITE}/index.html", b"<script>1</script>")
    status, headers, body = ask("/", port=port, host=f"localhost:{port}")
    equal((status, body, headers.get("content-security-policy")), (200, b"<script>1</script>", None), "a website may have scripts: it has its own origin")
    equal(with_site.request("GET", f"/{SITE}/index.html")[1]["content-security-policy"], "sandbox", "the same object by S3 may not")
    equal((page("/", port=port, host="evil.example"), page("/", port=with_site.port)), ((403, "AccessDenied"), (200, b"<script>1</script>")), "a name that somebody made to mean this machine is none")
    check(with_site.stop(), "it ends with status 0")


def main():
    for part in (setting, reading, only_websites, hosts, folders, errors, routes, redirected_objects, types, origins, versions, reloaded, aws_cli, wrong_starts, schemes, without_keys):
        part()
    log = server.log_text()
    check(" lacks its " not in log, "no error lacked what it has to tell", log[-500:])
    check(server.stop(), "the server ends with status 0")
    done()


main()
