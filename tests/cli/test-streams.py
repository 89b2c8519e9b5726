#!/usr/bin/env python3
"""Output, input, signals and exit statuses of run, start, exec, attach and logs."""
import re
import signal
import subprocess
import threading

from fake_engine import ID, FakeEngine, frame
from tests import STASIS, Suite, demand, must_fail, run, wait_until

engine = FakeEngine()
HOST = ["--host", "unix://" + engine.path]
CONTAINER = {"Id": ID, "State": {"Running": True}, "Config": {"Tty": False, "OpenStdin": True}}


def reset():
    engine.replies.clear()
    engine.replies["POST", "/containers/create"] = (201, {"Id": ID})
    for name in (ID, "c"):
        engine.replies["POST", "/containers/%s/start" % name] = (204, None)
        engine.replies["POST", "/containers/%s/wait" % name] = (200, {"StatusCode": 3})
        engine.replies["POST", "/containers/%s/attach" % name] = lambda handler: \
            handler.send_stream(frame(1, b"out\n"), frame(2, b"err\n"))
        engine.replies["GET", "/containers/%s/json" % name] = (200, CONTAINER)


def stasis(*words, **options):
    reset_needed = options.pop("keep", False)
    if not reset_needed:
        reset()
    return run(STASIS, *HOST, *words, **options)


def same(found, wanted):
    demand(found == wanted, "%r is not %r" % (found, wanted))


def run_in_the_foreground():
    for words in (["run", "i"], ["start", "-a", "c"], ["attach", "c"]):
        result = stasis(*words)
        same((result.status, result.out, result.err), (3, "out\n", "err\n"))


def order_of_a_run():
    engine.asked.clear()
    stasis("run", "--rm", "i")
    same([path.rsplit("/", 1)[1] for _, path, _, _ in engine.asked],
         ["create", "attach", "wait", "start"])
    same(engine.asked[2][2], "condition=removed")


def frames_in_pieces():
    reset()
    data = b"x" * 70000
    whole = frame(1, data) + frame(2, b"") + frame(1, b"end")
    engine.replies["POST", "/containers/%s/attach" % ID] = lambda handler: handler.send_stream(
        whole[:3], whole[3:9], whole[9:40000], whole[40000:])
    same(stasis("run", "i", keep=True).out, data.decode() + "end")


def statuses_of_a_failed_start():
    for message, status in [
            ('exec: "x": executable file not found in $PATH', 127),
            ('exec: "/x": stat /x: no such file or directory', 127),
            ('exec: "/bin": permission denied', 126),
            ("no space left on device", 125)]:
        reset()
        engine.replies["POST", "/containers/%s/start" % ID] = (400, {"message": message})
        for words in ["run", "i"], ["run", "-d", "i"]:
            must_fail(STASIS, *HOST, *words, status=status,
                      says=re.escape("stasis: Error response from daemon: " + message))


def missing_image():
    reset()
    engine.replies["POST", "/containers/create"] = (404, {"message": "No such image: x:latest"})
    result = stasis("run", "x", keep=True)
    same((result.status, result.err),
         (125, "stasis: Error response from daemon: No such image: x:latest\n"))


def errors_of_the_engine():
    reset()
    engine.replies["POST", "/containers/no/stop"] = (404, {"message": "No such container: no"})
    result = stasis("stop", "no", keep=True)
    same((result.status, result.err),
         (1, "Error response from daemon: No such container: no\n"))
    engine.replies["POST", "/containers/c/stop"] = (304, None)
    result = stasis("stop", "no", "c", keep=True)
    same((result.status, result.out), (1, "c\n"))


def engine_that_breaks_off():
    reset()

    def break_off(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "100")
        handler.end_headers()
        handler.wfile.write(b"[")
        handler.close_connection = True

    engine.replies["GET", "/containers/json"] = break_off
    must_fail(STASIS, *HOST, "ps", status=1, says="closed the connection")
    engine.replies["GET", "/containers/json"] = lambda handler: handler.send_stream(b"no json")
    must_fail(STASIS, *HOST, "ps", status=1, says="not JSON")


def input_reaches_the_container():
    reset()

    def echo(handler):
        handler.send_stream()
        data = handler.rfile.read()
        handler.wfile.write(frame(1, data))

    engine.replies["POST", "/containers/%s/attach" % ID] = echo
    same(stasis("run", "-i", "i", input="hello" * 20000, keep=True).out, "hello" * 20000)


def signals_reach_the_container():
    reset()
    killed = threading.Event()

    def attach(handler):
        handler.send_stream(frame(1, b"ready\n"))
        killed.wait(10)

    def kill(handler):
        handler.send_response(204)
        handler.end_headers()
        killed.set()

    engine.replies["POST", "/containers/%s/attach" % ID] = attach
    engine.replies["POST", "/containers/%s/kill" % ID] = kill
    process = subprocess.Popen([STASIS, *HOST, "run", "i"], stdout=subprocess.PIPE)
    same(process.stdout.readline(), b"ready\n")
    process.send_signal(signal.SIGTERM)
    same(process.wait(10), 3)
    same(engine.asked_for("POST", "/containers/%s/kill" % ID)[1], "signal=TERM")


def exec_in_a_container():
    reset()
    engine.replies["POST", "/containers/c/exec"] = (201, {"Id": "e"})
    engine.replies["POST", "/exec/e/start"] = lambda handler: handler.send_stream(
        frame(1, b"o"), frame(2, b"e"))
    engine.replies["GET", "/exec/e/json"] = (200, {"ExitCode": 7})
    result = stasis("exec", "-e", "A=b", "-w", "/w", "-u", "1", "c", "sh", "-c", "x", keep=True)
    same((result.status, result.out, result.err), (7, "o", "e"))
    body = engine.asked_for("POST", "/containers/c/exec")[0]
    same((body["Cmd"], body["Env"], body["WorkingDir"], body["User"]),
         (["sh", "-c", "x"], ["A=b"], "/w", "1"))
    engine.replies["POST", "/exec/e/start"] = (400, {"message": "executable file not found"})
    same(stasis("exec", "c", "nosuch", keep=True).status, 127)


def logs():
    reset()
    engine.replies["GET", "/containers/c/logs"] = lambda handler: handler.send_chunks(
        frame(1, b"1\n") + frame(2, b"2\n")[:5], frame(2, b"2\n")[5:])
    result = stasis("logs", "-ft", "--tail=5", "--since", "2020-01-02T03:04:05.5+01:00", "c",
                    keep=True)
    same((result.status, result.out, result.err), (0, "1\n", "2\n"))
    same(engine.asked_for("GET", "/containers/c/logs")[1],
         "stdout=1&stderr=1&follow=1&timestamps=1&tail=5&since=1577930645.500000000")


def waits():
    reset()
    result = stasis("wait", "c", "c", keep=True)
    same((result.status, result.out), (0, "3\n3\n"))


def full_disk():
    reset()
    engine.replies["GET", "/containers/json"] = (200, [])
    with open("/dev/full", "w") as full:
        process = subprocess.run([STASIS, *HOST, "ps"], stdout=full, stderr=subprocess.PIPE)
    demand(process.returncode == 1 and b"No space left" in process.stderr, process)


suite = Suite()
for test in (run_in_the_foreground, order_of_a_run, frames_in_pieces, statuses_of_a_failed_start,
             missing_image, errors_of_the_engine, engine_that_breaks_off,
             input_reaches_the_container, signals_reach_the_container, exec_in_a_container, logs,
             waits, full_disk):
    suite.run(test.__name__.replace("_", " "), test)
engine.close()
suite.end()
