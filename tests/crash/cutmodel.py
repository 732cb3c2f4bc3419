# SPDX-License-Identifier: MIT
"""What a disk may hold after the power failed. A Disk takes the records of a recording one by one (recorder.h says what they are) and
knows at each moment what the page cache shows and what is on the disk for certain; a State is one of the many that a power cut at
this moment may leave.

What was synced is there. Of everything else, each page is there in any version that it had since its last sync, or torn between two of them
at a sector; a file has any of its sizes since then; holes are pages of zeros. Names are kept in one of two ways:

  journal   a file system with a journal of its names (ext4): what is there is a beginning of all changes of names, in their order,
            and a sync that has to write more than bytes into blocks that are there already makes all before it durable
  loose     each name for itself is at any point of its own history; it is made durable by a sync of its folder, or of the file that was
            created under it

A sync that fails loses pages as Linux does: they are clean from then on and never reach the disk unless they are written
again, while readers see them until the power fails."""
import os
import random
import struct

PAGE, SECTOR = 4096, 512
ZERO = bytes(PAGE)

CREATE, MKDIR, TMPFILE, WRITE, PUNCH, SIZE, LINK, RENAME, UNLINK, SYNC, SYNC_FAILED, SYNC_ALL = range(2, 14)
RESET = 20    # the harness's own: the power failed and came back; what follows is on the disk, up to SYNC_ALL
EVICT = 21    # the harness's own: pages that a failed sync lost are no longer in the page cache either
UNKNOWN = 99
HEAD = struct.Struct("<IIHHHHQQQQQQ")
MAGIC = 0x43524C53


class Record:
    __slots__ = ("kind", "time", "ino", "dir", "dir2", "offset", "length", "name", "name2", "data", "zero", "end")

    def __init__(self, kind, ino=0, dir=0, name="", offset=0, length=0, data=b"", dir2=0, name2="", time=0, zero=False, end=0):
        self.kind, self.ino, self.dir, self.name, self.offset, self.length, self.data = kind, ino, dir, name, offset, length, data
        self.dir2, self.name2, self.time, self.zero, self.end = dir2, name2, time, zero, end

    def pack(self):
        name, name2 = self.name.encode(), self.name2.encode()
        data = b"" if self.zero else self.data
        return HEAD.pack(MAGIC, HEAD.size + len(name) + len(name2) + len(data), self.kind, self.zero, len(name), len(name2), self.time, self.ino,
                         self.dir, self.dir2, self.offset, self.length) + name + name2 + data


def read_log(path, begin=0):
    """All whole records of a log from a position on, and where the last of them ends."""
    with open(path, "rb") as file:
        file.seek(begin)
        log = file.read()
    records, at, start = [], 0, begin
    while at + HEAD.size <= len(log):
        magic, size, kind, flags, name_size, name2_size, time, ino, dir, dir2, offset, length = HEAD.unpack_from(log, at)
        assert magic == MAGIC, f"no record at {at} of {path}"
        if at + size > len(log):
            break
        begin = at + HEAD.size
        name = log[begin:begin + name_size].decode()
        name2 = log[begin + name_size:begin + name_size + name2_size].decode()
        data = log[begin + name_size + name2_size:at + size]
        at += size
        records.append(Record(kind, ino, dir, name, offset, length, data, dir2, name2, time, bool(flags), start + at))
    return records, start + at


