#!/usr/bin/env python3
# time limit: 400
"""Every specimen, dumped and restored by the criu command, in several ways.

SPECIMENS="heap pipes" picks some, WAYS="0 4" the ways by their place in the list below."""
import os

from tests import Suite
from trees import SPECIMENS, Tree, decode_images

# Programs of that folder that are no specimens of this list: see test-refused.py.
OTHER = {"others", "enter", "forbid", "forest-static"}


def plain(tree):
    tree.must_dump()
    decode_images(tree.image_directory())
    tree.must_restore()
    tree.check()


def live(tree):
    """The one that was dumped goes on as if nothing had happened."""
    tree.must_dump("-R")
    tree.check()


def live_then_restored(tree):
    tree.must_dump("--leave-running")
    tree.kill()
    tree.must_restore()
    tree.check()


def three_rounds(tree):
    for _ in range(3):
        tree.must_dump()
        tree.must_restore()
    tree.check()


WAYS = [("dumped and restored", plain, False),
        ("live", live, False),
        ("live and then restored", live_then_restored, False),
        ("three rounds", three_rounds, False),
        ("in namespaces", plain, True)]


def one(specimen, way, in_namespaces, directory):
    tree = Tree(directory, [os.path.join(SPECIMENS, specimen)], in_namespaces)
    try:
        tree.wait_ready()
        way(tree)
    finally:
        tree.release()


def main():
    suite = Suite()
    ways = os.environ.get("WAYS", "").split()
    wanted = os.environ.get("SPECIMENS", "").split()
    for specimen in sorted(os.listdir(SPECIMENS)):
        path = os.path.join(SPECIMENS, specimen)
        if not os.path.isfile(path) or specimen in OTHER or wanted and specimen not in wanted:
            continue
        for number, (words, way, in_namespaces) in enumerate(WAYS):
            if ways and str(number) not in ways:
                continue
            suite.run("%s, %s" % (specimen, words), one, specimen, way, in_namespaces,
                      "%s-%d" % (specimen, number))
    suite.end()


main()
