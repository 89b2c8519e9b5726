#!/usr/bin/env python3
"""Containers from a bundle with Docker's defaults: what their process is and may, what it sees, how
it ends, and that nothing is left of them."""
import os
import signal

from containers import Container, V1, field
from tests import Skipped, Suite, demand, is_alive, wait_until

DOCKER_CAPABILITIES = "00000000a80425fb"


def is_pid_one_with_its_hostname():
    with Container("one") as box:
        demand(box.says("echo $$; hostname") == "1\nbox\n", "not pid 1 of host box")


def has_dockers_capabilities_and_filter():
    with Container("capable") as box:
        status = box.says("cat /proc/self/status")
        for name in ("CapEff", "CapPrm", "CapBnd"):
            demand(field(status, name) == DOCKER_CAPABILITIES, name + " " + field(status, name))
        demand(field(status, "CapAmb") == "0" * 16, "ambient capabilities")
        demand(field(status, "Seccomp") == "2", "no filter")


def a_user_without_rights_has_none():
    with Container("user") as box:
        box.config["process"]["user"] = {"uid": 1000, "gid": 1001, "additionalGids": [7, 8],
                                         "umask": 0o27}
        box.config["process"]["noNewPrivileges"] = True
        for kind in ("effective", "permitted"):
            box.config["process"]["capabilities"][kind] = []
        status = box.says("cat /proc/self/status; echo to >/dev/stdout")
        for name, value in (("Uid", "1000\t1000\t1000\t1000"), ("Gid", "1001\t1001\t1001\t1001"),
                            ("Groups", "7 8"), ("Umask", "0027"), ("CapEff", "0" * 16),
                            ("CapBnd", DOCKER_CAPABILITIES), ("NoNewPrivs", "1"), ("Seccomp", "2")):
            demand(field(status, name) == value, "%s is %r" % (name, field(status, name)))
        demand(status.endswith("to\n"), "/dev/stdout does not open")


def the_filter_forbids_what_dockers_does():
    with Container("filter") as box:
        # A new user namespace needs no capability: only the filter is in the way.
        result = box.run("/bin/unshare", "-U", "/bin/true")
        demand(result.status != 0 and "not permitted" in result.err, result)
        # Compiled on the first run, taken from the cache on the second.
        demand(len(os.listdir(box.cache)) == 1, "cache: %s" % os.listdir(box.cache))
        demand(field(box.says("cat /proc/self/status"), "Seccomp") == "2", "no cached filter")


def a_damaged_cached_filter_is_made_again():
    with Container("cache") as box:
        box.says("true")
        path = box.cache + "/" + os.listdir(box.cache)[0]
        size = os.path.getsize(path)
        os.truncate(path, size - 8)
        demand(field(box.says("cat /proc/self/status"), "Seccomp") == "2", "no filter")
        demand(os.path.getsize(path) == size, "the damaged file stays")


def masked_and_readonly_paths_are():
    with Container("paths") as box:
        said = box.says("cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c; "
                        "ls /sys/firmware | wc -l; echo 1 >/proc/sysrq-trigger || echo refused; "
                        "echo 1 >/proc/sys/kernel/panic || echo refused; "
                        "mkdir /sys/x || echo refused; touch /root-is-writable")
        demand(said.split() == ["0", "0", "refused", "refused", "refused"], said)


def a_readonly_root_is():
    with Container("readonly") as box:
        box.config["root"]["readonly"] = True
        box.says("true")  # makes the mount points
        demand(box.says("touch /x || echo refused; touch /dev/shm/x && echo made").split() ==
               ["refused", "made"], "the root is writable or /dev/shm is not")


def devices_are_dockers():
    with Container("devices") as box:
        said = box.says("echo x >/dev/null; cat /dev/full | true; ls /dev; readlink /dev/ptmx; "
                        "mknod /dev/mine c 1 3 && echo x >/dev/mine; "
                        "mknod /dev/memory c 1 1 && (cat /dev/memory 2>&1 || true)")
        for name in ("null", "zero", "full", "random", "urandom", "tty", "shm", "pts", "mqueue"):
            demand(name in said.split(), "no /dev/" + name)
        demand("pts/ptmx" in said and "not permitted" in said.splitlines()[-1], said)


def loopback_is_up_and_alone():
    with Container("net") as box:
        said = box.says("cat /proc/net/dev; cat /sys/class/net/lo/flags")
        demand(said.count(":") == 1 and said.splitlines()[-1] == "0x9", said)