class File:
    def __init__(self):
        self.cache, self.size = {}, 0            # page number -> bytes, what readers see
        self.disk, self.disk_size = {}, 0        # what is there for certain
        self.pending = {}                        # page number -> [(time, bytes)] since its last sync
        self.sizes = []                          # [(time, size)] likewise
        self.lost = set()                        # numbers of pages that readers see and that never reach the disk
        self.is_mapped_anew = False              # a sync of it has to write what the file system knows of it, too

    def _put(self, number, page, time):
        self.is_mapped_anew |= number not in self.disk
        self.cache[number] = page
        self.lost.discard(number)
        self.pending.setdefault(number, []).append((time, page))

    def write(self, offset, data, time):
        """data: bytes, or a number of zeros."""
        end = offset + (data if isinstance(data, int) else len(data))
        at = offset
        while at < end:
            number, inside = divmod(at, PAGE)
            n = min(PAGE - inside, end - at)
            piece = ZERO[:n] if isinstance(data, int) else data[at - offset:at - offset + n]
            if n < PAGE:
                old = self.cache.get(number, ZERO)
                piece = old[:inside] + piece + old[inside + n:]
            elif isinstance(data, int):
                piece = ZERO
            self._put(number, piece, time)
            at += n
        if end > self.size:
            self.size = end
            self.sizes.append((time, end))

    def punch(self, offset, length, time):
        end = min(offset + length, (self.size + PAGE - 1) // PAGE * PAGE)
        for number in [n for n in self.cache if offset < (n + 1) * PAGE and n * PAGE < end]:
            first, last = max(offset - number * PAGE, 0), min(end - number * PAGE, PAGE)
            page = self.cache[number]
            self._put(number, page[:first] + ZERO[first:last] + page[last:], time)
        self.is_mapped_anew = True

    def resize(self, size, time):
        if size < self.size:
            self.punch(size, self.size - size, time)
        self.size = size
        self.sizes.append((time, size))

    def sync(self):
        for number, versions in self.pending.items():
            self.disk[number] = versions[-1][1]
        self.pending.clear()
        self.sizes.clear()
        self.disk_size, self.is_mapped_anew = self.size, False

    def fail(self, rng):
        """A sync failed: some of its pages are called clean and are not on the disk."""
        share = rng.choice((0.3, 0.7, 1))
        for number in [n for n in sorted(self.pending) if rng.random() < share]:
            del self.pending[number]
            self.lost.add(number)

    def evict(self):
        """The lost pages leave the page cache: {number: what readers see from now on}."""
        seen = {number: self.disk.get(number, ZERO) for number in self.lost}
        self.cache.update(seen)
        self.lost.clear()
        return seen

    def content(self):
        return self.cache, self.size


class Folder:
    pass


class Change:
    """Of names: [(folder, name, what it then names or None)]; made is the new file or folder that it created."""
    __slots__ = ("time", "names", "made")

    def __init__(self, time, names, made=None):
        self.time, self.names, self.made = time, names, made


class Unrecorded(Exception):
    """The log speaks of a file whose making it does not have: the recorder missed it, or took for a file what is none."""


class Disk:
    def __init__(self, names="journal"):
        self.keeps_order = names == "journal"
        self.unknown = []
        self._empty(0)
        self.time = 0

    def _empty(self, root_ino):
        self.root = Folder()
        self.objects = {root_ino: self.root}
        self.names, self.disk_names = {}, {}  # (folder, name) -> File or Folder
        self.changes = []                     # of names, which are not durable

    def apply(self, record):
        try:
            self._apply(record)
        except KeyError as error:
            raise Unrecorded(f"record {record.kind} of {record.name!r}: no file or folder {error}") from error

    def _apply(self, record):
        kind, self.time = record.kind, record.time
        if kind == WRITE:
            self.objects[record.ino].write(record.offset, record.length if record.zero else record.data, record.time)
        elif kind in (SYNC, SYNC_FAILED):
            self._sync(self.objects[record.ino], kind == SYNC, random.Random(record.time))
        elif kind == PUNCH:
            self.objects[record.ino].punch(record.offset, record.length, record.time)
        elif kind == SIZE:
            self.objects[record.ino].resize(record.length, record.time)
        elif kind == TMPFILE:
            self.objects[record.ino] = File()
        elif kind in (CREATE, MKDIR):
            made = self.objects[record.ino] = File() if kind == CREATE else Folder()
            self._change(record, made, (record.dir, record.name, made))
        elif kind == LINK:
            self._change(record, None, (record.dir, record.name, self.objects[record.ino]))
        elif kind == UNLINK:
            self._change(record, None, (record.dir, record.name, None))
        elif kind == RENAME:
            self._change(record, None, (record.dir2, record.name2, self.objects[record.ino]), (record.dir, record.name, None))
        elif kind == SYNC_ALL:
            for thing in self.objects.values():
                if isinstance(thing, File):
                    thing.sync()
            self._make_durable(self.changes)
        elif kind == EVICT:
            self.objects[record.ino].evict()
        elif kind == RESET:
            self._empty(record.ino)
        else:
            self.unknown.append(record.name)

    # ---- Names ----

    def _change(self, record, made, *names):
        names = [(self.objects[folder], name, thing) for folder, name, thing in names]
        for folder, name, thing in names:
            self._set(self.names, folder, name, thing)
        self.changes.append(Change(record.time, names, made))

    @staticmethod
    def _set(names, folder, name, thing):
        if thing is None:
            names.pop((folder, name), None)
        else:
            names[folder, name] = thing

    def _make_durable(self, changes):
        for change in changes:
            for folder, name, thing in change.names:
                self._set(self.disk_names, folder, name, thing)
        done = set(map(id, changes))
        self.changes = [change for change in self.changes if id(change) not in done]

    def _with_their_past(self, wanted):
        """The changes that are wanted, and all before them of the same names."""
        names, found = set(), []
        for change in reversed(self.changes):
            places = {(folder, name) for folder, name, _ in change.names}
            if wanted(change) or places & names:
                names |= places
                found.append(change)
        return found[::-1]

    def _sync(self, thing, good, rng):
        if not good:
            if isinstance(thing, File):
                thing.fail(rng)
            return
        commits = True
        if isinstance(thing, File):
            commits = thing.is_mapped_anew or thing.sizes or any(change.made is thing for change in self.changes)
            thing.sync()
        if self.keeps_order:
            if commits:
                self._make_durable(self.changes)
        else:
            self._make_durable(self._with_their_past(
                lambda change: change.made is thing or any(folder is thing for folder, _, _ in change.names)))

    # ---- States ----

    def certain(self):
        """Everything, as the page cache shows it: {path: (pages, size)}, None for folders."""
        return dict(self._walk(self.names, File.content))

    def paths(self):
        """(path, File or Folder) of all that has a name."""
        return self._walk(self.names, lambda thing: thing, lambda thing: thing)

    def state(self, rng, lagging=None):
        """lagging: the ino of a file of which less than of others is to be there, as far as that is possible."""
        return State(self, rng, self.objects.get(lagging))

    def _walk(self, names, content, of_folder=lambda thing: None):
        folders = {}
        for (folder, name), thing in names.items():
            folders.setdefault(folder, []).append((name, thing))
        todo, seen = [(self.root, "")], {}
        while todo:
            folder, path = todo.pop()
            for name, thing in folders.get(folder, ()):
                if isinstance(thing, Folder):
                    todo.append((thing, path + name + "/"))
                    yield path + name, of_folder(thing)
                else:
                    if thing not in seen:
                        seen[thing] = content(thing)
                    yield path + name, seen[thing]


STYLES = ("nothing", "everything", "pages", "metadata", "newest", "oldest", "one file", "all but one file", "each file its own", "each file its own")


class State:
    """One outcome: .style says of what kind, .files is {path: (pages, size)}, None for folders."""

    def __init__(self, disk, rng, lagging=None):
        self.rng = rng
        self.style = rng.choice(STYLES)
        self.torn = rng.choice((0, 0, 0.3))
        times = sorted({version[0] for thing in disk.objects.values() if isinstance(thing, File) for versions in thing.pending.values()
                        for version in versions})
        self.moment = rng.choice(times) if times else 0
        dirty = [thing for thing in disk.objects.values() if isinstance(thing, File) and (thing.pending or thing.sizes)]
        self.chosen = rng.choice(dirty) if dirty else None
        self.name_style = rng.choice(("none", "all", "some", "some"))
        if lagging in dirty:
            self.style, self.chosen = rng.choice(("all but one file", "all but one file", "nothing", self.style)), lagging
        names = self._names(disk)
        self.files = dict(disk._walk(names, self._content))

    def _names(self, disk):
        names, dropped = dict(disk.disk_names), set()
        keep = {"none": 0, "all": 1}.get(self.name_style, self.rng.random())
        if disk.keeps_order:
            count = {"none": 0, "all": len(disk.changes)}.get(self.name_style, self.rng.randint(0, len(disk.changes)))
            kept = disk.changes[:count]
        else:
            kept = []
            for change in disk.changes:
                places = {(folder, name) for folder, name, _ in change.names}
                if not places & dropped and self.rng.random() < keep:
                    kept.append(change)
                else:
                    dropped |= places
        for change in kept:
            for folder, name, thing in change.names:
                disk._set(names, folder, name, thing)
        return names

    def _pick_of(self, style, share):
        """How many of a page's versions were written: the function of [(time, bytes)]."""
        rng = self.rng
        if style in ("nothing", "metadata"):
            return lambda versions: 0
        if style == "everything":
            return len
        if style == "newest":
            return lambda versions: len(versions) if versions[-1][0] >= self.moment else 0
        if style == "oldest":
            return lambda versions: sum(time <= self.moment for time, _ in versions)
        return lambda versions: 0 if rng.random() >= share else len(versions) if rng.random() < 0.7 else rng.randint(1, len(versions))

    def _content(self, file):
        rng, style = self.rng, self.style
        if style == "one file":
            style = "everything" if file is self.chosen else "nothing"
        elif style == "all but one file":
            style = "nothing" if file is self.chosen else "everything"
        elif style == "each file its own":
            style = rng.choice(("nothing", "everything", "pages", "newest", "oldest", "metadata"))
        pick = self._pick_of(style, rng.choice((0.1, 0.5, 0.9)))
        pages = dict(file.disk)
        for number, versions in file.pending.items():
            count = pick(versions)
            if count > 0:
                pages[number] = versions[count - 1][1]
            if self.torn and count < len(versions) and rng.random() < self.torn:
                pages[number] = self._tear(pages.get(number, ZERO), versions[rng.randint(count, len(versions) - 1)][1])
        return pages, self._size(file, style)

    def _tear(self, old, new):
        """A page that was being written: some of its sectors are the new ones."""
        cuts = range(0, PAGE, SECTOR)
        if self.rng.random() < 0.5: # in their order
            cut = self.rng.randrange(SECTOR, PAGE, SECTOR)
            return new[:cut] + old[cut:]
        return b"".join((new if self.rng.random() < 0.5 else old)[at:at + SECTOR] for at in cuts)

    def _size(self, file, style):
        sizes = [file.disk_size] + [size for _, size in file.sizes]
        if style == "nothing":
            return sizes[0]
        if style in ("everything", "metadata"):
            return sizes[-1]
        return self.rng.choice(sizes)

    def write(self, folder):
        write_files(folder, self.files)


def write_files(folder, files):
    """Makes a folder that holds these files."""
    os.makedirs(folder)
    made = {}
    for path in sorted(files, key=lambda path: path.count("/")):
        content, whole = files[path], os.path.join(folder, path)
        if content is None:
            os.mkdir(whole, 0o700)
        elif id(content) in made:
            os.link(made[id(content)], whole)
        else:
            made[id(content)] = whole
            write_file(whole, *content)


def write_file(path, pages, size):
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        run, begin = [], 0
        for number in sorted(pages):
            page = pages[number]
            if page is ZERO or number * PAGE >= size or page == ZERO:
                continue
            if run and begin + len(run) != number:
                os.pwrite(descriptor, b"".join(run), begin * PAGE)
                run = []
            if not run:
                begin = number
            run.append(page)
        if run:
            os.pwrite(descriptor, b"".join(run), begin * PAGE)
        os.ftruncate(descriptor, size)
    finally:
        os.close(descriptor)


# ---- What the log does not tell: a process was killed between a call and its record ----

def read_pages(path):
    with open(path, "rb") as file:
        data = file.read()
    pages = {}
    for at in range(0, len(data), PAGE):
        page = data[at:at + PAGE]
        page = page if len(page) == PAGE else page + bytes(PAGE - len(page))
        if page != ZERO:
            pages[at // PAGE] = page
    return pages, len(data)


def _same(pages, size, content):
    other, other_size = content
    return size == other_size and all(other.get(n, ZERO) == pages.get(n, ZERO) for n in set(pages) | set(other) if n * PAGE < size)


def scan(folder):
    """{path: (inode number, None or (pages, size))} of all files and folders below."""
    found, todo = {}, [""]
    while todo:
        at = todo.pop()
        for entry in os.scandir(os.path.join(folder, at)):
            path = at + entry.name
            if entry.is_dir():
                found[path] = (entry.inode(), None)
                todo.append(path + "/")
            elif entry.is_file(): # a socket, by which a live server is asked, holds nothing
                found[path] = (entry.inode(), read_pages(entry.path))
    return found


def differences(disk, folder):
    """What must be appended to a log so that it tells what the folder holds: records, whose effects no sync has met."""
    have, want, records = disk.certain(), scan(folder), []
    inos = {thing: ino for ino, thing in disk.objects.items()}
    named = dict(disk.paths())
    folder_ino = {"": inos[disk.root]}
    for path in sorted(set(have) | set(want), key=lambda path: path.count("/")):
        above, name = os.path.split(path)
        if path not in want:
            if above in folder_ino:
                records.append(Record(UNLINK, 0, folder_ino[above], name))
            continue
        ino, content = want[path]
        known = path in have and disk.objects.get(ino) is not None
        if content is None:
            folder_ino[path] = ino
            if not known:
                records.append(Record(MKDIR, ino, folder_ino[above], name))
            continue
        if path not in have or disk.objects.get(ino) is not named[path]: # or another file has the name now
            records.append(Record(LINK if ino in disk.objects else CREATE, ino, folder_ino[above], name))
        pages, size = content
        old = disk.objects[ino].content() if ino in disk.objects else ({}, 0)
        if _same(pages, size, old):
            continue
        if size != old[1]:
            records.append(Record(SIZE, ino, length=size))
        for number in sorted(set(pages) | set(old[0])):
            page = pages.get(number, ZERO)
            if number * PAGE < size and page != old[0].get(number, ZERO):
                data = page[:size - number * PAGE]
                records.append(Record(WRITE, ino, offset=number * PAGE, length=len(data), data=data))
    return records


def base_records(folder):
    """A log's beginning, at first or anew: all that the folder holds is on the disk."""
    root_ino = os.stat(folder).st_ino
    records = [Record(RESET, root_ino)]
    found = scan(folder)
    inos = {"": root_ino}
    made = set()
    for path in sorted(found, key=lambda path: path.count("/")):
        ino, content = found[path]
        above, name = os.path.split(path)
        inos[path] = ino
        records.append(Record(MKDIR if content is None else LINK if ino in made else CREATE, ino, inos[above], name))
        if content is None or ino in made:
            continue
        made.add(ino)
        pages, size = content
        records += [Record(WRITE, ino, offset=n * PAGE, length=PAGE, data=pages[n]) for n in sorted(pages)]
        records.append(Record(SIZE, ino, length=size))
    records.append(Record(SYNC_ALL))
    return records
