#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The crash model on small recordings made by hand: what was synced is in every state, what was not is in some and lacks in others, and no
state holds what never was. Then the promises on histories made by hand, and the recorder under a small program."""
import ctypes
import os
import random
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "integration")]
import cutmodel
from cutmodel import CREATE, EVICT, LINK, MKDIR, PAGE, PUNCH, RENAME, RESET, SIZE, SYNC, SYNC_ALL, SYNC_FAILED, TMPFILE, UNLINK, WRITE, Disk, Record
from lives import build_recorder
from promises import NEVER, History, Read, describe, make_body, match_versions
from sluicetest import check, done, equal, scratch, skip

ROOT = 1
A, B, C = b"a" * PAGE, b"b" * PAGE, b"c" * PAGE


def disk_of(*records, names="journal", first=1):
    """Records get times from `first` on; what a failed sync loses depends on its own."""
    disk = Disk(names)
    disk.apply(Record(RESET, ROOT))
    disk.apply(Record(SYNC_ALL))
    for time, record in enumerate(records, first):
        record.time = time
        disk.apply(record)
    return disk


def bytes_of(content):
    pages, size = content
    return b"".join(pages.get(n, cutmodel.ZERO) for n in range((size + PAGE - 1) // PAGE))[:size]


def outcomes(*records, path="f", count=600, **options):
    """What a file holds in many states: a set; None where it has no name."""
    found = set()
    for seed in range(count):
        disk = disk_of(*records, first=1 + 1000 * seed, **options)
        files = disk.state(random.Random(seed)).files
        found.add(bytes_of(files[path]) if path in files else None)
    return found


def create(name="f", ino=2, folder=ROOT):
    return Record(CREATE, ino, folder, name)


def write(data, offset=0, ino=2):
    return Record(WRITE, ino, offset=offset, length=len(data), data=data)


def sync(ino=2):
    return Record(SYNC, ino)


def bytes_and_sizes():
    base = (create(), write(A), sync(), sync(ROOT))
    equal(outcomes(*base), {A}, "what was written and synced is in every state")
    found = outcomes(*base, write(B))
    check(A in found and B in found, "a write that was not synced is in some states and lacks in others")
    torn = found - {A, B}
    check(torn, "some states tear it")
    check(all(len(data) == PAGE and all(data[at:at + 512] in (A[:512], B[:512]) for at in range(0, PAGE, 512)) for data in torn),
          "at sectors, between old and new")
    equal(outcomes(*base, write(B), sync()), {B}, "a sync brings the newest")
    found = outcomes(*base, write(B), write(C), count=1500)
    check({A, B, C} <= found, "of two versions of a page each may be there")
    found = outcomes(*base, write(B, PAGE), write(C, 2 * PAGE), count=1500)
    check({A, A + B + C} <= found and any(len(data) == 3 * PAGE and data[PAGE:2 * PAGE] != B and data[2 * PAGE:] == C for data in found),
          "pages are written in any order: the last may be there without the one before it")
    check({PAGE, 2 * PAGE, 3 * PAGE} == set(map(len, found)), "a file has any of its sizes since its sync")
    found = outcomes(create(), write(A + B), sync(), sync(ROOT), Record(PUNCH, 2, offset=0, length=PAGE))
    check({A + B, bytes(PAGE) + B} <= found, "a hole may be there or not")
    equal(outcomes(create(), write(A + B), sync(), sync(ROOT), Record(PUNCH, 2, offset=0, length=PAGE), sync()), {bytes(PAGE) + B},
          "once it is synced it is there")
    found = outcomes(create(), write(A + B), sync(), sync(ROOT), Record(SIZE, 2, length=100))
    check(A + B in found and A[:100] in found, "a cut may be there or not")
    equal(outcomes(create(), write(A + B), sync(), sync(ROOT), Record(SIZE, 2, length=100), Record(SIZE, 2, length=PAGE), sync()),
          {A[:100] + bytes(PAGE - 100)}, "what was cut off does not come back when the file grows")
    equal(bytes_of(disk_of(create(), write(b"x" * 10, 4090)).certain()["f"]), bytes(4090) + b"x" * 10, "a write across two pages")


def names():
    for model in ("journal", "loose"):
        made = (create(), write(A), sync(), sync(ROOT))
        found = outcomes(Record(TMPFILE, 2), write(A), sync(), Record(LINK, 2, ROOT, "f"), names=model)
        equal(found, {None, A}, f"{model}: a link without a sync of its folder may vanish, with all its bytes or not at all")
        equal(outcomes(Record(TMPFILE, 2), write(A), sync(), Record(LINK, 2, ROOT, "f"), sync(ROOT), names=model), {A}, f"{model}: with it, it is there")
        equal(outcomes(Record(TMPFILE, 2), write(A), sync(), names=model), {None}, f"{model}: a file without a name vanishes")
        equal(outcomes(create(), write(A), sync(), names=model), {A}, f"{model}: the sync of a new file brings its name")
        equal(outcomes(*made, Record(UNLINK, 2, ROOT, "f"), names=model), {None, A}, f"{model}: a removal may be undone")
        equal(outcomes(*made, Record(UNLINK, 2, ROOT, "f"), sync(ROOT), names=model), {None}, f"{model}: unless its folder was synced")
        found = {tuple(sorted(disk_of(*made, Record(RENAME, 2, ROOT, "f", dir2=ROOT, name2="g"), names=model).state(random.Random(seed)).files))
                 for seed in range(100)}
        equal(found, {("f",), ("g",)}, f"{model}: a renamed file has one of its names")
        equal(outcomes(Record(MKDIR, 3, ROOT, "d"), create("f", 2, 3), write(A), sync(), path="d/f", names=model), {A} if model == "journal" else {None, A},
              f"{model}: a file in a folder whose own name was not synced")
    two = (create("f", 2), create("g", 3))
    seen = {model: {tuple(sorted(disk_of(*two, names=model).state(random.Random(seed)).files)) for seed in range(200)} for model in ("journal", "loose")}
    equal(seen["journal"], {(), ("f",), ("f", "g")}, "with a journal, names come in their order")
    equal(seen["loose"], {(), ("f",), ("g",), ("f", "g")}, "without, in any")
    old = (create("f", 2), write(A), sync(), sync(ROOT), create("g", 3), write(B, ino=2), sync(2))
    check("g" in {name for seed in range(200) for name in disk_of(*old).state(random.Random(seed)).files} and
          any("g" not in disk_of(*old).state(random.Random(seed)).files for seed in range(200)),
          "bytes synced into blocks that were there make no name durable")


def failed_syncs():
    base = (create(), write(A), sync(), sync(ROOT), write(B), Record(SYNC_FAILED, 2))
    found = outcomes(*base)
    check(A in found and B in found, "after a failed sync, a page may be there or not")
    equal({data for data in outcomes(*base, sync()) if data is not None}, {A, B}, "a later sync that succeeds does not bring what was lost")
    equal(outcomes(*base, write(C), sync()), {C}, "unless it is written again")
    equal(bytes_of(disk_of(*base).certain()["f"]), B, "while readers see it all the time")
    equal({bytes_of(disk_of(*base, Record(EVICT, 2), first=at).certain()["f"]) for at in range(50)}, {A, B}, "or until it leaves the page cache")
    whole = B[:2048] + C[:100] + B[2148:]
    equal(outcomes(*base, write(C[:100], 2048), sync()), {whole}, "a few bytes written again take their page along")


def round_trips():
    folder = scratch("made")
    disk = disk_of(create(), write(A + B), Record(MKDIR, 3, ROOT, "d"), create("g", 4, 3), write(b"short", ino=4), Record(LINK, 2, 3, "same"))
    cutmodel.write_files(folder, disk.certain())
    check(os.path.samefile(f"{folder}/f", f"{folder}/d/same"), "two names of one file")
    anew = Disk()
    for record in cutmodel.base_records(folder):
        anew.apply(record)
    equal({path: content and bytes_of(content) for path, content in anew.certain().items()},
          {path: content and bytes_of(content) for path, content in disk.certain().items()}, "a folder is the same when it was made and read back")
    with open(f"{folder}/f", "r+b") as file:
        file.seek(PAGE + 7)
        file.write(b"not recorded")
        file.truncate(PAGE + 100)
    os.unlink(f"{folder}/d/g")
    open(f"{folder}/new", "w").close()
    for record in cutmodel.differences(anew, folder):
        anew.apply(record)
    equal(cutmodel.differences(anew, folder), [], "what a killed process did without a record is found")
    equal(bytes_of(anew.certain()["f"]), A + B[:7] + b"not recorded" + B[19:100], "and readers see it")
    found = {bytes_of(state.files["f"]) for seed in range(100) if "f" in (state := anew.state(random.Random(seed))).files}
    check(A + B in found and len(found) > 1, "and a power cut may undo it")
    os.rename(f"{folder}/new", f"{folder}/kept") # so that its inode is not used again
    with open(f"{folder}/new", "wb") as file:
        file.write(B)
    for record in cutmodel.differences(anew, folder):
        anew.apply(record)
    equal((cutmodel.differences(anew, folder), bytes_of(anew.certain()["new"])), ([], B), "another file under a name that was there is found as well")
    with tempfile.NamedTemporaryFile() as log:
        records = [create(), write(A), Record(RENAME, 2, ROOT, "f", dir2=3, name2="ü"), Record(WRITE, 2, length=PAGE, zero=True)]
        log.write(b"".join(record.pack() for record in records) + records[1].pack()[:-5])
        log.flush()
        back, end = cutmodel.read_log(log.name)
        equal([record.pack() for record in back], [record.pack() for record in records], "records as they were packed, up to the one that is not whole")
        equal(end, sum(len(record.pack()) for record in records), "and its place is told")


def promised():
    history = History()
    key = history.key("b", "k")

    def put(text, begin, end, life=1):
        change = key.change(text, life, begin)
        change.end, change.end_ns = end, end if end != NEVER else NEVER
        return change

    def contents(cut, **options):
        return [change.content for change in key.possible(cut, **options)]

    put("one", 10, 20)
    put("two", 30, 40)
    put("three", 50, NEVER)
    equal([contents(cut) for cut in (5, 15, 20, 35, 40, 60)],
          [[None], [None, "one"], ["one"], ["one", "two"], ["two"], ["two", "three"]], "old, old or new, new")
    key.reads.append(Read("two", 2, 80, 80, 2, True))
    equal(contents(90), ["two"], "what had not happened before a restart does not happen later")
    equal(contents(70), ["two", "three"], "but it may until then")
    put("four", 100, NEVER, 2)
    key.reads.append(Read("four", 3, 120, 120, 4, True))
    equal(contents(130), ["four"], "what a read showed must stay")
    put("five", 140, 150, 3)
    equal(contents(160, until_ns=145), ["four", "five"], "with a weaker promise, the latest may be missing")
    check(key.see("nothing", 3, 1 << 61, 170, 1 << 61) is not None, "a read of what nobody wrote is told")
    key = history.key("b", "versions")
    first, second = put("one", 10, 20), put("two", 30, NEVER)
    first.version, second.version = "v1", None
    must, may = key.versions(50)
    equal((must, may), ([first], [second]), "versions that must and that may be there")
    equal(match_versions(key, [("two", "x"), ("one", "v1")], must, may)[0], None, "a list of both, newest first")
    check(match_versions(key, [("one", "v1"), ("two", "x")], must, may)[0], "not in the other order")
    check(match_versions(key, [("two", "x")], must, may)[0], "not without the acknowledged one")
    body = make_body(7, 1000)
    equal(describe(body), "1000 bytes, cells of values {7: 8}", "a body tells what it is")
    check("zeros" in describe(body[:128] + bytes(128) + body[256:]), "and where it is not")


def recorder():
    """Every call below a program, told by the log: applied to an empty disk, it gives what the program made."""
    library = scratch("recorder.so")
    reason = build_recorder(library)
    if reason is not None:
        return skip("the recorder", reason)
    folder, log = os.path.realpath(scratch()) + "/recorded", scratch("log")
    os.mkdir(folder)
    program = """
