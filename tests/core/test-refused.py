#!/usr/bin/env python3
"""Objects of kinds that a first version may not know: each is either brought back or refused with
one line that names process, descriptor and kind, and then the target runs on untouched."""
import os
import re

from tests import Skipped, Suite, demand, read, wait_until
from trees import SPECIMENS, Tree, frozen_or_traced, looks_complete

# A kind, what the line that refuses it must say, and is it a descriptor?
KINDS = [
    ("eventfd", "eventfd", True), ("timerfd", "timerfd", True), ("signalfd", "signalfd", True),
    ("epoll", "e(vent)?poll", True), ("inotify", "inotify", True), ("memfd", "memfd", True),
    ("unlinked", "unlinked|deleted|removed", True), ("socketpair", "socket", True),
    ("unix-listener", "socket", True), ("tcp-listener", "socket", True), ("udp", "socket", True),
    ("netlink", "socket", True), ("fifo", "fifo|pipe", True), ("pidfd", "pidfd", True),
    ("io_uring", "io_uring", True), ("userfaultfd", "userfaultfd", True),
    ("posix-lock", "lock", True), ("flock", "lock", True), ("pty", "tty|terminal|pt[sm]", True),
    ("sysv-shm", "SysV|System V", False), ("mqueue", "mqueue|message queue|deleted", True),
    ("namespace", "namespace|nsfs|uts", True), ("proc-file", "/proc|proc", True),
    ("stopped", "stopped", False), ("path-only", "O_PATH|path", True),
]
CANNOT_MAKE = 77


def one(kind, says, is_descriptor):
    tree = Tree(kind, [os.path.join(SPECIMENS, "others"), kind])
    try:
        wait_until(lambda: os.path.exists(tree.path("ready")) or tree.process.poll() is not None,
                   "ready")
        if tree.process.poll() == CANNOT_MAKE:
            raise Skipped("this kernel makes none")
        tree.wait_ready()
        result = tree.dump()
        if result.status == 0:
            tree.wait_gone("the end of the dumped tree")
            tree.must_restore()
        else:
            check_refusal(tree, result, says, is_descriptor)
        tree.check()
    finally:
        tree.release()


def check_refusal(tree, result, says, is_descriptor):
    lines = [line for line in result.err.splitlines() if line.strip()]
    demand(len(lines) == 1, "not one line: %s" % result)
    demand(re.search(r"\bpid \d+", lines[0]), "names no process: " + lines[0])
    # The second end of a pair or what an epoll watches may be met first.
    demand(not is_descriptor or re.search(r"\b(fd|descriptor) \d+", lines[0]),
           "names no descriptor: " + lines[0])
    demand(re.search(says, lines[0], re.I), "does not say %s: %s" % (says, lines[0]))
    demand(not looks_complete(tree.image_directory()), "leaves an image that looks complete")
    demand("Error" in read(tree.image_directory() + "/dump.log"), "dump.log has no Error line")
    demand(not frozen_or_traced(tree.pid), frozen_or_traced(tree.pid))


def main():
    suite = Suite()
    for kind, says, is_descriptor in KINDS:
        suite.run(kind + " is brought back or refused", one, kind, says, is_descriptor)
    suite.end()


main()
