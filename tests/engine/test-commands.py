#!/usr/bin/env python3
# time limit: 300
"""Docker's commands as its users know them: output, exit codes, what options do in the container;
by each face."""
import os
import re
import subprocess

from engines import DOCKER, Engine
from tests import Suite, demand, wait_until


def shell(engine, text, *options):
    """What a shell prints in a new container that is removed after."""
    return engine("run", "--rm", *options, "busybox", "sh", "-c", text)


def exit_codes(engine):
    for code in (0, 3, 255):
        result = engine.run("run", "--rm", "busybox", "sh", "-c", "exit %d" % code)
        demand(result.status == code, result)
    demand(engine.run("run", "--rm", "busybox", "/not/there").status == 127, "127")
    demand(engine.run("run", "--rm", "busybox", "/etc").status == 126, "126")
    demand(engine.run("run", "--rm", "--nonsense", "busybox").status == 125, "125")
    demand(engine("ps", "-aq") == "", "containers are left: " + engine("ps", "-a"))


def streams(engine):
    result = engine.run("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2")
    demand((result.out, result.err) == ("out\n", "err\n"), result)
    result = engine.run("run", "--rm", "-i", "busybox", "cat", input="from outside\n")
    demand(result.out == "from outside\n", result)
    engine("run", "--name", "spoke", "busybox", "sh", "-c", "echo one; echo two >&2; sleep 0.1; echo three")
    result = engine.run("logs", "spoke")
    demand((result.out, result.err) == ("one\nthree\n", "two\n"), result)
    demand(engine("logs", "--tail", "1", "spoke") == "three", "logs --tail")
    stamped = engine("logs", "-t", "spoke").splitlines()[0]
    demand(re.match(r"\d{4}-\d\d-\d\dT[\d:]+\.\d+Z one$", stamped), "logs -t: " + stamped)
    engine("rm", "spoke")


def follow_logs(engine):
    engine("run", "-d", "--name", "talks", "busybox", "sh", "-c",
           "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done; exit 4")
    demand(engine("logs", "-f", "talks").split() == list("12345"), "logs -f")
    demand(engine("wait", "talks") == "4", "wait")
    engine("rm", "talks")


def options_in_container(engine):
    demand(shell(engine, "echo $A $B", "-e", "A=1", "--env", "B=two") == "1 two", "-e")
    demand(shell(engine, "pwd", "-w", "/tmp/deep") == "/tmp/deep", "-w")
    demand(shell(engine, "id -u; id -g", "-u", "1000:100").split() == ["1000", "100"], "-u")
    demand(shell(engine, "hostname", "--hostname", "box") == "box", "--hostname")
    demand(shell(engine, "ls /sys/class/net", "--network", "none") == "lo", "--network none")
    host = set(os.listdir("/sys/class/net"))
    demand(set(shell(engine, "ls /sys/class/net", "--network", "host").split()) == host, "host")
    result = engine.run("run", "--rm", "--read-only", "busybox", "touch", "/x")
    demand(result.status == 1 and "Read-only" in result.err, result)
    demand(shell(engine, "ulimit -n", "--ulimit", "nofile=512:1024") == "512", "--ulimit")


def volumes(engine):
    os.makedirs("shared", exist_ok=True)
    shared = os.path.abspath("shared")
    with open("shared/in", "w") as file:
        file.write("from the host")
    demand(shell(engine, "cat /v/in; echo back > /v/out", "-v", shared + ":/v") ==
           "from the host", "-v")
    demand(open("shared/out").read() == "back\n", "-v: nothing came out")
    result = engine.run("run", "--rm", "-v", shared + ":/v:ro", "busybox", "touch", "/v/x")
    demand(result.status == 1 and "Read-only" in result.err, result)
    mount = "type=bind,source=%s,target=/v,readonly" % shared
    demand(shell(engine, "cat /v/in", "--mount", mount) == "from the host", "--mount")


def capabilities(engine):
    effective = "grep CapEff /proc/self/status | cut -f2"
    demand(shell(engine, effective) == "00000000a80425fb", "Docker's default: " +
           shell(engine, effective))
    demand(int(shell(engine, effective, "--cap-drop", "ALL"), 16) == 0, "--cap-drop ALL")
    added = int(shell(engine, effective, "--cap-drop", "ALL", "--cap-add", "NET_ADMIN"), 16)
    demand(added == 1 << 12, "--cap-add NET_ADMIN: %x" % added)
    demand(bin(int(shell(engine, effective, "--privileged"), 16)).count("1") > 35, "--privileged")


def seccomp(engine):
    mode = "grep ^Seccomp: /proc/self/status | cut -f2"
    demand(shell(engine, mode) == "2", "the default profile is not on")
    demand(shell(engine, mode, "--security-opt", "seccomp=unconfined") == "0", "unconfined")
    with open("profile.json", "w") as file:
        file.write('{"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64"], '
                   '"syscalls": [{"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO"}]}')
    result = engine.run("run", "--rm", "--security-opt", "seccomp=profile.json", "busybox",
                        "mkdir", "/x")
    demand(result.status == 1 and "not permitted" in result.err, result)


