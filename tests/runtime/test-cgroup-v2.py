#!/usr/bin/env python3
"""The runtime where only cgroup v2 is mounted: made so in a mount namespace of this test. Controllers
that v1 holds on this machine are missing there, the rest is as on any v2 machine."""
import os
import sys

INSIDE = "STASIS_TEST_INSIDE"
MOUNT = ("mount --make-rprivate / && umount -R /sys/fs/cgroup && "
         "mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \"$0\"")
if INSIDE not in os.environ:
    os.environ[INSIDE] = "1"
    os.execvp("unshare", ["unshare", "-m", "sh", "-c", MOUNT, os.path.abspath(sys.argv[0])])

from containers import Container, TOP  # noqa: E402
from tests import Suite, demand, wait_until  # noqa: E402


def a_container_runs_in_its_cgroup():
    with Container("run") as box:
        said = box.says("cat /proc/self/cgroup; grep cgroup2 /proc/mounts")
        demand("0::%s\n" % box.group in said and " /sys/fs/cgroup cgroup2 ro" in said, said)


def an_exec_is_in_the_cgroup():
    with Container("exec") as box:
        box.start("/bin/sleep", "1000")
        said = box.exec("/bin/cat", "/proc/self/cgroup")
        demand("0::%s\n" % box.group in said.out, said)


def a_private_cgroup_namespace_has_its_own_root():
    with Container("private") as box:
        box.config["linux"]["namespaces"].append({"type": "cgroup"})
        said = box.says("cat /proc/self/cgroup; ls /sys/fs/cgroup/cgroup.procs")
        demand("0::/\n" in said and "cgroup.procs" in said, said)


def only_dockers_devices_can_be_used():
    with Container("devices") as box:
        said = box.says("echo x >/dev/null && head -c 1 /dev/zero | wc -c; "
                        "mknod /dev/memory c 1 1 && (cat /dev/memory 2>&1 || true); "
                        "echo x >/dev/ptmx && echo open")
        demand(said.split("\n")[0] == "1" and "not permitted" in said, said)


def device_rules_can_be_changed():
    with Container("rules") as box:
        box.start("/bin/sleep", "1000")
        demand(box.exec("/bin/head", "-c", "1", "/dev/zero").status == 0, "cannot read before")
        rules = ('{"devices": [{"allow": false, "access": "rwm"}, '
                 '{"allow": true, "type": "c", "major": 1, "minor": 3, "access": "rw"}, '
                 '{"allow": false, "type": "c", "major": 1, "minor": 3, "access": "r"}]}')
        changed = box.cgroup("update", rules)
        demand(changed.status == 0, changed)
        demand(box.exec("/bin/sh", "-c", "echo x >/dev/null").status == 0, "cannot write")
        for path in ("/dev/null", "/dev/zero"):
            demand("not permitted" in box.exec("/bin/head", "-c", "1", path).err, "can read " + path)


def it_is_frozen_and_thawed_and_killed():
    with Container("freeze") as box:
        box.start("/bin/sh", "-c", "sleep 1000 & wait")
        wait_until(lambda: len(box.cgroup("pids").out.split()) == 2, "two processes")
        demand(box.cgroup("freeze").status == 0, "cannot freeze")
        demand("frozen 1" in open(TOP + box.group + "/cgroup.events").read(), "not frozen")
        demand(box.cgroup("thaw").status == 0, "cannot thaw")
        demand("frozen 0" in open(TOP + box.group + "/cgroup.events").read(), "not thawed")
        demand(box.cgroup("freeze").status == 0, "cannot freeze again")
        demand(box.cgroup("kill").status == 0, "cannot kill")
        demand(box.process.wait(10) == 137, "not killed")
        box.process = None


def a_limit_without_its_controller_is_an_error():
    with Container("limit") as box:
        if "memory" in open(TOP + "/cgroup.controllers").read():
            return
        box.config["linux"]["resources"]["memory"] = {"limit": 1 << 26}
        result = box.run("/bin/true")
        demand(result.status == 200 and "memory.max" in result.err, result)
        demand(not box.cgroups_left(), "cgroups stay")


suite = Suite()
for name, test in list(globals().items()):
    if callable(test) and getattr(test, "__module__", "") == "__main__":
        suite.run("runtime on cgroup v2: " + name.replace("_", " "), test)
suite.end()
