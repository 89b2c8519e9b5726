#!/usr/bin/env python3
# time limit: 240
"""A tree of 50 processes that share 64 MiB by fork, 100 times dumped and restored: nothing leaks,
the image stays small, all memory is right."""
import os
import re
import shutil

import leaks
from tests import SLOW, Suite, demand, read
from trees import SPECIMENS, Tree

CHILDREN, MEBIBYTES, ROUNDS = 49, 64, 100 if SLOW == 1 else 10


def distinct_memory(tree):
    """Bytes of memory of the tree, each page counted once: the sum of proportional shares."""
    total = 0
    for pid in [tree.pid] + leaks.descendants(tree.pid):
        rollup = read("/proc/%d/smaps_rollup" % pid)
        total += int(re.search(r"^Pss:\s+(\d+)", rollup, re.M).group(1)) * 1024
    return total


def size_of(directory):
    """Bytes on disk; the directory behind `parent` is part of it."""
    return sum(os.lstat(os.path.join(folder, name)).st_blocks * 512
               for folder, _, names in os.walk(directory) for name in names)


def state(tree):
    pids = [tree.pid] + leaks.descendants(tree.pid)
    fds = {pid: sorted(os.listdir("/proc/%d/fd" % pid)) for pid in pids}
    mounts = [point for point in leaks.mounts() if point.startswith(tree.directory)]
    return sorted(pids), fds, mounts


def rounds(tree):
    tree.wait_ready()
    before, distinct = state(tree), distinct_memory(tree)
    for number in range(ROUNDS):
        tree.must_dump()
        size = size_of(tree.image_directory())
        demand(size < 1.3 * distinct, "round %d: image of %d bytes, distinct memory of %d" % (
            number, size, distinct))
        tree.must_restore()
        demand(state(tree) == before, "round %d: processes, descriptors or mounts differ" % number)
        shutil.rmtree(tree.image_directory())
    after = distinct_memory(tree)
    demand(after < 1.3 * distinct, "memory was %d bytes, is %d" % (distinct, after))
    tree.check()


def main():
    suite = Suite()
    tree = Tree("forest", [os.path.join(SPECIMENS, "forest"), str(CHILDREN), str(MEBIBYTES)])
    try:
        suite.run("%d rounds of %d processes" % (ROUNDS, CHILDREN + 1), rounds, tree)
    finally:
        tree.release()
    suite.end()


main()
