#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Events of buckets, sent to webhooks: the configuration by boto3 and by hand, what is sent of each change, its signature, filters; targets
that are away, stall, refuse or redirect; who may use which. events_crash_test.py has order under load, and crashes."""
import hashlib
import json
import os
import signal
import threading
import time

from signer import Signer
from sluicetest import ACCESS, SECRET, SLUICE, Server, check, done, equal, error_code, poll, run, s3_client, scratch
from webhook import Webhook, is_signed, key_of

KEY = "a secret of a target"
hook, other, stalled = Webhook(), Webhook(), Webhook()
gate = threading.Event()
away = {"is": False}
targets, credentials = scratch("targets"), scratch("credentials")


def write_targets(more=""):
    with open(targets, "w") as out:
        out.write(f"""# where events go
[ci]
url = {hook.url}?a=b   # with a query
buckets = bucket, versioned, ci-*
users = admin, deploy-*
secret = {KEY}

[other]
url = {other.url}
buckets = *
users = *
connections = 1
batch = 10

[stalled]
url = {stalled.url}
buckets = *
users = *
timeout = 2
{more}""")
    os.chmod(targets, 0o600)


def arn(name, maker="sluice", service="sqs", region="us-east-1"):
    return f"arn:{maker}:{service}:{region}:{name}:webhook"


def queue(name, events=("s3:ObjectCreated:*",), prefix=None, suffix=None, id=None, **more):
    rules = [{"Name": n, "Value": v} for n, v in (("prefix", prefix), ("suffix", suffix)) if v is not None]
    return {"QueueArn": arn(name, **more), "Events": list(events)} | ({"Id": id} if id else {}) | (
        {"Filter": {"Key": {"FilterRules": rules}}} if rules else {})


def configure(s3, bucket, *queues, **more):
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"QueueConfigurations": list(queues), **more})


def refused(call):
    """(code, message) of the error."""
    try:
        call()
    except Exception as error: # botocore makes its classes as it goes
        return error.response["Error"]["Code"], error.response["Error"]["Message"]
    return None, None


write_targets()
with open(credentials, "w") as out:
    out.write(f"key admin {SECRET} *=all\nkey deploy-1 {SECRET}1 bucket=admin,read,write,list\n"
              f"key bob {SECRET}2 bucket=admin,read,write,list\nkey reader {SECRET}3 bucket=read,list\n")
os.chmod(credentials, 0o600)
server = Server(args=["--credentials", credentials, "--notifications", targets])
s3 = s3_client(server, access="admin")
deploy, bob, reader = (s3_client(server, access=name, secret=f"{SECRET}{i + 1}") for i, name in enumerate(("deploy-1", "bob", "reader")))
for name in ("bucket", "versioned", "elsewhere"):
    s3.create_bucket(Bucket=name)
s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})

# ---- The configuration ----

empty = s3.get_bucket_notification_configuration(Bucket="bucket")
check("QueueConfigurations" not in empty, "a bucket has no configuration at first")
configure(s3, "bucket", queue("ci", prefix="in/", suffix=".jpg", id="pictures"), queue("other", ["s3:ObjectRemoved:*"], maker="minio", region=""))
got = s3.get_bucket_notification_configuration(Bucket="bucket")["QueueConfigurations"]
equal(got[0], {"Id": "pictures", "QueueArn": arn("ci"), "Events": ["s3:ObjectCreated:*"],
               "Filter": {"Key": {"FilterRules": [{"Name": "Prefix", "Value": "in/"}, {"Name": "Suffix", "Value": ".jpg"}]}}},
      "what was put is given back")
check(len(got) == 2 and got[1]["QueueArn"] == arn("other", "minio", region="") and len(got[1]["Id"]) > 8, "an id is made where none was given")
check(poll(lambda: hook.tests() and other.tests()), "each target gets a test event")
test = (hook.tests() or [{}])[0]
check(test.get("Event") == "s3:TestEvent" and test.get("Bucket") == "bucket" and test.get("Service") == "Amazon S3" and test.get("RequestId"),
      "the test event is S3's", str(test))
hook.clear()
other.clear()
s3.put_bucket_notification_configuration(Bucket="elsewhere", SkipDestinationValidation=True, NotificationConfiguration={
    "TopicConfigurations": [{"TopicArn": arn("other", service="sns"), "Events": ["s3:ObjectTagging:*"]}],
    "LambdaFunctionConfigurations": [{"LambdaFunctionArn": arn("other", service="lambda"), "Events": ["s3:ObjectAcl:Put"]}]})
got = s3.get_bucket_notification_configuration(Bucket="elsewhere")
check(len(got.get("TopicConfigurations", [])) == 1 and len(got.get("LambdaFunctionConfigurations", [])) == 1, "topics and functions are kept apart")

INVALID, DESTINATION = "InvalidArgument", "Unable to validate the following destination configurations"
for name, call, code, message in (
        ("a target that is not there", lambda: configure(s3, "bucket", queue("missing")), INVALID, DESTINATION),
        ("a bucket that may not use it", lambda: configure(s3, "elsewhere", queue("ci")), INVALID, DESTINATION),
        ("a user who may not use it", lambda: configure(bob, "bucket", queue("ci")), INVALID, DESTINATION),
        ("another region's", lambda: configure(s3, "bucket", queue("ci", region="eu-west-9")), INVALID, DESTINATION),
        ("an ARN of AWS", lambda: configure(s3, "bucket", queue("ci", maker="aws")), INVALID, DESTINATION),
        ("no ARN", lambda: configure(s3, "bucket", {"QueueArn": "http://127.0.0.1/", "Events": ["s3:ObjectCreated:*"]}), INVALID,
         "The ARN is not well formed"),
        ("an event that does not happen", lambda: configure(s3, "bucket", queue("ci", ["s3:ObjectRestore:Post"])), INVALID,
         "A specified event is not supported for notifications"),
        ("reads", lambda: configure(s3, "bucket", queue("ci", ["s3:ObjectAccessed:Get"])), INVALID,
         "A specified event is not supported for notifications"),
        ("two rules that overlap", lambda: configure(s3, "bucket", queue("ci"), queue("other", ["s3:ObjectCreated:Put"])), INVALID,
         "Configurations overlap. Configurations on the same bucket cannot share a common event type."),
        ("filters that overlap", lambda: configure(s3, "bucket", queue("ci", prefix="a"), queue("other", prefix="ab", suffix="x")), INVALID,
         "Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event "
         "type."),
        ("two ids that are the same", lambda: configure(s3, "bucket", queue("ci", prefix="a", id="x"), queue("other", prefix="b", id="x")), INVALID,
         "Same ID used for multiple configurations. IDs must be unique"),
        ("EventBridge", lambda: configure(s3, "bucket", EventBridgeConfiguration={}), "NotImplemented", None),
        ("somebody without the right", lambda: configure(reader, "bucket"), "AccessDenied", None)):
    got = refused(call)
    check(got[0] == code and (message is None or got[1] == message), f"refused: {name}", str(got))
check(len(s3.get_bucket_notification_configuration(Bucket="bucket")["QueueConfigurations"]) == 2, "what was refused changed nothing")
check(refused(lambda: configure(deploy, "bucket", queue("ci", prefix="in/", suffix=".jpg"),
                                queue("other", ["s3:ObjectRemoved:*"])))[0] is None, "a pattern of users lets them in")



def signed(method, path, query="", body=b""):
    headers = Signer("admin", SECRET).headers(method, path, f"{server.host}:{server.port}", hashlib.sha256(body).hexdigest(), query=query)
    return server.request(method, path + (f"?{query}" if query else ""), body, headers)


RULE = f"<QueueConfiguration><Queue>{arn('ci')}</Queue><Event>s3:ObjectCreated:Put</Event>%s</QueueConfiguration>"
FILTER = "<Filter><S3Key>%s</S3Key></Filter>"


def put_xml(inner):
    body = f"<NotificationConfiguration>{inner}</NotificationConfiguration>".encode()
    status, _, answer = signed("PUT", "/bucket", "notification=", body)
    return status, error_code(answer)


for name, inner, want in (
        ("no event", f"<QueueConfiguration><Queue>{arn('ci')}</Queue></QueueConfiguration>", (400, "MalformedXML")),
        ("no ARN", "<QueueConfiguration><Event>s3:ObjectCreated:Put</Event></QueueConfiguration>", (400, "MalformedXML")),
        ("an element that is none", "<Hook/>", (400, "MalformedXML")),
        ("an element that is none in a rule", RULE % "<Url>http://127.0.0.1/</Url>", (400, "MalformedXML")),
        ("a filter of a name that is none", RULE % (FILTER % "<FilterRule><Name>infix</Name><Value>x</Value></FilterRule>"), (400, INVALID)),
        ("two prefixes", RULE % (FILTER % (2 * "<FilterRule><Name>Prefix</Name><Value>x</Value></FilterRule>")), (400, INVALID)),
        ("a filter without value", RULE % (FILTER % "<FilterRule><Name>Prefix</Name></FilterRule>"), (400, "MalformedXML")),
        ("a long filter", RULE % (FILTER % f"<FilterRule><Name>Prefix</Name><Value>{'x' * 1025}</Value></FilterRule>"), (400, INVALID)),
        ("an event twice", RULE % "<Event>s3:ObjectCreated:*</Event>", (400, INVALID)),
        ("101 rules", "".join(RULE % (FILTER % f"<FilterRule><Name>Prefix</Name><Value>{i:03}</Value></FilterRule>") for i in range(101)),
         (400, "MalformedXML")),
        ("entities", "<!DOCTYPE a [<!ENTITY b 'c'>]>", (400, "MalformedXML"))):
    equal(put_xml(inner), want, f"refused by its form: {name}")
equal(put_xml("".join(RULE % (FILTER % f"<FilterRule><Name>Prefix</Name><Value>{i:03}</Value></FilterRule>") for i in range(100)))[0], 200,
      "a hundred rules are taken")

# ---- What is sent ----

everything = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*", "s3:ObjectAcl:Put", "s3:LifecycleExpiration:*"]
configure(s3, "bucket", queue("ci", everything, id="all"))
check(poll(lambda: len(hook.tests()) >= 1), "the next test event")
hook.clear()
s3.put_object(Bucket="bucket", Key="a folder/the käy+1.txt", Body=b"twelve bytes")
check(poll(hook.records), "a PUT is told")
record = (hook.records() or [{}])[0]
headers, body = (hook.headers or [{}])[0], (hook.bodies or [b""])[0]
etag = s3.head_object(Bucket="bucket", Key="a folder/the käy+1.txt")["ETag"].strip('"')
request_id, host_id = record["responseElements"].pop("x-amz-request-id"), record["responseElements"].pop("x-amz-id-2")
sequencer, at = record["s3"]["object"].pop("sequencer"), record.pop("eventTime")
equal(record, {"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": "us-east-1", "eventName": "ObjectCreated:Put",
               "userIdentity": {"principalId": record["userIdentity"]["principalId"]}, "requestParameters": {"sourceIPAddress": "127.0.0.1"}, "responseElements": {},
               "s3": {"s3SchemaVersion": "1.0", "configurationId": "all",
                      "bucket": {"name": "bucket", "ownerIdentity": {"principalId": record["s3"]["bucket"]["ownerIdentity"]["principalId"]},
                                 "arn": "arn:aws:s3:::bucket"},
                      "object": {"key": "a+folder/the+k%C3%A4y%2B1.txt", "size": 12, "eTag": etag}}}, "the record is S3's")
check(len(request_id) == 16 and len(host_id) == 64 and len(sequencer) == 16, "it has the request's id, and a sequencer", str((request_id, host_id, sequencer)))
check(at.endswith("Z") and abs(time.time() - time.mktime(time.strptime(at[:19], "%Y-%m-%dT%H:%M:%S")) + time.timezone) < 300, "and its time", at)
check(headers.get("Content-Type") == "application/json", "it is JSON")
check(is_signed(KEY, headers.get("X-Sluice-Signature", "t=0,v1="), body), "its signature is good")
check(not is_signed("another secret", headers.get("X-Sluice-Signature", "t=0,v1="), body), "and no other secret's")

hook.clear()
s3.copy_object(Bucket="bucket", Key="copy", CopySource={"Bucket": "bucket", "Key": "a folder/the käy+1.txt"})
s3.put_object_tagging(Bucket="bucket", Key="copy", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
s3.delete_object_tagging(Bucket="bucket", Key="copy")
s3.put_object_acl(Bucket="bucket", Key="copy", ACL="private")
upload = s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
part = s3.upload_part(Bucket="bucket", Key="parts", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
s3.complete_multipart_upload(Bucket="bucket", Key="parts", UploadId=upload, MultipartUpload={"Parts": [{"ETag": part, "PartNumber": 1}]})
s3.delete_objects(Bucket="bucket", Delete={"Objects": [{"Key": "copy"}, {"Key": "missing"}]})
form = s3.generate_presigned_post("bucket", "posted")
boundary = "----sluice"
fields = "".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in form["fields"].items())
fields += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nposted\r\n--{boundary}--\r\n'
server.request("POST", "/bucket", fields.encode(), {"Content-Type": f"multipart/form-data; boundary={boundary}"})
want = [("ObjectCreated:Copy", "copy"), ("ObjectTagging:Put", "copy"), ("ObjectTagging:Delete", "copy"), ("ObjectAcl:Put", "copy"),
        ("ObjectCreated:CompleteMultipartUpload", "parts"), ("ObjectRemoved:Delete", "copy"), ("ObjectCreated:Post", "posted")]
poll(lambda: len(hook.records()) >= len(want))
equal(sorted((r["eventName"], key_of(r)) for r in hook.records()), sorted(want), "each change is told once, as what it is")
equal([r["eventName"] for r in hook.records() if key_of(r) == "copy"], [e for e, k in want if k == "copy"], "those of one key in their order")
versions = {r["eventName"]: r["eventVersion"] for r in hook.records()}
check(versions.get("ObjectTagging:Put") == "2.3" and versions.get("ObjectCreated:Copy") == "2.1", "versions of the structure are S3's", str(versions))

hook.clear()
configure(s3, "versioned", queue("ci", everything))
first = s3.put_object(Bucket="versioned", Key="k", Body=b"1")["VersionId"]
marker = s3.delete_object(Bucket="versioned", Key="k")["VersionId"]
s3.delete_object(Bucket="versioned", Key="k", VersionId=first)
poll(lambda: len(hook.records()) >= 3)
equal([(r["eventName"], r["s3"]["object"].get("versionId")) for r in hook.records()],
      [("ObjectCreated:Put", first), ("ObjectRemoved:DeleteMarkerCreated", marker), ("ObjectRemoved:Delete", first)], "versions are named")
sequence = [r["s3"]["object"]["sequencer"] for r in hook.records()]
equal(sequence, sorted(sequence), "sequencers of a key ascend")

# ---- Filters ----

configure(s3, "bucket", queue("ci", ["s3:ObjectCreated:Put"], prefix="in/", suffix=".jpg"))
poll(lambda: hook.tests())
hook.clear()
for key in ("in/a.jpg", "in/a.png", "out/a.jpg", ".jpg", "in/.jpg"):
    s3.put_object(Bucket="bucket", Key=key, Body=b"")
s3.delete_object(Bucket="bucket", Key="in/a.jpg")
s3.put_object(Bucket="bucket", Key="in/last.jpg", Body=b"")
poll(lambda: "in/last.jpg" in hook.keys())
equal(sorted(hook.keys()), ["in/.jpg", "in/a.jpg", "in/last.jpg"], "prefix, suffix and event choose")
configure(s3, "bucket")
check("QueueConfigurations" not in s3.get_bucket_notification_configuration(Bucket="bucket"), "the empty document takes the configuration away")
hook.clear()
s3.put_object(Bucket="bucket", Key="in/quiet.jpg", Body=b"")

# ---- Targets that are not as they should be ----

configure(s3, "bucket", queue("ci", prefix="a/"), queue("stalled", prefix="b/"), queue("other", prefix="c/"))
poll(lambda: hook.tests() and other.tests())
equal(hook.keys(), [], "without a configuration nothing is told")
stalled.answer = lambda body: gate.wait(60) and 200
for i in range(20):
    for prefix in "abc":
        s3.put_object(Bucket="bucket", Key=f"{prefix}/{i:02}", Body=b"")
check(poll(lambda: len(set(hook.keys())) >= 20 and len(set(other.keys())) >= 20), "a target that stalls holds up no other")
equal(other.keys(), [f"c/{i:02}" for i in range(20)], "over one connection all come in their order")
check(stalled.keys() == [], "while it has taken nothing")
gate.set()
check(poll(lambda: set(stalled.keys()) >= {f"b/{i:02}" for i in range(20)}, 60), "it gets all when it goes on")

trap = Webhook()
hook.clear()
hook.answer = lambda body: trap.url if away["is"] else 200
away["is"] = True
for i in range(10):
    s3.put_object(Bucket="bucket", Key=f"a/redirected-{i}", Body=b"")
poll(lambda: hook.seen > 30)
time.sleep(0.5)
equal(trap.seen, 0, "a redirect is not followed")
hook.answer = lambda body: 503
time.sleep(0.5)
hook.answer = lambda body: 200
check(poll(lambda: set(hook.keys()) >= {f"a/redirected-{i}" for i in range(10)}, 60), "what was refused comes when it is taken")
port = hook.port
hook.stop()
for i in range(10):
    s3.put_object(Bucket="bucket", Key=f"a/away-{i}", Body=b"")
time.sleep(0.3)
hook = Webhook(port=port)
check(poll(lambda: set(hook.keys()) >= {f"a/away-{i}" for i in range(10)}, 60), "a target that was away gets all")
log = server.log_text()
check("target ci cannot be reached" in log and "target ci takes deliveries again" in log, "the log says both")
check(KEY not in log and SECRET not in log, "and no secret")

# ---- Figures, a new file, a restart ----


def metric(name, target):
    _, _, body = signed("GET", "/-/metrics")
    line = next((l for l in body.decode().splitlines() if l.startswith(name + "{") and f'target="{target}"' in l), "-1")
    return float(line.rsplit(" ", 1)[1]) if " " in line else -1.0


check(metric("sluice_events_delivered_total", "ci") >= 40 and metric("sluice_events_failed_total", "ci") >= 10, "deliveries are counted")
check(poll(lambda: metric("sluice_events_waiting", "ci") == 0 and metric("sluice_events_lag_seconds", "ci") == 0), "nothing waits any more")
hook.stop()
s3.put_object(Bucket="bucket", Key="a/waits", Body=b"")
check(poll(lambda: metric("sluice_events_waiting", "ci") == 1 and metric("sluice_events_lag_seconds", "ci") > 0), "what waits is counted, and for how long")
told = run([SLUICE, "status", server.url, "--json"], env={"AWS_ACCESS_KEY_ID": "admin", "AWS_SECRET_ACCESS_KEY": SECRET})[1]
waiting = {each["target"]: (each["waiting"], each["lag_seconds"] > 0) for each in json.loads(told)["events"]}
equal(waiting.get("ci"), (1, True), "sluice status tells of it")
moved = Webhook()
with open(targets) as file:
    text = file.read()
with open(targets, "w") as out:
    out.write(text.replace(f"url = {hook.url}?a=b", f"url = {moved.url}"))
os.kill(server.pid, signal.SIGHUP)
check(poll(lambda: "a/waits" in moved.keys()), "SIGHUP reads the file again, and what waited goes to the new place")
with open(targets, "a") as out:
    out.write("nonsense\n")
os.kill(server.pid, signal.SIGHUP)
check(poll(lambda: f"{targets}:" in server.log_text()), "a file that cannot be understood is told with its line")
s3.put_object(Bucket="bucket", Key="a/still", Body=b"")
check(poll(lambda: "a/still" in moved.keys()), "and the old one stays in use")
status, output = run([SLUICE, "serve", "--data", scratch("nothing"), "--notifications", targets, "--credentials", credentials, "--check-config"])
check(status == 2 and "nonsense" not in output and targets in output, "--check-config finds it, too", f"{status} {output}")
with open(targets) as file:
    text = file.read()
with open(targets, "w") as out:
    out.write(text.replace("nonsense\n", ""))
moved.stop()
for i in range(5):
    s3.put_object(Bucket="bucket", Key=f"a/over-{i}", Body=b"")
started = time.monotonic()
check(server.stop(), "a server with a target that is away stops")
check(time.monotonic() - started < 20, "soon")
moved = Webhook(port=moved.port)
server = Server(data=server.data, args=["--credentials", credentials, "--notifications", targets])
check(poll(lambda: set(moved.keys()) >= {f"a/over-{i}" for i in range(5)}, 30), "what waited is delivered by the next start")
check(server.stop(), "it ends well")
done()
