#!/usr/bin/env python3
"""Namespaces alone: ns-copy saves those of one process and runs a command in copies of them. What the
command sees must be what the process saw; what cannot be copied must be refused by name."""
import io
import os
import re
import shutil
import subprocess
import tarfile

from tests import BUILD, Failed, Suite, demand, read, wait_until

COPY = os.path.join(BUILD, "tests", "ns", "ns-copy")
SCRATCH = os.environ.get("SCRATCH", "/tmp")
LOOK = "cat /proc/self/mountinfo"


class Target:
    """A shell in fresh namespaces, pivoted into a directory of busybox, that did `prepare`."""

    def __init__(self, name, prepare="", flags=("--net",), inherits=None):
        self.top = os.path.join(SCRATCH, name)
        self.root, self.images = self.top + "/root", self.top + "/images"
        for directory in ("bin", "proc", "dev", "sys", "tmp", "mnt", "a", "b", "c"):
            os.makedirs(os.path.join(self.root, directory))
        os.mkdir(self.images)
        shutil.copy("/bin/busybox", self.root + "/bin/busybox")
        script = """
            mount --make-rprivate / && mount --bind {root} {root} && cd {root} &&
            mount -t proc proc proc && /bin/busybox pivot_root . mnt &&
            exec ./bin/busybox chroot . /bin/busybox sh -c '
                export PATH=/bin; /bin/busybox --install -s /bin; cd /; umount -l /mnt
                set -ex; {prepare}
                touch /ready; exec sleep 1000'""".format(root=self.root, prepare=prepare)
        command = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", *flags]
        self.process = subprocess.Popen(command + ["/bin/sh", "-c", script],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, text=True, preexec_fn=inherits)
        wait_until(lambda: os.path.exists(self.root + "/ready") or self.process.poll() is not None,
                   "the target")
        if self.process.poll() is not None:
            raise Failed("target: " + self.process.stderr.read()[-400:])
        children = "/proc/%d/task/%d/children" % (self.process.pid, self.process.pid)
        self.pid = int(wait_until(lambda: read(children).split(), "its pid")[0])

    def look(self, command):
        """What the command prints beside the target."""
        inside = ["nsenter", "-t", str(self.pid), "-a", "/bin/sh", "-c", command]
        return subprocess.run(inside, stdout=subprocess.PIPE, text=True, check=True).stdout

    def save(self, *external):
        return subprocess.run([COPY, "save", str(self.pid), self.images, *external],
                              stderr=subprocess.PIPE, text=True)

    def fill(self, command, *external, root=None, cgroup="-"):
        return subprocess.run([COPY, "fill", self.images, root or self.root, cgroup, *external, "--",
                               "/bin/busybox", "sh", "-c", command],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def copied(self, command, *external, sources=(), **options):
        """What the command prints in the target and in a copy of it."""
        saved = self.save(*external)
        demand(saved.returncode == 0, saved.stderr)
        before = self.look(command)
        self.end()
        filled = self.fill(command, *sources, **options)
        demand(filled.returncode == 0, filled.stderr)
        return before, filled.stdout

    def end(self):
        if self.process.poll() is None:
            os.kill(self.pid, 9)
        self.process.wait()
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def same(before, after):
    if before != after:
        lines = set(before.splitlines()) ^ set(after.splitlines())
        demand(False, "differs: " + " | ".join(sorted(lines)))


def without_ids(mountinfo):
    """Mounts by their points; devices and peer groups by the order in which they appear."""
    numbers = {}

    def number(kind, found):
        return "%s%d" % (kind, numbers.setdefault((kind, found), len(numbers)))

    lines = []
    for line in sorted(mountinfo.splitlines(), key=lambda text: (text.split()[4], text.split()[3])):
        fields = line.split()[2:]
        fields[0] = number("device", fields[0])
        fields = [re.sub(r"(shared|master):(\d+)", lambda m: m[1] + number("group", m[2]), field)
                  for field in fields]
        lines.append(" ".join(fields))
    return "\n".join(lines)


def names_and_limits():
    prepare = """hostname some-name; echo some.domain > /proc/sys/kernel/domainname
        echo 12345 > /proc/sys/kernel/msgmax; echo 100 2000 30 40 > /proc/sys/kernel/sem
        echo 77777777 > /proc/sys/kernel/shmall; echo 17 > /proc/sys/fs/mqueue/msg_max"""
    look = """hostname; cd /proc/sys; cat kernel/domainname kernel/msg* kernel/sem kernel/shm[amr]*
        cat fs/mqueue/*"""
    with Target("names", prepare) as target:
        same(*target.copied(look))


def addresses():
    prepare = """ip link set lo up mtu 16000; ip addr add 10.9.8.7/24 dev lo label lo:x
        ip addr add fd00::7/64 dev lo; echo "0 2000" > /proc/sys/net/ipv4/ping_group_range"""
    look = """ip addr | sed "s/valid_lft.*//"; cat /proc/sys/net/ipv4/ping_group_range"""
    with Target("addresses", prepare) as target:
        same(*target.copied(look))


def loopback_stays_down():
    with Target("down") as target:
        same(*target.copied("ip addr"))


def container_mounts():
    prepare = """mount -t tmpfs -o mode=755,size=65536k,nosuid dev /dev
        mknod -m 666 /dev/null c 1 3; ln -s /proc/self/fd /dev/fd; mkdir /dev/pts /dev/shm /dev/mqueue
        mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts
        mount -t tmpfs -o noexec,nodev,size=64m shm /dev/shm; mount -t mqueue mqueue /dev/mqueue
        mount -t sysfs -o ro sysfs /sys
        mount -o bind /proc/sys /proc/sys; mount -o remount,ro,bind,noexec /proc/sys
        mount -o bind /dev/null /proc/timer_list; mount -t tmpfs -o ro none /proc/fs
        mkdir /a/dir; echo text > /a/file; touch /b/file; mount -o bind /a /c; mount -o bind /a/file /b/file"""
    with Target("mounts", prepare) as target:
        before, after = target.copied(LOOK)
        same(without_ids(before), without_ids(after))


def hidden_mounts():
    """What is mounted below a place that another mount covers is there still, though out of sight."""
    prepare = """mkdir -p /a/x/y /b/z; mount -t proc under /a/x/y; mount -t proc over /a
        mount -t proc one /c; mount -t proc two /c"""
    with Target("hidden", prepare) as target:
        before, after = target.copied(LOOK)
        same(without_ids(before), without_ids(after))


def propagation():
    prepare = """mount -t tmpfs one /a; mkdir /a/sub /a/other; mount --make-shared /a
        mount -o bind /a/sub /b; mount -o bind /a /c; mount --make-slave /c
        mkdir /tmp/d /tmp/e; mount -o bind /a/other /tmp/d; mount --make-slave /tmp/d
        mount --make-shared /tmp/d; mount -t tmpfs two /tmp/e; mount --make-unbindable /tmp/e"""
    with Target("propagation", prepare) as target:
        before, after = target.copied(LOOK)
        demand(before.count("master:") >= 2 and before.count("shared:") >= 3, before)
        same(without_ids(before), without_ids(after))


def contents_of_tmpfs():
    long_name = "n" * 120
    prepare = """mount -t tmpfs -o mode=711 one /a; cd /a; mkdir -p deep/{long}/{long}
        echo text > deep/{long}/{long}/file; ln deep/{long}/{long}/file hard; ln -s /nowhere/{long} link
        mkfifo -m 604 fifo; mknod -m 620 block b 7 3; chown 1234:4321 fifo; chown -h 5:6 link
        truncate -s 5000000 hole; echo end >> hole
        dd if=/proc/self/exe of=big bs=4096; chmod 4751 big; touch "a b" "$(printf "\\303\\251")"
        touch -d "2001-02-03 04:05:06" deep/{long}; chmod 1770 deep""".format(long=long_name)
    look = """cd /a; find . -exec stat -c "%n %F %a %u %g %h %t %T %N" {} + | sort
        find . -type f -exec md5sum {} + | sort; stat -c "%Y" deep/*; stat -c "%y" hard
        test $(stat -c %b hole) -lt 100 && echo sparse"""
    with Target("contents", prepare) as target:
        before, after = target.copied(look)
        demand("sparse" in before, before)
        same(before, after)


def external_mounts():
    os.makedirs(SCRATCH + "/outside/old"), os.makedirs(SCRATCH + "/outside/new")
    for name in ("old", "new"):
        with open(SCRATCH + "/outside/%s/who" % name, "w") as file:
            file.write(name)
    with Target("external") as target:
        mounted = subprocess.run(
            ["nsenter", "-t", str(target.pid), "-m", "/bin/mount", "-t", "tmpfs", "x", "/a"])
        demand(mounted.returncode == 0, "cannot mount")
        saved = target.save("/a=volume")
        demand(saved.returncode == 0, saved.stderr)
        target.end()
        filled = target.fill("cat /a/who", "volume=" + SCRATCH + "/outside/new")
        demand(filled.stdout == "new", filled.stdout + filled.stderr)
        missing = target.fill("cat /a/who")
        demand(missing.returncode != 0 and "volume" in missing.stderr, missing.stderr)


def unshared_mounts():
    """A tree that shares the root of its dumper, and everything that is mounted there."""
    images = SCRATCH + "/unshared"
    os.mkdir(images)
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c",
                                "mount -t tmpfs own /mnt && echo text > /mnt/file && exec sleep 1000"])
    try:
        mounts = "/proc/%d/mountinfo" % process.pid
        wait_until(lambda: " own " in read(mounts) and read("/proc/%d/comm" % process.pid) == "sleep\n",
                   "its mount")
        before = read(mounts) + "text\n"
        saved = subprocess.run([COPY, "save", str(process.pid), images], stderr=subprocess.PIPE,
                               text=True)
        demand(saved.returncode == 0, saved.stderr)
    finally:
        process.kill(), process.wait()
    filled = subprocess.run([COPY, "fill", images, "-", "-", "--", "/bin/sh", "-c",
                             LOOK + " /mnt/file"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)
    demand(filled.returncode == 0, filled.stderr)
    demand(filled.stdout.endswith("text\n"), "/mnt/file: " + filled.stdout[-20:])
    # Some are out of sight: what covers them may stand in for them.
    before, after = (re.sub(r"^device\d+ ", "", without_ids(text[:-5]), flags=re.M)
                     for text in (before, filled.stdout))
    same(before, after)


def refused(name, prepare, says, beside=None):
    with Target(name, prepare) as target:
        if beside:
            subprocess.run(["nsenter", "-t", str(target.pid), *beside], check=True,
                           stdout=subprocess.DEVNULL)
        saved = target.save()
        demand(saved.returncode != 0, "saved it")
        demand(re.search(says, saved.stderr), saved.stderr)
        demand(len(saved.stderr.splitlines()) == 1, saved.stderr)
        demand(target.process.poll() is None, "the target is gone")


def clocks_go_on():
    flags = ("--net", "--time", "--monotonic", "1000000", "--boottime", "2000000")
    with Target("clocks", flags=flags) as target:
        before, after = target.copied("cut -d. -f1 /proc/uptime")
        demand(2000000 < int(before) <= int(after) <= int(before) + 10, before + after)


def hostile_archives():
    """A tmpfs archive with paths and links that lead out of it makes nothing outside."""
    with Target("hostile", "mount -t tmpfs one /a; touch /a/file; touch /victim") as target:
        demand(target.save().returncode == 0, "cannot save")
        target.end()
        archive = [name for name in os.listdir(target.images) if name.startswith("tmpfs-dev-")][0]
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, "/"
        hard = tarfile.TarInfo("hard")
        hard.type, hard.linkname = tarfile.LNKTYPE, "../victim"
        for entries in ([tarfile.TarInfo("../evil")], [tarfile.TarInfo("/evil")],
                        [link, tarfile.TarInfo("out/evil")], [hard]):
            with tarfile.open(os.path.join(target.images, archive), "w:gz") as tar:
                for entry in entries:
                    tar.addfile(entry, io.BytesIO())
            filled = target.fill("true")
            demand(filled.returncode != 0, "took %s" % entries[-1].name)
            demand(not os.path.exists(target.root + "/evil"), "made a file outside")


def cgroups_come_back():
    top = "/sys/fs/cgroup/pids"
    if not os.path.isdir(top) or not os.path.exists(top + "/cgroup.procs"):
        return
    old, new = "/stasis-test-old", "/stasis-test-new"

    def enter():
        os.makedirs(top + old + "/below", exist_ok=True)
        with open(top + old + "/below/pids.max", "w") as limit:
            limit.write("33")
        with open(top + old + "/below/cgroup.procs", "w") as procs:
            procs.write("0")
    try:
        with Target("cgroups", inherits=enter) as target:
            demand(target.save().returncode == 0, "cannot save")
            target.end()
            os.rmdir(top + old + "/below")
            filled = target.fill("cat /proc/self/cgroup", cgroup=new)
            demand(":pids:%s" % new in filled.stdout, filled.stdout + filled.stderr)
            demand(not os.path.exists(top + new), "leaves a cgroup behind")
    finally:
        for path in (old + "/below", old):
            if os.path.isdir(top + path):
                os.rmdir(top + path)


def main():
    suite = Suite()
    for test in (names_and_limits, addresses, loopback_stays_down, container_mounts, hidden_mounts,
                 propagation, contents_of_tmpfs, external_mounts, clocks_go_on, hostile_archives,
                 cgroups_come_back, unshared_mounts):
        suite.run(test.__name__.replace("_", " "), test)
    for name, prepare, says in (
            ("ramfs", "mount -t ramfs none /a", r"mount /a \(ramfs\): not supported"),
            ("network device", "ip link add name d0 type veth peer name d1", "network device veth"),
            ("route", "ip link set lo up; ip route add 10.0.0.0/8 dev lo", "route")):
        suite.run("refused: " + name, refused, name.replace(" ", "-"), prepare, says)
    if shutil.which("iptables"):
        suite.run("refused: packet filter", refused, "packet-filter", "", "tables table filter",
                  beside=["--net", "iptables", "-A", "INPUT", "-j", "ACCEPT"])
    for name, option, says in (("System V message queue", "-Q", "System V message queue"),
                               ("System V semaphores", "-S2", "System V semaphore set"),
                               ("System V shared memory", "-M100", "System V shared memory")):
        suite.run("refused: " + name, refused, name.replace(" ", "-"), "", says,
                  beside=["--ipc", "ipcmk", option])
    suite.end()


main()
