#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""AWS's SDK for Ruby, with keys on: Debian's, as tests/clients/ruby/round_trip.rb uses it."""
import os

from registry import HERE, check, done, needs, program, skip
from sluicetest import Server, run

CLIENT = "AWS SDK for Ruby"
ruby, = needs(CLIENT, "ruby")
if run([ruby, "-e", "require 'aws-sdk-s3'"])[0] != 0:
    skip(CLIENT, "aws-sdk-s3 is not installed")
    done()
server = Server(keys=True)
program(CLIENT, [ruby, "-W0", os.path.join(HERE, "ruby", "round_trip.rb")], server)
check(server.stop(), "the server ends with status 0")
done()