import ctypes, os, sys
folder = sys.argv[1]
os.mkdir(folder + "/d")
fd = os.open(folder + "/f", os.O_CREAT | os.O_RDWR)
os.write(fd, b"1" * 5000); os.pwrite(fd, b"2" * 100, 20); os.pwritev(fd, [b"3" * 10, b"4" * 10], 9000); os.writev(fd, [b"5" * 7, b"6"])
os.fsync(fd); os.ftruncate(fd, 9011); os.posix_fallocate(fd, 0, 12000)
read, write = os.pipe()
os.write(write, b"7" * 300)
os.splice(read, fd, 300, offset_dst=11000)
other = os.open(folder + "/d/g", os.O_CREAT | os.O_WRONLY)
os.copy_file_range(fd, other, 4000, 10, 50); os.lseek(other, 6000, 0); os.sendfile(other, fd, 0, 3000); os.fdatasync(other)
os.link(folder + "/f", folder + "/d/h"); os.rename(folder + "/d/h", folder + "/i"); os.unlink(folder + "/f")
os.truncate(folder + "/i", 11500)
try:
    hidden = os.open(folder + "/d", os.O_TMPFILE | os.O_RDWR)
    os.write(hidden, b"8" * 4096)
    os.link(f"/proc/self/fd/{hidden}", folder + "/d/j", src_dir_fd=0, follow_symlinks=True)
