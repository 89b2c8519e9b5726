#!/usr/bin/env python3
"""Further processes in a running container, and its cgroup: freezing, killing, removing."""
import os
import subprocess
import time

from containers import Container, DRIVER, TOP, V1, field
from tests import Suite, demand, must, run, wait_until


def an_exec_is_in_the_container():
    with Container("exec") as box:
        box.start("/bin/sleep", "1000")
        said = box.exec("/bin/sh", "-c", "hostname; ps; cat /proc/self/cgroup /proc/self/status")
        demand(said.status == 0 and said.out.startswith("box\n") and "sleep 1000" in said.out, said)
        lines = [line for line in said.out.splitlines() if line.count(":") == 2 and "/" in line]
        demand(lines and all(line.endswith(box.group) for line in lines if "::" in line or V1),
               "cgroups: %s" % lines)
        demand(field(said.out, "Seccomp") == "2", "no filter")
        demand(field(said.out, "CapEff") == "00000000a80425fb", "capabilities")
        for name in ("net", "ipc", "uts", "mnt", "pid"):
            link = box.exec("/bin/readlink", "/proc/self/ns/" + name).out.strip()
            demand(link == os.readlink("/proc/%d/ns/%s" % (box.pid, name)), name + " " + link)


def an_exec_ends_as_its_command():
    with Container("codes") as box:
        box.start("/bin/sleep", "1000")
        demand(box.exec("/bin/sh", "-c", "exit 9").status == 9, "not 9")
        demand(box.exec("/bin/sh", "-c", "kill -9 $$").status == 137, "not 137")
        for command, code in (("nothing", 2), ("/proc", 13)):
            result = box.exec(command)
            demand(result.status == 200 and result.err.startswith("%d " % code), result)
        demand(box.exec("/bin/true", cwd="/nowhere").err.startswith("2 "), "cwd")
        demand(box.exec("/bin/sh", "-c", "echo $X; id -u", env=["PATH=/bin", "X=y"],
                        user={"uid": 5, "gid": 5}).out == "y\n5\n", "env and user")


def an_exec_into_nothing_fails():
    with Container("gone") as box:
        box.start("/bin/sleep", "1000")
        box.end()
        result = box.exec("/bin/true")
        demand(result.status == 200 and not result.err.startswith(("2 ", "13 ")), result)


def a_frozen_container_stands_still():
    with Container("freeze") as box:
        box.start("/bin/sh", "-c", "i=0; while true; do i=$((i+1)); echo $i >/count; done")
        count = lambda: open(box.root + "/count").read()
        wait_until(lambda: os.path.exists(box.root + "/count") and count(), "the first count")
        demand(box.cgroup("freeze").status == 0, "cannot freeze")
        before = count()
        time.sleep(0.05)
        demand(count() == before, "it counts on")
        demand(box.cgroup("thaw").status == 0, "cannot thaw")
        wait_until(lambda: count() not in ("", before), "it to count on")


def a_kill_reaches_everything():
    with Container("bomb") as box:
        box.config["linux"]["resources"]["pids"] = {"limit": 50}
        box.config["linux"]["namespaces"] = [{"type": "mount"}, {"type": "uts"}]
        box.start("/bin/sh", "-c", "while true; do sleep 1000 & done 2>/dev/null")
        wait_until(lambda: len(box.cgroup("pids").out.split()) > 30, "many processes")
        demand(box.cgroup("kill").status == 0, "cannot kill")
        demand(box.cgroup("remove").status == 0, "cannot remove")
        box.process.wait()
        box.process = None


def a_frozen_container_can_be_killed():
    with Container("frozen") as box:
        box.start("/bin/sleep", "1000")
        demand(box.cgroup("freeze").status == 0, "cannot freeze")
        demand(box.cgroup("kill").status == 0, "cannot kill")
        demand(box.process.wait(10) == 137, "not killed")
        box.process = None


def a_cgroup_with_cgroups_below_is_removed():
    with Container("nested") as box:
        demand(box.cgroup("create").status == 0, "cannot create")
        demand(box.cgroup("create").status == 0, "cannot create it again")
        for name in os.listdir(TOP) if V1 else [""]:
            folder = "%s/%s%s" % (TOP, name, box.group)
            if os.path.isdir(folder):
                os.makedirs(folder + "/a/b")
        demand(box.cgroup("remove").status == 0, "cannot remove")
        demand(not box.cgroups_left(), box.cgroups_left())
        demand(box.cgroup("remove").status == 0, "removing nothing is an error")


def a_process_can_be_added():
    with Container("add") as box:
        demand(box.cgroup("create").status == 0, "cannot create")
        child = subprocess.Popen(["sleep", "1000"])
        try:
            demand(box.cgroup("add", child.pid).status == 0, "cannot add")
            demand(box.cgroup("pids").out.split() == [str(child.pid)], "not in it")
        finally:
            demand(box.cgroup("kill").status == 0, "cannot kill")
            child.wait()


def bad_resources_leave_no_cgroup():
    with Container("bad") as box:
        for json in ('{"memory": {"limit": 1', '{"cpu": {"cpus": "nine"}}',
                     '{"devices": [{"allow": true, "type": "q"}]}'):
            result = box.cgroup("create", json)
            demand(result.status == 200, result)
            demand(not box.cgroups_left(), box.cgroups_left())
        for path in ("/", "/../x", "x/../../y", ""):
            demand(run(DRIVER, "cgroup", "create", path).status == 200, "path '%s'" % path)


def external_mounts_are_listed_and_made():
    with Container("external") as box:
        os.mkdir(box.bundle + "/source")
        os.symlink("data", box.root + "/link")
        box.config["mounts"].append({"type": "bind", "source": box.bundle + "/source",
                                     "destination": "/link/x", "options": ["rbind"]})
        box.command("/bin/true")
        must(DRIVER, "points", box.bundle)
        demand(os.path.isdir(box.root + "/data/x"), "no mount point")
        demand(not os.path.exists(box.root + "/dev/pts"), "a mount point below a mount")
        listed = dict(line.split(" ", 1) for line in
                      must(DRIVER, "external", box.bundle).splitlines())
        demand(listed.get("/data/x") == box.bundle + "/source", listed)
        demand(listed.get("/proc/kcore", "/dev/null") == "/dev/null", listed)
        if V1:
            demand(listed["/sys/fs/cgroup/memory"] == TOP + "/memory" + box.group, listed)
        mounted = box.says("cat /proc/self/mountinfo")
        points = {line.split()[4] for line in mounted.splitlines()}
        demand(set(listed) <= points, "not mounted: %s" % (set(listed) - points))


suite = Suite()
for name, test in list(globals().items()):
    if callable(test) and getattr(test, "__module__", "") == "__main__":
        suite.run("runtime: " + name.replace("_", " "), test)
suite.end()
