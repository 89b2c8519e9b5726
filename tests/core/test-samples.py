#!/usr/bin/env python3
"""Images that CRIU 4.2 wrote come back: a shell loop, and a pipeline with full pipes.

They were made with Debian's busybox-static, and hold the file's size and build id."""
import array
import fcntl
import os
import subprocess
import tarfile
import termios

import leaks
from tests import CRIU, Skipped, Suite, TESTS, demand, is_alive, must, read, wait_until

BUSYBOX, SIZE = "/usr/bin/busybox", 1982256


def restore(name, pids):
    leaks.adopt_orphans()
    if not os.path.exists(BUSYBOX) or os.stat(BUSYBOX).st_size != SIZE:
        raise Skipped("%s is not the one in the images" % BUSYBOX)
    taken = [pid for pid in pids if os.path.exists("/proc/%d" % pid)]
    if taken:
        raise Skipped("pids %s are in use" % taken)
    with tarfile.open(os.path.join(TESTS, "data", "criu-4.2-samples.tar.gz")) as samples:
        samples.extractall(".", [member for member in samples if member.name.startswith(name)])
    must(CRIU, "restore", "-D", name, "-d", "-o", "restore.log", "-v4")
    demand(all(is_alive(pid) for pid in pids), "not all processes live")


def end(pids):
    for pid in pids:
        subprocess.run(["kill", "-KILL", str(pid)], stderr=subprocess.DEVNULL)
    leaks.wait_for_children(5)


def shell_loop():
    shell, sleep = pids = [29415, 29417]
    try:
        restore("shell-loop", pids)
        demand(b"while" in open("/proc/%d/cmdline" % shell, "rb").read(), "not the loop")
        demand(leaks.children(shell) == [sleep], "not the shell's child")
        wait_until(lambda: leaks.children(shell) not in ([], [sleep]), "the next round", 5)
    finally:
        end(pids + leaks.children(shell))


def content_of_pipe(path):
    count = array.array("i", [0])
    with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as pipe:
        fcntl.ioctl(pipe, termios.FIONREAD, count)
        return pipe.read(count[0])


def pipeline():
    shell, yes, cat, sleep = pids = [29436, 29438, 29439, 29440]
    link = lambda pid, fd: os.readlink("/proc/%d/fd/%d" % (pid, fd))
    try:
        restore("pipeline", pids)
        demand(link(yes, 1) == link(cat, 0) != link(cat, 1) == link(sleep, 0), "pipes differ")
        content = content_of_pipe("/proc/%d/fd/0" % sleep)
        demand(len(content) == 65536 and set(content) == set(b"y\n"), "the pipe's content differs")
        wait_until(lambda: content_of_pipe("/proc/%d/fd/0" % sleep), "yes and cat to go on")
        demand("sleep" in read("/proc/%d/cmdline" % sleep), "not the sleep")
    finally:
        end(pids)


def main():
    suite = Suite()
    suite.run("CRIU's shell loop comes back", shell_loop)
    suite.run("CRIU's pipeline comes back", pipeline)
    suite.end()


main()
