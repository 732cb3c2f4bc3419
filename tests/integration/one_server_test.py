#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One data directory, one server, whatever is done to names while it serves: LOCK removed or replaced, the directory reached by a
symbolic link or a bind mount, renamed, one volume in two directories. The first server goes on, and keeps what it answered."""
import atexit
import os
import shutil

from sluicetest import SLUICE, Server, check, done, equal, fresh, run, scratch, skip


def second(name, data):
    """A second server is kept out, and so is a check, unless the first one makes it, which it can tell by its socket in that directory."""
    status, output = run(["timeout", "30", SLUICE, "serve", "--data", data, "--listen", "127.0.0.1:0"])
    check(status == 1 and "in use by another process" in output, f"{name}: a second server is refused", f"{status}: {output}")
    status, output = run([SLUICE, "check", "--data", data], timeout=60)
    check((status == 0 and "checked by its server" in output) or (status == 2 and "cannot check" in output), f"{name}: a check is the server's, or is none",
          f"{status}: {output}")


def works(name, server, keys):
    """The server takes another object, and has all that it answered."""
    key = f"k{len(keys)}"
    keys[key] = os.urandom(10) if len(keys) % 2 else os.urandom(200_000)
    equal(server.request("PUT", f"/bucket/{key}", body=keys[key])[0], 200, f"{name}: the first one takes uploads")
    check(all(server.request("GET", f"/bucket/{key}")[2] == value for key, value in keys.items()), f"{name}: and has them all")


def bind_mount(source):
    """The directory at a second path, or None where that is not permitted."""
    target = fresh("bound")
    os.mkdir(target)
    status, _ = run(["mount", "--bind", source, target])
    if status != 0:
        return None
    atexit.register(run, ["umount", "--lazy", target])
    return target


data, keys = fresh("data"), {}
server = Server(data=data)
equal(server.request("PUT", "/bucket")[0], 200, "a bucket")
works("untouched", server, keys)
second("untouched", data)

os.remove(os.path.join(data, "LOCK"))
second("LOCK removed", data)
works("LOCK removed", server, keys)
with open(os.path.join(data, "LOCK.new"), "w") as file:
    file.write("1\n")
os.replace(os.path.join(data, "LOCK.new"), os.path.join(data, "LOCK"))
second("LOCK replaced", data)
works("LOCK replaced", server, keys)

link = scratch("link")
os.symlink("data", link)
second("by a symbolic link", link)
bound = bind_mount(data)
if bound is None:
    skip("by a bind mount", "mounting is not permitted")
else:
    second("by a bind mount", bound)
    run(["umount", bound])
works("by other paths", server, keys)

other = fresh("other")
for name in ("blobs", "staging"):
    shutil.rmtree(other, ignore_errors=True)
    os.mkdir(other)
    os.symlink(os.path.join(data, name), os.path.join(other, name))
    status, output = run(["timeout", "30", SLUICE, "serve", "--data", other, "--listen", "127.0.0.1:0"])
    check(status == 1 and "in use by another process" in output, f"{name}/ in two directories: a second server is refused", output)
works("folders in two directories", server, keys)

moved = fresh("moved")
os.rename(data, moved)
second("renamed", moved)
works("renamed", server, keys)
# The old path is free, and a store of its own comes there. Neither takes anything from the other, also not at its end.
newcomer, new_keys = Server(data=data), {}
equal(newcomer.request("GET", "/bucket/k0")[0], 404, "renamed: what comes at the old path is another store")
equal(newcomer.request("PUT", "/bucket")[0], 200, "renamed: with buckets of its own")
works("the newcomer", newcomer, new_keys)
works("renamed, beside the newcomer", server, keys)
check(server.stop(), "renamed: the first one ends with status 0")
works("the newcomer, alone", newcomer, new_keys)
newcomer.kill()
for name, folder, values in (("the renamed one", moved, keys), ("the newcomer", data, new_keys)):
    status, output = run([SLUICE, "check", "--data", folder])
    check(status == 0 and f"clean: {len(values)} objects" in output, f"{name} is sound", output)
    again = Server(data=folder)
    check(all(again.request("GET", f"/bucket/{key}")[2] == value for key, value in values.items()), f"{name} has all that was answered")
    check(again.stop(), f"{name} ends with status 0")
done()