except OSError:
    pass
again = os.open(folder + "/d/g", os.O_WRONLY | os.O_APPEND); os.write(again, b"9"); os.close(again)
os.close(os.open(folder + "/t", os.O_CREAT | os.O_WRONLY)); os.close(os.open(folder + "/t", os.O_TRUNC | os.O_WRONLY))
os.mkdir(folder + "/e"); os.rmdir(folder + "/e")
# The number of a folder that the C library has closed goes to something that is no file.
libc = ctypes.CDLL(None)
libc.fdopendir.restype, libc.closedir.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
looked = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
libc.closedir(libc.fdopendir(looked))
event = os.eventfd(0)
assert event == looked
os.write(event, bytes(7) + b"1")
"""
    disk = Disk()
    for record in cutmodel.base_records(folder):
        disk.apply(record)
    done_program = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True,
                                  env={**os.environ, "LD_PRELOAD": library, "CRASH_ROOT": folder, "CRASH_LOG": log})
    if not equal((done_program.returncode, done_program.stderr), (0, ""), "a program runs under the recorder"):
        return
    records, _ = cutmodel.read_log(log)
    for record in records:
        disk.apply(record)
    equal((disk.unknown, [(r.kind, r.name) for r in cutmodel.differences(disk, folder)]), ([], []), "its log tells all that it did")
    equal(sum(record.kind == SYNC for record in records), 2, "and its syncs")
    control = scratch("control")
    with open(control, "wb") as file:
        file.write(bytes((ctypes.c_int * 5)(2, 0, 3, 0, 0)))
    program = "import os,sys; fd=os.open(sys.argv[1]+'/x', os.O_CREAT|os.O_WRONLY); os.fsync(fd)\ntry: os.fsync(fd)\nexcept OSError as e: print(e.errno)\nos.fsync(fd)"
    said = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True,
                          env={**os.environ, "LD_PRELOAD": library, "CRASH_ROOT": folder, "CRASH_LOG": log + "2", "CRASH_CONTROL": control})
    equal(([record.kind for record in cutmodel.read_log(log + "2")[0]], said.stdout.strip()), ([CREATE, SYNC, SYNC_FAILED, SYNC], "5"), "the second sync fails")
    with open(control, "wb") as file:
        file.write(bytes((ctypes.c_int * 5)(1, 0, 3, 0, 0)))
    others = """
