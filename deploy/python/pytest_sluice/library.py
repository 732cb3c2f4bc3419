# SPDX-License-Identifier: MIT
"""libsluice by ctypes: a store in a temporary folder, and a server of it on a free port of loopback.

layout.json says where the fields of sluice.h's structs are in the library that lies beside this file; a struct is bytes here, filled at those places."""
import ctypes
import json
import logging
import os
import secrets
import shutil
import sys
import tempfile
import threading

_HERE = os.path.dirname(os.path.abspath(__file__))
_LEVELS = (logging.INFO, logging.WARNING, logging.ERROR)
_LOG = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p)
_log = logging.getLogger("sluice")


class SluiceError(Exception):
    """What the library says of a call that failed; code is its number, a negative errno or one of SLUICE_E_*."""

    def __init__(self, code, what):
        super().__init__(f"{what}: {_library.sluice_strerror(code).decode()}")
        self.code = code


def _load():
    if not sys.platform.startswith("linux"):
        raise ImportError("pytest_sluice is for Linux: the library in it is")
    with open(os.path.join(_HERE, "layout.json")) as file:
        layout = json.load(file)
    try:
        library = ctypes.CDLL(os.path.join(_HERE, "lib", "libsluice.so"), use_errno=True)
    except OSError as error:
        raise ImportError(f"the library in pytest_sluice does not load here ({error}); it needs a glibc as new as that of the machine it was built on. "
                          "Build the wheel on this one: deploy/python/make") from error
    library.sluice_version.restype = ctypes.c_char_p
    library.sluice_strerror.restype = ctypes.c_char_p
    library.sluice_strerror.argtypes = [ctypes.c_int]
    library.sluice_store_open.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_char_p, ctypes.c_void_p]
    library.sluice_store_close.argtypes = [ctypes.c_void_p]
    library.sluice_store_close.restype = None
    library.sluice_bucket_create.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    library.sluice_server_start.argtypes = [ctypes.POINTER(ctypes.c_void_p), ctypes.c_void_p, ctypes.c_void_p]
    library.sluice_server_address.argtypes = [ctypes.c_void_p]
    library.sluice_server_address.restype = ctypes.c_char_p
    library.sluice_server_stop.argtypes = [ctypes.c_void_p, ctypes.c_uint]
    library.sluice_server_stop.restype = None
    library.sluice_server_fault.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    library.sluice_server_fault_left.argtypes = [ctypes.c_void_p, ctypes.c_void_p]
    if library.sluice_version().decode() != layout["version"]:
        raise ImportError(f"the library in pytest_sluice is {library.sluice_version().decode()}, and layout.json of {layout['version']}")
    return library, layout["structs"]


_library, _structs = _load()


def version():
    return _library.sluice_version().decode()


class _Struct:
    """One of sluice.h's, of zero bytes."""

    def __init__(self, name):
        self.fields = _structs[name]
        self.memory = ctypes.create_string_buffer(self.fields["size"])
        self.kept = []  # what its pointers lead to

    def _at(self, field, kind):
        return kind.from_buffer(self.memory, self.fields[field])

    def set(self, field, kind, value):
        self._at(field, kind).value = value

    def set_text(self, field, text):
        if text is None:
            return
        buffer = ctypes.create_string_buffer(text.encode())
        self.kept.append(buffer)
        self.set(field, ctypes.c_void_p, ctypes.addressof(buffer))

    def get(self, field, kind):
        return self._at(field, kind).value


_FAULT_FIELDS = {"fail": ctypes.c_uint, "fail_status": ctypes.c_uint, "slow": ctypes.c_uint, "slow_ms": ctypes.c_uint, "cut": ctypes.c_uint,
                 "cut_after": ctypes.c_uint64}


@_LOG
def _on_log(_ctx, level, message):
    _log.log(_LEVELS[level] if 0 <= level < len(_LEVELS) else logging.ERROR, "%s", message.decode("utf-8", "replace"))


