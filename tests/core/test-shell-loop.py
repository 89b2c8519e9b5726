#!/usr/bin/env python3
"""The shell loop of the page outside any container goes on counting; crit reads every image."""
import os

from tests import Suite, demand, must, read, wait_until
from trees import Tree, image_files

LOOP = "i=0; while true; do echo $i; i=$(expr $i + 1); sleep 0.02; done"


def numbers(tree):
    return [int(line) for line in read(tree.path("output")).split()]


def goes_on_counting(tree):
    wait_until(lambda: len(numbers(tree)) > 3, "some numbers")
    for _ in range(2):
        tree.must_dump()
        before = len(numbers(tree))
        for name in image_files(tree.image_directory()):
            if not name.startswith("pages-"):
                must("crit", "show", os.path.join(tree.image_directory(), name))
        demand(len(numbers(tree)) == before, "it counts on without a process")
        tree.must_restore()
        wait_until(lambda: len(numbers(tree)) > before + 3, "further numbers")
    demand(numbers(tree) == list(range(len(numbers(tree)))), "numbers are lost or doubled")


def in_shell(shell, directory):
    tree = Tree(directory, shell + ["-c", LOOP])
    try:
        goes_on_counting(tree)
    finally:
        tree.release()


def main():
    suite = Suite()
    suite.run("dash counts on", in_shell, ["/bin/sh"], "dash")
    suite.run("bash counts on", in_shell, ["/bin/bash"], "bash")
    suite.run("busybox counts on", in_shell, ["/usr/bin/busybox", "sh"], "busybox")
    suite.end()


main()
