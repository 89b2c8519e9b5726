#!/usr/bin/env python3
"""A room includes only rooms below it; src/meson.build names them from the ground up."""
import os
import re
import sys

SRC = os.path.join(os.environ["TOP"], "src")
# The runtime stands beside the core and knows only the rooms that both stand on.
RUNTIME_MAY_USE = {"base", "kernel", "runtime"}


def rooms_in_order():
    with open(os.path.join(SRC, "meson.build")) as file:
        return re.findall(r"^subdir\('(\w+)'\)", file.read(), re.M)


def includes(path):
    with open(path, errors="replace") as file:
        for number, line in enumerate(file, 1):
            found = re.match(r'\s*#\s*include\s*"([^"]+)"', line)
            if found:
                yield number, found.group(1)


def sources(room):
    for folder, _, names in os.walk(os.path.join(SRC, room)):
        for name in names:
            if name.endswith((".c", ".h", ".S")):
                yield os.path.join(folder, name)


def room_of(include, path, rooms):
    """The room that an include names; its own for a file beside the including one."""
    first = include.split("/")[0]
    if "/" in include and first in rooms:
        return first
    beside = os.path.normpath(os.path.join(os.path.dirname(path), include))
    return os.path.relpath(beside, SRC).split("/")[0] if os.path.exists(beside) else None


def main():
    rooms = rooms_in_order()
    rank = {room: i for i, room in enumerate(rooms)}
    uses = {room: set() for room in rooms}
    faults = []
    for room in rooms:
        for path in sources(room):
            for number, include in includes(path):
                used = room_of(include, path, rooms)
                if used is None or used == room:
                    continue
                uses[room].add(used)
                where = "%s:%d" % (os.path.relpath(path, SRC), number)
                if rank[used] > rank[room]:
                    faults.append("%s includes %s, a room above it" % (where, include))
                if room == "runtime" and used not in RUNTIME_MAY_USE:
                    faults.append("%s includes %s, of the core" % (where, include))
    unknown = [name for name in os.listdir(SRC)
               if os.path.isdir(os.path.join(SRC, name)) and name not in rank]
    faults += ["src/%s is no room of src/meson.build" % name for name in unknown]
    # Order alone forbids circles; said apart because a circle is the worse fault.
    circles = [(a, b) for a in rooms for b in uses[a] if a in uses.get(b, ()) and a < b]
    report("rooms use only rooms below them", faults)
    report("no two rooms form a circle", ["%s and %s" % pair for pair in circles])
    return 1 if faults or circles else 0


def report(name, faults):
    print("not ok %s: %s" % (name, "; ".join(faults)) if faults else "ok " + name)


sys.exit(main())