class Server:
    """A store in a fresh folder, served until close(), or the end of `with`. It keeps nothing: what a crash of the machine would take, nobody misses."""

    def __init__(self, buckets=(), region="us-east-1", workers=1):
        self.access_key, self.secret_key, self.region = "SLUICE" + secrets.token_hex(7).upper(), secrets.token_urlsafe(30), region
        self._lock = threading.Lock()
        self._set = dict.fromkeys(_FAULT_FIELDS, 0)
        self._store, self._server = ctypes.c_void_p(), ctypes.c_void_p()
        self._folder = tempfile.mkdtemp(prefix="pytest-sluice-")
        try:
            self._start(workers)
            for bucket in buckets:
                self.create_bucket(bucket)
        except BaseException:
            self.close()
            raise

    def _start(self, workers):
        store, server = _Struct("sluice_store_options"), _Struct("sluice_server_options")
        store.set("relaxed", ctypes.c_bool, True)
        store.set("log", ctypes.c_void_p, ctypes.cast(_on_log, ctypes.c_void_p).value)
        self._check(_library.sluice_store_open(ctypes.byref(self._store), os.path.join(self._folder, "data").encode(), store.memory), "the store cannot be opened")
        server.set_text("listen", "127.0.0.1:0")
        server.set_text("access_key", self.access_key)
        server.set_text("secret_key", self.secret_key)
        server.set_text("region", self.region)
        server.set("workers", ctypes.c_uint, workers)
        server.set("fault_knobs", ctypes.c_bool, True)
        self._check(_library.sluice_server_start(ctypes.byref(self._server), self._store, server.memory), "the server cannot be started")
        self.url = "http://" + _library.sluice_server_address(self._server).decode()

    @staticmethod
    def _check(code, what):
        if code != 0:
            raise SluiceError(code, what)

    def create_bucket(self, name):
        self._check(_library.sluice_bucket_create(self._store, name.encode()), f"bucket {name}")

    @property
    def environment(self):
        """By which AWS's SDKs and tools find the server."""
        return {"AWS_ENDPOINT_URL": self.url, "AWS_ENDPOINT_URL_S3": self.url, "AWS_ACCESS_KEY_ID": self.access_key, "AWS_SECRET_ACCESS_KEY": self.secret_key,
                "AWS_REGION": self.region, "AWS_DEFAULT_REGION": self.region}

    def client(self, **more):
        """boto3's client of it; further words are boto3's."""
        import boto3
        words = {"endpoint_url": self.url, "region_name": self.region, "aws_access_key_id": self.access_key, "aws_secret_access_key": self.secret_key}
        return boto3.client("s3", **{**words, **more})

    # ---- Faults

    def _put(self, **changed):
        with self._lock:
            wanted = {**self._left(), **changed}
            fault = _Struct("sluice_server_fault")
            for field, kind in _FAULT_FIELDS.items():
                if not 0 <= wanted[field] < 1 << (8 * ctypes.sizeof(kind)):
                    raise ValueError(f"{field} cannot be {wanted[field]}")
                fault.set(field, kind, wanted[field])
            self._check(_library.sluice_server_fault(self._server, fault.memory), "such a fault cannot be set")

    def _left(self):
        fault = _Struct("sluice_server_fault")
        self._check(_library.sluice_server_fault_left(self._server, fault.memory), "faults")
        return {field: fault.get(field, kind) for field, kind in _FAULT_FIELDS.items()}

    def fail(self, requests=1, status=503):
        """So many requests to come are answered with that status, and do nothing. 503 is SlowDown."""
        self._put(fail=requests, fail_status=status)

    def slow(self, requests=1, seconds=1.0):
        """So many requests to come begin so much later."""
        self._put(slow=requests, slow_ms=round(seconds * 1000))

    def cut(self, requests=1, after=1):
        """Of so many uploads and downloads to come, the connection is cut when so many bytes of the body have passed."""
        self._put(cut=requests, cut_after=after)

    def faults_left(self):
        """How many of each are to come: {"fail": 2, "slow": 0, "cut": 0}."""
        left = self._left()
        return {name: left[name] for name in ("fail", "slow", "cut")}

    def no_faults(self):
        self._put(**dict.fromkeys(_FAULT_FIELDS, 0))

    def close(self):
        """Ends the server and removes all that it holds."""
        server, self._server = self._server, ctypes.c_void_p()
        store, self._store = self._store, ctypes.c_void_p()
        if server:
            _library.sluice_server_stop(server, 0)
        if store:
            _library.sluice_store_close(store)
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
