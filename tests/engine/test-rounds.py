#!/usr/bin/env python3
# time limit: 240
"""One container 100 times checkpointed and restored: nothing leaks, no number is lost."""
import os

import leaks
from engines import Engine, demand_counting
from tests import SLOW, Suite, demand, wait_until

ROUNDS = 100 if SLOW == 1 else 10


def disk_use(directory):
    """Bytes of all files but logs, which grow because the container writes."""
    return sum(os.lstat(os.path.join(folder, name)).st_blocks * 512
               for folder, _, names in os.walk(directory) for name in names
               if not name.endswith(".log"))


def footprint(engine, identity):
    leaks.reap()
    pids = leaks.descendants(os.getpid())
    return {
        "processes": len(pids),
        "descriptors": sum(len(os.listdir("/proc/%d/fd" % pid)) for pid in pids
                           if leaks.describe(pid).find("sleep") < 0 and os.path.exists(
                               "/proc/%d/fd" % pid)),
        "mounts": len([point for point in leaks.mounts() if point.startswith(engine.directory)]),
        "cgroups": len([path for path in leaks.cgroups() if identity in path]),
    }


def steady_footprint(engine, identity):
    """The loop's `expr` and `sleep` come and go, so the smallest of several looks."""
    looks = [footprint(engine, identity) for _ in range(10)]
    return {key: min(look[key] for look in looks) for key in looks[0]}


def rounds(engine):
    engine.start_loop("looper")
    engine("checkpoint", "looper")
    engine("restore", "looper")
    identity = engine.inspect("looper")["Id"]
    before, disk = steady_footprint(engine, identity), disk_use(engine.root)
    for _ in range(ROUNDS):
        engine("checkpoint", "looper")
        engine("restore", "looper")
    wait_until(lambda: engine.is_running("looper"), "looper")
    engine.wait_counting("looper")
    demand_counting(engine.numbers("looper"))
    after = steady_footprint(engine, identity)
    demand(all(after[key] <= before[key] for key in before), "was %s, is %s" % (before, after))
    demand(disk_use(engine.root) <= disk * 1.2 + 100000, "disk: was %d, is %d bytes" % (
        disk, disk_use(engine.root)))


def main():
    suite = Suite()
    for face in ("embedded", "daemon"):
        engine = Engine(face, face)
        try:
            suite.run("%d rounds of one container, %s" % (ROUNDS, face), rounds, engine)
        finally:
            engine.release()
    suite.end()


main()