import os, sys
def sync(fd):
    try:
        os.fsync(fd)
        return "good"
    except OSError as error:
        return error.errno
path = sys.argv[1] + '/x'
first, second, stranger = os.open(path, os.O_WRONLY), os.open(path, os.O_WRONLY), os.open(path + "y", os.O_CREAT | os.O_WRONLY)
print(sync(first), sync(second), sync(second), sync(first), sync(stranger), sync(os.open(path, os.O_WRONLY)))
"""
    said = subprocess.run([sys.executable, "-c", others, folder], capture_output=True, text=True,
                          env={**os.environ, "LD_PRELOAD": library, "CRASH_ROOT": folder, "CRASH_LOG": log + "5", "CRASH_CONTROL": control})
    equal(said.stdout.split(), ["5", "5", "good", "good", "good", "good"], "a failed sync is told to each descriptor of the file that was open then, once")
    for action, want in ((1, [SYNC]), (2, [SYNC, SYNC])):
        with open(control, "wb") as file:
            file.write(bytes((ctypes.c_int * 5)(2, 0, action, 0, 0)))
        said = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True,
                              env={**os.environ, "LD_PRELOAD": library, "CRASH_ROOT": folder, "CRASH_LOG": f"{log}{action + 2}", "CRASH_CONTROL": control})
        equal((said.returncode, [record.kind for record in cutmodel.read_log(f"{log}{action + 2}")[0] if record.kind != CREATE]), (-9, want),
              f"the process is killed {('before', 'after')[action - 1]} its second sync")


bytes_and_sizes()
names()
failed_syncs()
round_trips()
promised()
recorder()
done()
