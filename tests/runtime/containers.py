"""Containers of the runtime alone: a busybox bundle in the scratch directory and the driver."""
import json
import os
import shutil
import subprocess

from tests import BUILD, demand, must, read, run, wait_until

DRIVER = os.path.join(BUILD, "tests", "runtime", "runtime-driver")
TOP = "/sys/fs/cgroup"
V1 = os.path.isdir(TOP + "/memory")
APPLETS = "sh cat ls id hostname sleep touch mkdir ps env echo grep kill true readlink mknod stat unshare head wc".split()


def busybox_root(root):
    os.makedirs(root + "/bin")
    shutil.copy(shutil.which("busybox"), root + "/bin/busybox")
    for applet in APPLETS:
        os.symlink("busybox", root + "/bin/" + applet)


class Container:
    """One bundle; `config` may be changed before it runs."""

    def __init__(self, name):
        self.bundle = os.path.join(os.environ.get("SCRATCH", "/tmp/runtime-test"), name)
        self.root = self.bundle + "/rootfs"
        self.cache = self.bundle + "/cache"
        os.makedirs(self.cache)
        busybox_root(self.root)
        self.group = "/stasis-test-%d/%s" % (os.getpid(), name)
        self.config = json.loads(must(DRIVER, "defaults"))
        self.config["root"] = {"path": "rootfs"}
        self.config["linux"]["cgroupsPath"] = self.group
        self.process = None

    def write(self):
        with open(self.bundle + "/config.json", "w") as file:
            json.dump(self.config, file)

    def command(self, *args):
        self.config["process"]["args"] = list(args)
        self.write()
        return [DRIVER, "run", self.bundle, self.cache, self.bundle + "/pid"]

    def run(self, *args):
        """Runs it to its end: the driver's Result."""
        result = run(*self.command(*args))
        self.remove_cgroup()
        return result

    def says(self, script):
        result = self.run("/bin/sh", "-c", script)
        demand(result.status == 0, result)
        return result.out

    def start(self, *args):
        self.process = subprocess.Popen(self.command(*args), stdin=subprocess.DEVNULL)
        self.pid = int(wait_until(lambda: read(self.bundle + "/pid").strip(), "the container"))
        return self.pid

    def exec(self, *args, **changes):
        process = dict(self.config["process"], args=list(args), **changes)
        return run(DRIVER, "exec", self.bundle, self.cache, self.pid, json.dumps(process))

    def cgroup(self, verb, *more):
        return run(DRIVER, "cgroup", verb, self.group, *more)

    def limit(self, controller, file):
        return read("%s/%s%s/%s" % (TOP, controller if V1 else "", self.group, file)).strip()

    def remove_cgroup(self):
        result = self.cgroup("remove")
        demand(result.status == 0, result)
        for folder in [TOP] + [TOP + "/" + name for name in os.listdir(TOP)]:
            try:
                os.rmdir(folder + os.path.dirname(self.group))
            except OSError:
                pass

    def end(self):
        if self.process:
            self.cgroup("kill")
            self.process.wait()
        self.remove_cgroup()
        self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()
        shutil.rmtree(self.bundle, ignore_errors=True)

    def cgroups_left(self):
        return [folder for folder, _, _ in os.walk(TOP) if folder.endswith(self.group)]


def field(status, name):
    return next(line.split(":", 1)[1].strip() for line in status.splitlines()
                if line.startswith(name + ":"))
