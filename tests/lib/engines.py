"""The engine under test by each of its faces: embedded, a daemon, the real docker client."""
import json
import os
import re
import signal
import subprocess

import leaks
from tests import Failed, SLOW, STASIS, demand, must, must_fail, read, run, wait_until

DOCKER = "/usr/bin/docker"
LOOP = "i=0; while true; do echo $i; i=$(expr $i + 1); sleep 0.05; done"


class Engine:
    """One data root, with or without a daemon, and the words that a command on it begins with."""

    def __init__(self, name, face="embedded"):
        leaks.adopt_orphans()
        # Without a daemon the engine forks among threads; the C library's locks stand that, those
        # of the sanitizer's allocator do not. A sanitized engine is tested as a daemon.
        if SLOW != 1 and face == "embedded":
            face = "daemon"
        self.face = face
        self.directory = os.path.abspath(name)
        self.root = self.directory + "/data"
        self.socket = self.directory + "/socket"
        self.daemon = None
        os.makedirs(self.directory)
        self.local = self.words = [STASIS, "--data-root", self.root]
        must(*self.local, "image", "busybox")
        if face != "embedded":
            client = DOCKER if face == "docker" else STASIS
            self.words = [client, "--host", "unix://" + self.socket]
            self.start_daemon()

    def start_daemon(self):
        with open(self.directory + "/daemon.log", "ab") as log:
            self.daemon = subprocess.Popen(
                [STASIS, "daemon", "--data-root", self.root, "--host", "unix://" + self.socket],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            wait_until(lambda: os.path.exists(self.socket) and run(
                STASIS, "--host", "unix://" + self.socket, "version").status == 0, "the daemon")
        except Failed:
            self.stop_daemon(signal.SIGKILL)
            raise

    def stop_daemon(self, number=signal.SIGTERM):
        if self.daemon:
            self.daemon.send_signal(number)
            self.daemon.wait(20)
            self.daemon = None

    def __call__(self, *words, **options):
        """A command that must succeed; its output without the last newline."""
        return must(*self.words, *words, **options).rstrip("\n")

    def fails(self, *words, **options):
        return must_fail(*self.words, *words, **options)

    def run(self, *words, **options):
        return run(*self.words, *words, **options)

    def start_loop(self, name, *options):
        self("run", "-d", "--name", name, *options, "busybox", "/bin/sh", "-c", LOOP)
        self.wait_counting(name)

    def numbers(self, name):
        return [int(line) for line in self("logs", name).split()]

    def wait_counting(self, name, count=3):
        """Waits until the loop has printed that many further numbers."""
        before = len(self.numbers(name))
        wait_until(lambda: len(self.numbers(name)) >= before + count, name + " to count on")

    def inspect(self, name):
        return json.loads(self("inspect", name))[0]

    def is_running(self, name):
        return self.inspect(name)["State"]["Running"]

    def names(self, *options):
        return self("ps", "--format", "{{.Names}}", *options).split()

    def release(self):
        """Leaves nothing, whatever happened."""
        ids = run(*self.local, "ps", "-aq").out.split()
        if ids:
            run(*self.local, "rm", "-f", *ids)
        self.stop_daemon()
        unmount_below(self.directory)


def unmount_below(directory):
    """What a failed test left mounted would keep its directory from being removed."""
    for point in [point for point in leaks.mounts() if point.startswith(directory + "/")][::-1]:
        print("left mounted: " + point)
        subprocess.run(["umount", "-l", point])


def demand_counting(numbers):
    demand(numbers == list(range(len(numbers))), "numbers are lost or doubled: %s" % numbers[-20:])


def page_command(engine, text):
    """Runs a command of the page as written, `docker` standing for the engine's face."""
    shell = 'docker() { "${words[@]}" "$@"; }\n' + text
    words = " ".join("'%s'" % word for word in engine.words)
    return must("bash", "-c", "words=(%s)\n%s" % (words, shell))


def forget_ids(text):
    return re.sub(r"\b[0-9a-f]{12,64}\b", "<id>", text)


def daemon_log(engine):
    return read(engine.directory + "/daemon.log")