def limits_are_in_the_cgroup_files():
    with Container("limits") as box:
        box.config["linux"]["resources"].update(
            memory={"limit": 64 << 20, "swap": 128 << 20, "reservation": 32 << 20},
            cpu={"shares": 512, "quota": 50000, "period": 100000, "cpus": "0"},
            pids={"limit": 17})
        box.start("/bin/sleep", "1000")
        wanted = [("pids", "pids.max", "17"), ("cpuset", "cpuset.cpus", "0")]
        if V1:
            wanted += [("memory", "memory.limit_in_bytes", str(64 << 20)),
                       ("memory", "memory.memsw.limit_in_bytes", str(128 << 20)),
                       ("memory", "memory.soft_limit_in_bytes", str(32 << 20)),
                       ("cpu", "cpu.shares", "512"), ("cpu", "cpu.cfs_quota_us", "50000")]
        else:
            wanted += [("memory", "memory.max", str(64 << 20)),
                       ("memory", "memory.swap.max", str(64 << 20)),
                       ("cpu", "cpu.weight", "20"), ("cpu", "cpu.max", "50000 100000")]
        for controller, file, value in wanted:
            demand(box.limit(controller, file) == value,
                   "%s is %s" % (file, box.limit(controller, file)))
        for memory in (256 << 20, 32 << 20):
            changed = box.cgroup("update", '{"memory": {"limit": %d, "swap": %d}}' %
                                 (memory, memory))
            demand(changed.status == 0, changed)
            demand(box.limit("memory", "memory.limit_in_bytes" if V1 else "memory.max") ==
                   str(memory), "update to %d" % memory)


def block_devices_are_throttled():
    with Container("block") as box:
        disk = os.stat("/").st_dev
        major, minor = os.major(disk), os.minor(disk)
        if not (V1 and os.path.exists("/sys/dev/block/%d:%d" % (major, minor))):
            raise Skipped("the root is on no block device, or no v1")
        box.config["linux"]["resources"]["blockIO"] = {"throttleWriteBpsDevice": [
            {"major": major, "minor": minor, "rate": 1 << 20}]}
        box.start("/bin/sleep", "1000")
        said = box.limit("blkio", "blkio.throttle.write_bps_device")
        demand(said == "%d:%d %d" % (major, minor, 1 << 20), said)


def rlimits_sysctls_and_environment_are_set():
    with Container("settings") as box:
        box.config["process"]["rlimits"] = [{"type": "RLIMIT_NOFILE", "soft": 99, "hard": 199}]
        box.config["process"]["env"] += ["A=b c"]
        box.config["process"]["cwd"] = "/bin"
        box.config["process"]["oomScoreAdj"] = 77
        box.config["linux"]["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.msgmax": "9999"}
        os.mkdir(box.root + "/etc")
        with open(box.root + "/etc/passwd", "w") as file:
            file.write("root:x:0:0::/home-of-root:/bin/sh\n")
        said = box.says("ulimit -n; ulimit -Hn; echo $A; pwd; cat /proc/self/oom_score_adj; "
                        "cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax; echo $HOME")
        demand(said.splitlines() == ["99", "199", "b c", "/bin", "77", "1", "9999",
                                     "/home-of-root"], said)


def sysctls_of_the_host_are_refused():
    with Container("sysctl") as box:
        for name in ("kernel.panic", "vm.swappiness", "net/../kernel/panic"):
            box.config["linux"]["sysctl"] = {name: "1"}
            result = box.run("/bin/true")
            demand(result.status == 200 and name in result.err, result)


def exit_codes_are_handed_on():
    with Container("codes") as box:
        demand(box.run("/bin/sh", "-c", "exit 42").status == 42, "not 42")
        box.config["linux"].pop("seccomp")
        demand(box.run("/bin/sh", "-c", "exit 7").status == 7, "not 7 without a filter")


def commands_that_cannot_be_executed_say_so():
    with Container("commands") as box:
        with open(box.root + "/text", "w") as file:
            file.write("no program\n")
        os.mkdir(box.root + "/directory")
        for command, code, text in (("nothing", 2, "executable file not found in $PATH"),
                                    ("/nothing", 2, "No such file"), ("/text", 13, "denied"),
                                    ("/directory", 13, "denied"), ("/text/x", 2, "directory")):
            result = box.run(command)
            demand(result.status == 200 and result.err.startswith("%d " % code) and
                   command in result.err and text in result.err, result)
            demand(not box.cgroups_left(), "cgroups stay after " + command)
        box.config["process"]["cwd"] = "/text"
        demand(box.run("/bin/true").err.startswith("2 "), "a file as working directory")


def a_missing_working_directory_is_made():
    with Container("wd") as box:
        os.symlink("/not-there-yet", box.root + "/link")
        box.config["process"]["cwd"] = "/link/a/b"
        demand(box.says("readlink -f .") == "/not-there-yet/a/b\n", "elsewhere")


def other_failures_do_not_look_like_the_commands():
    with Container("failures") as box:
        for change in ({"type": "bind", "source": "/nowhere/at/all", "destination": "/x"},
                       {"type": "nofs", "source": "x", "destination": "/x"},
                       {"type": "tmpfs", "source": "x", "destination": "/x",
                        "options": ["size=lots"]}):
            box.config["mounts"].append(change)
            result = box.run("/bin/true")
            demand(result.status == 200 and not result.err.startswith(("2 ", "13 ")), result)
            demand(result.err.count("\n") == 1 and change["destination"] in result.err, result)
            demand(not box.cgroups_left(), "cgroups stay")
            box.config["mounts"].pop()


