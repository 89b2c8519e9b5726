"""What a test left behind: processes, mounts, cgroups, network namespaces, files."""
import ctypes
import os
import re
import signal
import time

PR_SET_CHILD_SUBREAPER = 36
CGROUP_TOP = "/sys/fs/cgroup"


def adopt_orphans():
    """Descendants whose parent dies become children of this process: prctl(2)."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children(pid):
    found = []
    try:
        for task in os.listdir("/proc/%d/task" % pid):
            with open("/proc/%d/task/%s/children" % (pid, task)) as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def descendants(pid):
    found = []
    for child in children(pid):
        found.append(child)
        found += descendants(child)
    return found


def describe(pid):
    try:
        with open("/proc/%d/cmdline" % pid, "rb") as file:
            words = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        with open("/proc/%d/status" % pid) as file:
            status = file.read()
        name = re.search(r"Name:\t(.*)", status).group(1)
        state = re.search(r"State:\t(\S)", status).group(1)
        return "process %d (%s, %s)" % (pid, words[:100] or name, state)
    except OSError:
        return "process %d" % pid


def describe_children():
    return [describe(pid) for pid in descendants(os.getpid())]


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def wait_for_children(seconds):
    """Lets what is on its way out get there. True once no child is left."""
    end = time.monotonic() + seconds
    while True:
        reap()
        if not children(os.getpid()):
            return True
        if time.monotonic() > end:
            return False
        time.sleep(0.01)


def end_children():
    """Kills and reaps what a test left running; returns a description of each."""
    if wait_for_children(1):
        return []
    left = describe_children()
    for _ in range(100):
        for pid in descendants(os.getpid()):
            try:
                # A frozen or stopped process dies of SIGKILL only once it may run.
                thaw(pid)
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if wait_for_children(0.1):
            break
    return left


def thaw(pid):
    try:
        with open("/proc/%d/cgroup" % pid) as file:
            for line in file:
                _, controllers, path = line.strip().split(":", 2)
                if controllers == "freezer" and path != "/":
                    with open(CGROUP_TOP + "/freezer" + path + "/freezer.state", "w") as state:
                        state.write("THAWED")
    except OSError:
        pass


def cgroups():
    """Every cgroup; where others may be at work on the machine, only those of containers."""
    found = set()
    for folder, names, _ in os.walk(CGROUP_TOP):
        found.update(os.path.join(folder, name) for name in names
                     if os.environ.get("CI") or re.fullmatch("[0-9a-f]{64}", name))
    return found


def cgroup_is_empty(path):
    """Is there no process in it or below? (Other tests' cgroups come and go beside ours.)"""
    for folder, _, _ in os.walk(path):
        try:
            with open(folder + "/cgroup.procs") as file:
                if file.read().strip():
                    return False
        except OSError:
            pass
    return os.path.isdir(path)


def mounts():
    with open("/proc/self/mountinfo") as file:
        return [line.split()[4].replace("\\040", " ") for line in file]


def files():
    """Files outside of the scratch directory that could be left; on a machine with others: none."""
    found = set()
    if not os.environ.get("CI"):
        return found
    for folder, pattern in (("/tmp", "^stasis-(?!test-)|^checkpoint1$"), ("/dev/shm", "stasis"), ("/run", "stasis"),
                            ("/run/netns", "."), ("/var/lib", "stasis")):
        try:
            found.update(os.path.join(folder, name) for name in os.listdir(folder)
                         if re.search(pattern, name))
        except OSError:
            pass
    return found


class Snapshot:
    """What there was before a test."""

    def __init__(self):
        self.mounts = mounts()
        self.cgroups = cgroups()
        self.files = files()

    def what_is_new(self, scratch):
        """Describes and removes what there was not before."""
        left = []
        for point in [point for point in mounts() if point.startswith(scratch)][::-1]:
            left.append("mount " + point)
            ctypes.CDLL(None).umount2(point.encode(), 2)
        left += ["cgroup " + path for path in sorted(cgroups() - self.cgroups)
                 if cgroup_is_empty(path)]
        left += ["file " + path for path in sorted(files() - self.files)]
        return left
