"""What test programs share: results, waiting for a condition, running commands."""
import os
import re
import subprocess
import sys
import time
import traceback

STASIS = os.environ.get("STASIS", "build/stasis")
CRIU = os.environ.get("CRIU", "build/criu")
BUILD = os.environ.get("BUILD", "build")
TESTS = os.environ.get("TESTS", os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SLOW = 4 if "sanitize" in os.path.basename(BUILD) else 1


class Failed(Exception):
    """A test's demand was not met."""


class Skipped(Exception):
    """The test cannot say anything here."""


def demand(holds, why):
    if not holds:
        raise Failed(why)


def one_line(text):
    return " | ".join(str(text).strip().splitlines())[:600]


class Suite:
    """Runs functions as tests; each prints its result at once."""

    def __init__(self):
        self.failed = False

    def run(self, name, function, *arguments, **options):
        try:
            function(*arguments, **options)
            print("ok " + name, flush=True)
        except Skipped as why:
            print("skip %s: %s" % (name, one_line(why)), flush=True)
        except Failed as why:
            self.fail(name, why)
        except Exception as problem:
            self.fail(name, repr(problem))
            traceback.print_exc(file=sys.stdout)

    def fail(self, name, why):
        self.failed = True
        print("not ok %s: %s" % (name, one_line(why)), flush=True)

    def end(self):
        sys.exit(1 if self.failed else 0)


def wait_until(condition, what, seconds=10):
    """Returns the first true result of `condition`; the short waits stand for an event."""
    end = time.monotonic() + seconds * SLOW
    while True:
        result = condition()
        if result:
            return result
        demand(time.monotonic() < end, "waited %d s for %s" % (seconds * SLOW, what))
        time.sleep(0.003)


class Result:
    def __init__(self, command, process):
        self.command = " ".join(command)
        self.status, self.out, self.err = process.returncode, process.stdout, process.stderr

    def __str__(self):
        return "%s: exit status %d: %s %s" % (self.command, self.status, self.out, self.err)


def run(*command, input=None, timeout=60, env=None, cwd=None):
    """Runs a command to its end and returns its Result, whatever it is."""
    command = [str(word) for word in command]
    process = subprocess.run(command, input=input, capture_output=True, text=True,
                             timeout=timeout * SLOW, env=env, cwd=cwd, errors="replace",
                             stdin=None if input is not None else subprocess.DEVNULL)
    return Result(command, process)


def must(*command, **options):
    """Runs a command that must succeed and returns what it printed."""
    result = run(*command, **options)
    demand(result.status == 0, result)
    return result.out


def must_fail(*command, status=None, says="", **options):
    """Runs a command that must fail with one clear line that holds or matches `says`."""
    result = run(*command, **options)
    demand(result.status != 0, "should fail: %s" % result)
    demand(status is None or result.status == status, "should be %s: %s" % (status, result))
    lines = [line for line in result.err.splitlines() if line.strip()]
    demand(len(lines) == 1, "not one line: %s" % result)
    said = says.lower() in lines[0].lower() or re.search(says, lines[0], re.I)
    demand(said, "does not say '%s': %s" % (says, result))
    return result


def read(path):
    try:
        with open(path, errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def is_alive(pid):
    """Is there such a process that has not ended?"""
    status = read("/proc/%d/stat" % pid)
    return bool(status) and status.rsplit(")", 1)[1].split()[0] not in "ZX"
