# SPDX-License-Identifier: MIT
"""Fixtures: `sluice`, a server for the whole run, whose faults end with each test; `s3_bucket`, a fresh bucket on it; `sluice_environment`, the
variables by which AWS's SDKs find it, for one test."""
import itertools

import pytest

from pytest_sluice.library import Server

_numbers = itertools.count(1)


class Bucket:
    """A bucket that is the test's own."""

    def __init__(self, server, name):
        self.server, self.name, self.url = server, name, f"{server.url}/{name}"

    def __str__(self):
        return self.name

    def client(self, **more):
        return self.server.client(**more)


@pytest.fixture(scope="session")
def _sluice_server():
    with Server() as server:
        yield server


@pytest.fixture
def sluice(_sluice_server):
    yield _sluice_server
    _sluice_server.no_faults()


@pytest.fixture
def s3_bucket(sluice):
    name = f"test-{next(_numbers)}"
    sluice.create_bucket(name)
    return Bucket(sluice, name)


@pytest.fixture
def sluice_environment(sluice, monkeypatch):
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in sluice.environment.items():
        monkeypatch.setenv(name, value)
    return sluice
