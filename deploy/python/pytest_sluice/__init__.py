# SPDX-License-Identifier: MIT
"""An S3 object store in the process of your tests."""
from pytest_sluice.library import Server, SluiceError, version

__all__ = ["Server", "SluiceError", "version"]