def limits(engine):
    engine("run", "-d", "--name", "small", "--memory", "32m", "--cpus", "0.5", "--pids-limit",
           "20", "busybox", "sleep", "1000")
    pid = engine.inspect("small")["State"]["Pid"]
    groups = dict(line.strip().split(":")[1:] for line in open("/proc/%d/cgroup" % pid))
    read = lambda kind, name: open("/sys/fs/cgroup/%s%s/%s" % (kind, groups[kind], name)).read()
    if "memory" in groups:
        demand(int(read("memory", "memory.limit_in_bytes")) == 32 << 20, "--memory")
        demand(read("pids", "pids.max").strip() == "20", "--pids-limit")
        quota, period = (int(read("cpu", "cpu.cfs_%s_us" % name)) for name in ("quota", "period"))
        demand(quota * 2 == period, "--cpus: %d of %d" % (quota, period))
    engine("rm", "-f", "small")


def life(engine):
    engine("create", "--name", "one", "busybox", "sh", "-c",
           "trap 'exit 7' TERM; echo up; while :; do sleep 0.02; done")
    demand(engine.names("-a") == ["one"] and engine.names() == [], "create")
    engine("start", "one")
    wait_until(lambda: engine("logs", "one") == "up", "one to be up")
    engine("pause", "one")
    demand("Paused" in engine("ps", "--format", "{{.Status}}"), "pause")
    engine("unpause", "one")
    engine("rename", "one", "two")
    engine("stop", "two")
    demand(engine.inspect("two")["State"]["ExitCode"] == 7, "stop")
    demand("Exited (7)" in engine("ps", "-a", "--format", "{{.Status}}"), "ps -a")
    engine("start", "two")
    wait_until(lambda: engine("logs", "two").count("up") == 2, "two to be up")
    engine("kill", "two")
    wait_until(lambda: not engine.is_running("two"), "the end of two")
    demand(engine.inspect("two")["State"]["ExitCode"] == 137, "kill")
    engine("rm", "two")
    demand(engine.names("-a") == [], "rm")


def looking(engine):
    engine("run", "-d", "--name", "seen", "-e", "A=b", "busybox", "sleep", "1234")
    demand(engine("ps", "-q", "--filter", "name=seen") != "", "ps --filter")
    demand(engine("ps", "-q", "--filter", "name=unseen") == "", "ps --filter")
    line = engine("ps", "--format", "{{.Names}} {{.Image}} {{.Command}}")
    demand(line == 'seen busybox "sleep 1234"', line)
    demand(engine("inspect", "--format", "{{.State.Status}} {{.Config.Env}}", "seen").startswith(
        "running [A=b"), "inspect --format")
    top = engine("top", "seen")
    demand("PID" in top.splitlines()[0] and "sleep 1234" in top, top)
    demand(engine("exec", "seen", "echo", "within") == "within", "exec")
    demand(engine.run("exec", "seen", "sh", "-c", "exit 9").status == 9, "exec's exit code")
    demand(engine("exec", "-e", "X=y", "-w", "/bin", "-u", "5", "seen", "sh", "-c",
                  "echo $X $(pwd) $(id -u)") == "y /bin 5", "exec -e -w -u")
    engine("rm", "-f", "seen")
    demand("Version" in engine("version") and "Storage Driver" in engine("info"), "version, info")


def images(engine):
    demand("busybox" in engine("images"), "images")
    engine("tag", "busybox", "again:v1")
    engine("save", "-o", "saved.tar", "again:v1")
    engine("rmi", "again:v1")
    demand("again" not in engine("images"), "rmi")
    demand("Loaded image: again:v1" in engine("load", "-i", "saved.tar"), "load")
    demand(engine("run", "--rm", "again:v1", "echo", "loaded") == "loaded", "run of what is loaded")
    os.makedirs("tree/bin", exist_ok=True)
    subprocess.run(["cp", "/usr/bin/busybox", "tree/bin/sh"], check=True)
    subprocess.run(["tar", "-C", "tree", "-cf", "tree.tar", "."], check=True)
    engine("import", "tree.tar", "mine:latest")
    demand(engine("run", "--rm", "mine", "/bin/sh", "-c", "echo imported") == "imported", "import")
    engine("rmi", "mine", "again:v1")


CASES = [exit_codes, streams, follow_logs, options_in_container, volumes, capabilities, seccomp,
         limits, life, looking, images]


def main():
    suite = Suite()
    faces = ["embedded", "daemon"] + (["docker"] if os.path.exists(DOCKER) else [])
    for face in faces:
        engine = None
        try:
            engine = Engine(face, face)
            for case in CASES:
                suite.run("%s, %s" % (case.__name__.replace("_", " "), face), case, engine)
        except Exception as problem:
            suite.fail("an engine, " + face, problem)
        finally:
            if engine:
                engine.release()
    suite.end()


main()