def bind_mounts_have_their_options():
    with Container("binds") as box:
        for name in ("rw", "ro"):
            os.mkdir(box.bundle + "/" + name)
        with open(box.bundle + "/file", "w") as file:
            file.write("from outside\n")
        box.config["mounts"] += [
            {"type": "bind", "source": box.bundle + "/rw", "destination": "/data/rw",
             "options": ["rbind", "rprivate"]},
            {"type": "bind", "source": "ro", "destination": "/data/ro",
             "options": ["rbind", "ro", "nosuid", "noexec"]},
            {"type": "bind", "source": box.bundle + "/file", "destination": "/data/file",
             "options": ["bind", "ro"]}]
        said = box.says("touch /data/rw/x; touch /data/ro/x || echo refused; cat /data/file; "
                        "grep data/ro /proc/self/mountinfo")
        demand(said.startswith("refused\nfrom outside\n") and "ro,nosuid,noexec" in said, said)
        demand(os.path.exists(box.bundle + "/rw/x"), "not written through")


def links_lead_nowhere_outside_the_root():
    with Container("links") as box:
        outside = box.bundle + "/outside"
        os.mkdir(outside)
        os.symlink(outside, box.root + "/absolute")
        os.symlink("../" * 20 + outside[1:], box.root + "/relative")
        os.symlink("/run-of-the-box", box.root + "/dangling")
        os.symlink("loop", box.root + "/loop")
        tmpfs = [{"type": "tmpfs", "source": "tmpfs", "destination": path + "/in"}
                 for path in ("/absolute", "/relative", "/dangling")]
        box.config["mounts"] += tmpfs
        box.config["linux"]["maskedPaths"].append("/absolute")
        said = box.says("grep -c ' tmpfs ' /proc/mounts; ls -d /run-of-the-box/in")
        demand("/run-of-the-box/in" in said, said)
        demand(os.listdir(outside) == [], "something was made outside: %s" % os.listdir(outside))
        box.config["mounts"][-1]["destination"] = "/loop/x"
        result = box.run("/bin/true")
        demand(result.status == 200 and "symbolic links" in result.err, result)


def links_do_not_move_proc():
    with Container("proc") as box:
        os.mkdir(box.root + "/elsewhere")
        os.symlink("elsewhere", box.root + "/proc")
        result = box.run("/bin/true")
        demand(result.status == 200 and "symbolic link" in result.err, result)


def the_working_directory_is_inside():
    with Container("cwd") as box:
        for fd in range(3, 30):
            box.config["process"]["cwd"] = "/proc/self/fd/%d" % fd
            result = box.run("/bin/ls")
            demand(result.status == 200, result)


def the_host_shows_through_where_asked():
    with Container("host") as box:
        box.config["linux"]["namespaces"] = [{"type": "mount"}, {"type": "pid"}]
        del box.config["hostname"]
        said = box.says("readlink /proc/self/ns/net; readlink /proc/self/ns/uts")
        mine = [os.readlink("/proc/self/ns/net"), os.readlink("/proc/self/ns/uts")]
        demand(said.split() == mine, said)


def namespaces_by_path_are_joined():
    with Container("first") as first, Container("second") as second:
        first.start("/bin/sleep", "1000")
        second.config["linux"]["namespaces"] = [
            {"type": "mount"}, {"type": "uts"}, {"type": "ipc"},
            {"type": "network", "path": "/proc/%d/ns/net" % first.pid},
            {"type": "pid", "path": "/proc/%d/ns/pid" % first.pid}]
        said = second.says("readlink /proc/self/ns/net; readlink /proc/self/ns/pid; ps")
        for name in ("net", "pid"):
            demand(os.readlink("/proc/%d/ns/%s" % (first.pid, name)) in said, said)
        demand("sleep 1000" in said, said)


def a_private_cgroup_namespace_has_its_own_root():
    with Container("private") as box:
        box.config["linux"]["namespaces"].append({"type": "cgroup"})
        said = box.says("cat /proc/self/cgroup; ls /sys/fs/cgroup")
        demand(all(line.endswith(":/") for line in said.splitlines() if ":" in line), said)


def a_failing_container_leaves_nothing():
    with Container("nothing") as box:
        box.run("/nothing")
        demand(not box.cgroups_left(), "cgroups")
        with open("/proc/self/mountinfo") as mounts:
            demand(box.bundle not in mounts.read(), "mounts")


def the_init_dies_with_all_its_processes():
    with Container("kill") as box:
        pid = box.start("/bin/sh", "-c", "sleep 1000 & sleep 1000 & wait")
        wait_until(lambda: len(box.cgroup("pids").out.split()) == 3, "two children")
        os.kill(pid, signal.SIGKILL)
        demand(box.process.wait() == 128 + signal.SIGKILL, "not killed")
        box.process = None
        demand(not box.cgroup("pids").out.split(), "processes stay")
        demand(not is_alive(pid), "the init lives")


suite = Suite()
for name, test in list(globals().items()):
    if callable(test) and getattr(test, "__module__", "") == "__main__":
        suite.run("runtime: " + name.replace("_", " "), test)
suite.end()
