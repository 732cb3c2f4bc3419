# SPDX-License-Identifier: MIT
"""A mixed load whose outcome is known: PUT, overwrite, DELETE, COPY and multipart (with UploadPartCopy), each key changed by
one client only. For every key the model holds the set of states that may be found: one state after an answer, old and new
while there was none."""
import hashlib
import http.client
import random
import threading
import time
import xml.etree.ElementTree as ElementTree

ABSENT = None
SOURCE_BYTES = 6 << 20
PART_BYTES = 5 << 20 # the least that a part before the last may have
KEYS_PER_CLIENT = 6
block = random.Random(5).randbytes(SOURCE_BYTES)


def state_of(body):
    return len(body), hashlib.md5(body).hexdigest()


def upload_id(body):
    return body.split(b"<UploadId>")[1].split(b"</UploadId>")[0].decode()


class Refused(Exception):
    """An answer of 5xx: whether the change was made is open, and the server goes on."""


class Mix:
    def __init__(self, bucket="mix", seed=1, clients=8):
        self.bucket, self.seed, self.clients = bucket, seed, clients
        self.rng = random.Random(seed)
        self.possible = {}   # key -> set of states
        self.bodies = {state_of(block): block} # state -> bytes, for ranges and copies
        self.problems = []
        self.acknowledged = 0
        self.refused = 0
        self.stopping = False
        self.small = False # almost only PUTs of small bodies
        self.uncertain = False # an answer proves nothing any more: the disk is being cut off

    def prepare(self, server):
        status = server.request("PUT", f"/{self.bucket}")[0]
        assert status == 200, f"create bucket: {status}"
        status = server.request("PUT", f"/{self.bucket}/source", body=block)[0]
        assert status == 200, f"put source: {status}"
        self.possible["source"] = {state_of(block)}

    # ---- One client ----

    def _call(self, connection, method, path, body=None, headers=None, expect=(200, 204)):
        connection.request(method, f"/{self.bucket}/{path}", body=body, headers=headers or {})
        response = connection.getresponse()
        answer = response.read()
        if response.status >= 500:
            raise Refused
        if response.status not in expect or b"<Error>" in answer:
            self.problems.append(f"{method} {path}: {response.status} {answer[-200:]!r}")
            raise Refused
        return answer

    def _change(self, key, state, send):
        self.possible[key] = self.possible.get(key, {ABSENT}) | {state}
        send()
        if not self.uncertain:
            self.possible[key] = {state}
            self.acknowledged += 1

    def _body(self, rng):
        size = rng.choice([1, 300, 4096, 20_000] if self.small else [0, 1, 4096, 20_000, 70_000, 300_000, 1 << 20])
        return (rng.randbytes(8) + block)[:size]

    def _remember(self, body):
        state = state_of(body)
        self.bodies[state] = body
        return state

    def _put(self, connection, rng, key):
        body = self._body(rng)
        self._change(key, self._remember(body), lambda: self._call(connection, "PUT", key, body))

    def _delete(self, connection, rng, key):
        self._change(key, ABSENT, lambda: self._call(connection, "DELETE", key))

    def _copy(self, connection, rng, key):
        sources = [k for k in self._keys(key.split("-")[0]) + ["source"]
                   if k != key and len(self.possible.get(k, {ABSENT})) == 1 and ABSENT not in self.possible.get(k, {ABSENT})]
        source = rng.choice(sources)
        (state,) = self.possible[source]
        self._change(key, state, lambda: self._call(connection, "PUT", key, b"",
                                                    {"x-amz-copy-source": f"/{self.bucket}/{source}"}))

    def _multipart(self, connection, rng, key):
        first = rng.randrange(SOURCE_BYTES - PART_BYTES)
        last = self._body(rng) or b"x"
        copied = block[first:first + PART_BYTES]
        identity = upload_id(self._call(connection, "POST", f"{key}?uploads"))
        answer = self._call(connection, "PUT", f"{key}?partNumber=1&uploadId={identity}", b"",
                            {"x-amz-copy-source": f"/{self.bucket}/source",
                             "x-amz-copy-source-range": f"bytes={first}-{first + PART_BYTES - 1}"})
        etag = answer.split(b"<ETag>")[1].split(b"</ETag>")[0].decode().replace("&quot;", '"').strip('"')
        if rng.random() < 0.3: # a part that is replaced
            self._call(connection, "PUT", f"{key}?partNumber=7&uploadId={identity}", self._body(rng))
        self._call(connection, "PUT", f"{key}?partNumber=7&uploadId={identity}", last)
        if rng.random() < 0.2:
            self._call(connection, "DELETE", f"{key}?uploadId={identity}")
            return
        document = "<CompleteMultipartUpload>" + "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>\"{tag}\"</ETag></Part>"
            for number, tag in ((1, etag), (7, hashlib.md5(last).hexdigest()))) + "</CompleteMultipartUpload>"
        self._change(key, self._remember(copied + last),
                     lambda: self._call(connection, "POST", f"{key}?uploadId={identity}", document))

    def _keys(self, client):
        return [f"{client}-{number}" for number in range(KEYS_PER_CLIENT)]

    def _client(self, server, number, seed, go_on):
        rng = random.Random(seed)
        keys = self._keys(f"c{number:02}")
        connection = server.connect(timeout=60)
        while keys and not self.stopping:
            key = rng.choice(keys)
            weights = [300, 1, 1, 0] if self.small else [6, 2, 3, 2]
            kind = rng.choices([self._put, self._delete, self._copy, self._multipart], weights)[0]
            try:
                kind(connection, rng, key)
            except Refused:
                self.refused += 1
                if not go_on:
                    return
            except (OSError, http.client.HTTPException):
                if not go_on:
                    return
                keys.remove(key) # what was sent may still be carried out: nothing comes after it
                connection.close()
                connection = server.connect(timeout=60)
                time.sleep(0.01)
        connection.close()

    def start(self, server, go_on=False):
        """go_on: errors are to be expected and do not end a client."""
        self.stopping = self.uncertain = False
        self.threads = [threading.Thread(target=self._client, args=(server, number, self.rng.randrange(1 << 40), go_on))
                        for number in range(self.clients)]
        for thread in self.threads:
            thread.start()

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join()

    # ---- What there is ----

    def _listed(self, server):
        status, _, body = server.request("GET", f"/{self.bucket}?list-type=2&max-keys=1000")
        if status != 200:
            return None
        root = ElementTree.fromstring(body)
        space = root.tag.split("}")[0] + "}"
        return {item.find(space + "Key").text: int(item.find(space + "Size").text)
                for item in root.iter(space + "Contents")}

    def _verify_range(self, connection, key, state):
        body = self.bodies.get(state)
        if body is None or len(body) < 2:
            return
        first = self.rng.randrange(len(body) - 1)
        last = self.rng.randrange(first, len(body))
        if len(body) > PART_BYTES: # across the seam of its parts
            first, last = PART_BYTES - 1000, min(PART_BYTES + 1000, len(body) - 1)
        connection.request("GET", f"/{self.bucket}/{key}", headers={"Range": f"bytes={first}-{last}"})
        response = connection.getresponse()
        if response.read() != body[first:last + 1]:
            self.problems.append(f"{key}: bytes {first} to {last} are others than those sent")

    def verify(self, server, when):
        """Every key must be in a possible state, which from then on is the only one."""
        found = self._listed(server)
        if found is None:
            self.problems.append(f"{when}: the listing fails")
            return
        for key in set(self.possible) | set(found):
            possible = self.possible.get(key, {ABSENT})
            connection = server.connect()
            connection.request("GET", f"/{self.bucket}/{key}")
            response = connection.getresponse()
            try:
                body = response.read()
            except http.client.HTTPException as error:
                self.problems.append(f"{when}: {key} ends early: {error!r}")
                continue
            state = ABSENT if response.status == 404 else state_of(body)
            if response.status not in (200, 404) or state not in possible:
                self.problems.append(f"{when}: {key} answers {response.status} {state}, possible {possible}")
            if (found.get(key) if key in found else ABSENT) != (state[0] if state else ABSENT):
                self.problems.append(f"{when}: {key} is listed with {found.get(key)} bytes, but is {state}")
            if state:
                self._verify_range(connection, key, state)
            self.possible[key] = {state}
            connection.close()
        alive = {state for states in self.possible.values() for state in states}
        self.bodies = {state: body for state, body in self.bodies.items() if state in alive}
