"""Process trees that are dumped and restored by the criu command: specimens and others."""
import ctypes
import json
import os
import re
import signal
import subprocess

import leaks
from tests import BUILD, CRIU, Failed, TESTS, demand, is_alive, one_line, read, run, wait_until

SPECIMENS = os.path.join(BUILD, "tests", "specimens")


def mount(source, target, flags=4096):
    demand(ctypes.CDLL(None, use_errno=True).mount(source.encode(), target.encode(), None, flags,
                                                   None) == 0, "mount " + target)


def unmount(target):
    ctypes.CDLL(None).umount2(target.encode(), 2)


class Tree:
    """One tree of processes: what was started, or what came back in its place."""

    def __init__(self, directory, command, namespaces=False):
        """Starts `command` in the new `directory`, in a session of its own."""
        leaks.adopt_orphans()
        os.makedirs(directory, mode=0o755)
        self.directory = os.path.abspath(directory)
        self.images = 0
        self.pids = []  # of the tree that was dumped last
        self.root = None
        self.env = dict(os.environ, SPECIMEN_DIR=self.directory)
        if namespaces:
            self.root = self.directory + "/root"
            os.mkdir(self.root)
            mount("/", self.root)
            command = [os.path.join(SPECIMENS, "enter"), self.root] + command
        with open(self.directory + "/output", "ab") as output:
            self.process = subprocess.Popen(command, cwd=self.directory, env=self.env,
                                            stdin=subprocess.DEVNULL, stdout=output,
                                            stderr=output, start_new_session=True)
        self.pid = self.process.pid
        if namespaces:
            demand(self.process.wait() == 0, "enter: " + read(self.directory + "/output"))
            self.pid = int(read(self.directory + "/init"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def wait_ready(self):
        wait_until(lambda: os.path.exists(self.path("ready")) or self.has_ended(), "ready")
        demand(not self.has_ended(), "ended while setting up: " + read(self.path("differences")))

    def has_ended(self):
        self.reap()
        return not is_alive(self.pid)

    def reap(self):
        try:
            found, self.status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            pass

    def wait_gone(self, what):
        def gone():
            leaks.reap()
            return not any(os.path.exists("/proc/%d" % pid) for pid in [self.pid] + self.pids)
        wait_until(gone, what)

    def dump(self, *options):
        """criu dump into the next image directory; returns the Result."""
        self.images += 1
        images = self.image_directory()
        self.pids = [self.pid] + leaks.descendants(self.pid)
        os.mkdir(images, 0o700)
        return run(CRIU, "dump", "-t", self.pid, "-D", images, "-o", "dump.log", "-v4", *options)

    def image_directory(self, number=None):
        return self.path("images-%d" % (number or self.images))

    def must_dump(self, *options):
        result = self.dump(*options)
        log = read(self.image_directory() + "/dump.log").strip()[-600:]
        demand(result.status == 0, "%s log: %s" % (result, log))
        if "-R" in options or "--leave-running" in options:
            demand(is_alive(self.pid), "dump -R: the tree does not live on")
        else:
            self.wait_gone("the end of the dumped tree")

    def must_restore(self, *options):
        """criu restore -d of the last images; the new root takes the old one's place."""
        images, pidfile = self.image_directory(), self.path("pidfile")
        if os.path.exists(pidfile):
            os.unlink(pidfile)
        if self.root:
            options += ("--root", self.root)
        result = run(CRIU, "restore", "-D", images, "-d", "-o", "restore.log", "-v4",
                     "--pidfile", pidfile, *options)
        log = read(images + "/restore.log").strip()[-600:]
        demand(result.status == 0, "%s log: %s" % (result, log))
        restored = int(read(pidfile) or 0)
        demand(self.root or restored == self.pid, "root was %d, is %d" % (self.pid, restored))
        self.pid = restored
        demand(is_alive(self.pid), "the restored root does not live")

    def check(self):
        """Tells a specimen to check itself and demands that its state holds."""
        open(self.path("check"), "w").close()
        wait_until(lambda: os.path.exists(self.path("verdict")) or self.has_ended(), "a verdict")
        wait_until(self.has_ended, "the end of the specimen")
        verdict = read(self.path("verdict")).strip()
        demand(verdict == "holds", "%s: %s %s" % (
            verdict or "it died without a verdict", one_line(read(self.path("differences"))),
            one_line(read(self.path("output"))[-300:])))

    def kill(self):
        """Ends every process of the tree; descendants of a killed parent come to this process."""
        pids = leaks.descendants(self.pid) + [self.pid]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        def gone():
            leaks.reap()
            return not any(os.path.exists("/proc/%d" % pid) for pid in pids)
        wait_until(gone, "the end of a killed tree")

    def release(self):
        """Leaves nothing: for the end of a test, however it ended."""
        try:
            self.kill()
        except Failed:
            pass
        if self.root:
            unmount(self.root)


def image_files(directory):
    return sorted(name for name in os.listdir(directory) if name.endswith(".img"))


def looks_complete(directory):
    """Would a reader take it for a whole image directory?"""
    return os.path.exists(os.path.join(directory, "inventory.img"))


def decode_images(directory):
    """Every image file of the directory as Debian's crit reads it: {name: object}."""
    result = run("/usr/bin/python3", os.path.join(TESTS, "lib", "decode-images"), directory,
                 env={"PATH": os.environ["PATH"]})
    demand(result.status == 0, "crit cannot read: %s" % result.err[-500:])
    return json.loads(result.out)


def frozen_or_traced(pid):
    """Why a process does not run as it did, or None."""
    status = read("/proc/%d/status" % pid)
    if not status:
        return "pid %d is gone" % pid
    tracer = re.search(r"TracerPid:\t(\d+)", status).group(1)
    state = re.search(r"State:\t(\S)", status).group(1)
    if tracer != "0" or state in "tT":
        return "pid %d: state %s, tracer %s" % (pid, state, tracer)
    return None
