#!/usr/bin/env python3
# time limit: 300
"""Images: built, imported, loaded and saved; layers as containers see them; names and removal;
archives that lie."""
import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import subprocess
import tarfile
import threading

from engines import Engine
from tests import STASIS, Skipped, Suite, demand, must, must_fail, run

SHOW = "find / -xdev \\( -path /dev -o -path /proc -o -path /sys -o -path /etc \\) -prune -o -print"


def sha(data):
    return hashlib.sha256(data).hexdigest()


def item(name, kind=tarfile.REGTYPE, data=b"", **fields):
    """One entry of a tar: its header and its data."""
    info = tarfile.TarInfo(name)
    info.type, info.size, info.mode = kind, len(data), 0o755 if kind == tarfile.DIRTYPE else 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    return info, data


def tar(*items):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for info, data in items:
            archive.addfile(info, io.BytesIO(data) if data else None)
    return out.getvalue()


def directory(name, **fields):
    return item(name, tarfile.DIRTYPE, **fields)


def link(name, target, kind=tarfile.SYMTYPE):
    return item(name, kind, linkname=target)


def configuration(layers, **fields):
    config = {"architecture": "amd64", "os": "linux", "created": "2020-01-02T03:04:05Z",
              "config": {"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + sha(layer) for layer in layers]}}
    config.update(fields)
    return json.dumps(config).encode()


def docker_archive(layers, name="made:1", config=None, pack=lambda layer: layer):
    config = config or configuration(layers)
    manifest = [{"Config": "config.json", "RepoTags": [name] if name else None,
                 "Layers": ["%d/layer.tar" % i for i in range(len(layers))]}]
    return tar(item("manifest.json", data=json.dumps(manifest).encode()),
               item("config.json", data=config),
               *[item("%d/layer.tar" % i, data=pack(layer)) for i, layer in enumerate(layers)])


def busybox_layer():
    with open("/bin/busybox", "rb") as program:
        data = program.read()
    return tar(directory("bin"), item("bin/busybox", data=data, mode=0o755),
               *[link("bin/" + name, "busybox") for name in ("sh", "find", "stat", "cat", "ls")])


class Images:
    """The engine, a second data root, and scratch files."""

    def __init__(self, engine):
        self.engine = engine
        self.other = [STASIS, "--data-root", engine.directory + "/other"]
        self.serial = 0

    def file(self, data):
        self.serial += 1
        path = "%s/archive-%d" % (self.engine.directory, self.serial)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def load(self, data):
        return self.engine("load", "-i", self.file(data))

    def refuses(self, data, says, *command):
        before = self.state()
        self.engine.fails(*(command or ("load", "-i")), self.file(data), says=says)
        demand(self.state() == before, "left behind: %s" % (set(self.state()) ^ set(before)))

    def state(self):
        """Every file of the image store."""
        return [os.path.join(folder, name) for part in ("images", "layers", "trash")
                for folder, _, names in os.walk(os.path.join(self.engine.root, part))
                for name in names + [folder] if name != "lock"]

    def id(self, name):
        return json.loads(self.engine("image", "inspect", name))[0]["Id"]

    def tree(self, name, *options):
        out = self.engine("run", "--rm", *options, name, "/bin/sh", "-c", SHOW)
        return sorted(line for line in out.split("\n") if not line.startswith("/bin"))


def busybox_is_reproducible(images):
    first = images.id("busybox")
    images.engine("rmi", "busybox")
    images.engine("image", "busybox")
    demand(images.id("busybox") == first, "another id")
    out = images.engine("run", "--rm", "busybox", "stat", "-c", "%a %u %n", "/tmp", "/root",
                        "/bin/sh", "/etc/passwd")
    demand(out == "1777 0 /tmp\n700 0 /root\n777 0 /bin/sh\n644 0 /etc/passwd", out)


def save_and_load(images):
    path = images.engine.directory + "/saved"
    images.engine("tag", "busybox", "localhost:5000/some/where:v1")
    images.engine("save", "-o", path, "busybox", "localhost:5000/some/where:v1")
    out = must(*images.other, "load", "-i", path)
    demand(sorted(out.split("\n"))[-2:] == ["Loaded image: busybox:latest",
                                            "Loaded image: localhost:5000/some/where:v1"], out)
    there = json.loads(must(*images.other, "image", "inspect", "busybox"))[0]
    demand(there["Id"] == images.id("busybox"), "another id")
    with tarfile.open(path) as archive:
        manifest = json.load(archive.extractfile("manifest.json"))
        names = json.load(archive.extractfile("repositories"))
        layer = archive.extractfile(manifest[0]["Layers"][0]).read()
    demand(len(manifest) == 1 and len(manifest[0]["RepoTags"]) == 2, manifest)
    demand("latest" in names["busybox"], names)
    demand(there["RootFS"]["Layers"] == ["sha256:" + sha(layer)], "not the layer that was added")
    images.engine("rmi", "localhost:5000/some/where:v1")


def import_with_changes(images):
    changes = ['CMD ["cat", "/etc/motd"]', "ENV A=1 B='two words'", "WORKDIR /srv", "USER 7:8",
               "EXPOSE 80 53/udp", "LABEL a.b=c", "VOLUME /data", "STOPSIGNAL SIGINT"]
    archive = tar(directory("./"), directory("./etc"), item("./etc/motd", data=b"hello\n"),
                  directory("./srv", uid=7))
    options = [word for change in changes for word in ("-c", change)]
    for name, data in (("plain", archive), ("gz", gzip.compress(archive)),
                       ("xz", lzma.compress(archive))):
        images.engine("import", *options, images.file(data), "imported:" + name)
    config = json.loads(images.engine("image", "inspect", "imported:gz"))[0]
    demand(config["RootFS"]["Layers"] == ["sha256:" + sha(archive)], "not the diff id")
    config = config["Config"]
    wanted = {"Cmd": ["cat", "/etc/motd"], "Env": ["A=1", "B=two words"], "WorkingDir": "/srv",
              "User": "7:8", "ExposedPorts": {"80/tcp": {}, "53/udp": {}}, "Labels": {"a.b": "c"},
              "Volumes": {"/data": {}}, "StopSignal": "SIGINT"}
    demand(config == wanted, config)
    images.refuses(archive, "valid change", "import", "-c", "NOSUCH x")
    images.engine("rmi", "imported:plain", "imported:gz", "imported:xz")


def attributes_are_kept(images):
    layer = tar(directory("d", mode=0o1750, uid=5, gid=6, mtime=1000000000.5),
                item("d/file", data=b"x" * 5000, mode=0o4711, uid=70000, gid=80000,
                     mtime=1234567890.25, pax_headers={"SCHILY.xattr.user.note": "remark"}),
                item("d/again", tarfile.LNKTYPE, linkname="d/file"),
                item("d/pipe", tarfile.FIFOTYPE, mode=0o600, uid=9),
                item("d/null", tarfile.CHRTYPE, mode=0o666, devmajor=1, devminor=3),
                link("d/away", "/nowhere"), item("d/na\u00efve", data=b"1"))
    images.engine("import", images.file(layer), "attributes")
    top = os.path.join(images.engine.root, "layers", sha(layer)[:32], "d")
    found = os.stat(top + "/file")
    demand((found.st_mode, found.st_uid, found.st_gid, found.st_nlink) ==
           (0o104711, 70000, 80000, 2), found)
    demand(found.st_mtime_ns == 1234567890250000000, found.st_mtime_ns)
    demand(os.getxattr(top + "/file", "user.note") == b"remark", "the attribute is lost")
    found = os.stat(top)
    demand((found.st_mode, found.st_uid, found.st_mtime) == (0o41750, 5, 1000000000.5), found)
    found = os.stat(top + "/null")
    demand((found.st_mode, found.st_rdev) == (0o20666, os.makedev(1, 3)), found)
    demand(os.stat(top + "/pipe").st_uid == 9, "the pipe's owner")
    demand(os.readlink(top + "/away") == "/nowhere", "the link")
    demand("na\u00efve" in os.listdir(top), os.listdir(top))
    images.engine("rmi", "attributes")


def whiteouts(images, driver):
    layers = [busybox_layer(),
              tar(item("gone"), directory("d"), item("d/x"), item("d/y"), directory("e"),
                  item("e/z"), item("e/kept"), directory("f"), item("f/below")),
              tar(item(".wh.gone"), directory("d"), item("d/new"), item("d/.wh..wh..opq"),
                  item("e/.wh.z"), directory("f"), item("f/above"), item(".wh.f"),
                  directory(".wh..wh.plnk"), item(".wh..wh.plnk/7"))]
    words = [STASIS, "--data-root", images.engine.directory + "/" + driver, "--storage-driver",
             driver]
    must(*words, "load", "-i", images.file(docker_archive(layers)))
    out = must(*words, "run", "--rm", "made:1", "/bin/sh", "-c", SHOW).split()
    found = sorted(path for path in out if not path.startswith("/bin") and path != "/.dockerenv")
    demand(found == ["/", "/d", "/d/new", "/e", "/e/kept", "/f", "/f/above"], found)


def packed_layers(images):
    layers = [busybox_layer(), tar(directory("packed"))]
    packers = [gzip.compress, lzma.compress]
    if shutil.which("zstd"):
        packers.append(lambda data: subprocess.run(["zstd", "-c"], input=data, check=True,
                                                   stdout=subprocess.PIPE).stdout)
    for pack in packers:
        images.load(gzip.compress(docker_archive(layers, pack=pack)))
        demand("/packed" in images.tree("made:1"), "not there")
        images.engine("rmi", "made:1")


def oci_layout(layers, damage=None, nested=True, name="docker.io/library/oci:2"):
    blobs = {}

    def add(data, **fields):
        blobs[sha(data)] = data
        return dict(fields, digest="sha256:" + sha(data), size=len(data))

    config = add(configuration(layers))
    packed = [add(gzip.compress(layer)) for layer in layers]
    manifest = add(json.dumps({"schemaVersion": 2, "config": config, "layers": packed}).encode(),
                   platform={"os": "linux", "architecture": os.uname().machine.replace(
                       "x86_64", "amd64").replace("aarch64", "arm64")})
    if nested:
        other = add(b"{}", platform={"os": "linux", "architecture": "s390x"})
        manifest = add(json.dumps({"manifests": [other, manifest]}).encode())
    manifest["annotations"] = {"org.opencontainers.image.ref.name": name}
    if damage:
        digest = {"config": config, "layer": packed[0], "manifest": manifest}[damage]["digest"]
        blobs[digest[7:]] = blobs[digest[7:]].replace(b"a", b"b")[:-4]
    return tar(item("oci-layout", data=b'{"imageLayoutVersion":"1.0.0"}'),
               item("index.json", data=json.dumps({"manifests": [manifest]}).encode()),
               *[item("blobs/sha256/" + digest, data=blob) for digest, blob in blobs.items()])


def oci_layouts(images):
    layers = [busybox_layer(), tar(directory("oci"))]
    for nested in (False, True):
        out = images.load(oci_layout(layers, nested=nested))
        demand(out == "Loaded image: oci:2", out)
        demand("/oci" in images.tree("oci:2"), "not there")
        images.engine("rmi", "oci:2")
    out = images.load(oci_layout(layers, name="only-a-tag"))
    demand(out.startswith("Loaded image ID: sha256:"), out)
    images.engine("rmi", out.split()[-1])
    for part in ("config", "layer", "manifest"):
        images.refuses(oci_layout(layers, damage=part), "")


def lying_archives(images):
    outside = images.engine.directory + "/outside"
    os.makedirs(outside)
    layer = busybox_layer()
    bad = {
        "dots": tar(item("../outside/a", data=b"1")),
        "dots inside": tar(directory("d"), item("d/../../a")),
        "link up": tar(link("up", "../" * 20), link("up/x", outside + "/b"),
                       item("hard", tarfile.LNKTYPE, linkname="../../secret")),
        "no such target": tar(item("hard", tarfile.LNKTYPE, linkname="missing")),
        "owner": tar(item("file", uid=1 << 33)),
        "whiteout of dots": tar(item(".wh..")),
        "cut off": tar(item("file", data=b"x" * 100000))[:50000],
        "larger than all": tar(item("file", size=1 << 60))[:1024],
        "no archive": b"this is no archive" * 1000,
    }
    for name, data in bad.items():
        images.refuses(data, "import", "import")
        images.refuses(docker_archive([data]), "load")
    demand(os.listdir(outside) == [], os.listdir(outside))
    for cut in (10, 100, 5000):
        images.refuses(gzip.compress(docker_archive([layer]))[:-cut], "load")
        images.refuses(docker_archive([layer], pack=lambda data: gzip.compress(data)[:-cut]), "")


def links_stay_inside(images):
    """What goes through a link of the archive lands where a container would see it."""
    outside = images.engine.directory + "/outside"
    layer = tar(directory(outside), link("up", "../" * 30 + outside.lstrip("/")), item("up/x"),
                link("abs", outside), item("abs/y"), item("/rooted"),
                directory("/".join(["deep"] * 700)))
    images.engine("import", images.file(layer), "links")
    demand(os.listdir(outside) == [], os.listdir(outside))
    top = os.path.join(images.engine.root, "layers", sha(layer)[:32])
    demand(sorted(os.listdir(top + outside)) == ["x", "y"], os.listdir(top))
    demand(os.path.exists(top + "/rooted"), "an absolute name is one inside")
    images.engine("rmi", "links")


def lying_manifests(images):
    layer = busybox_layer()
    good = configuration([layer])
    wrong = configuration([tar(item("other"))])
    images.refuses(docker_archive([layer], config=wrong), "not what")
    images.refuses(docker_archive([layer], config=b"[]"), "")
    images.refuses(docker_archive([layer], config=b"{"), "")
    images.refuses(docker_archive([layer], config=b"{}"), "")
    images.refuses(docker_archive([layer], config=configuration([layer], config={"Cmd": "sh"})), "")
    images.refuses(docker_archive([layer], config=configuration([layer], config={"Env": [1]})), "")
    images.refuses(docker_archive([layer], name="UPPER/Case"), "reference format")
    images.refuses(docker_archive([layer, layer], config=good), "layers")
    for manifest in (b"", b"[", b"{}", b"[]", b"[1]", b'[{"Config": 1}]',
                     b'[{"Config": "/etc/passwd", "Layers": ["x"]}]',
                     b'[{"Config": "../../../etc/passwd", "Layers": ["x"]}]', b"[" * 100000):
        images.refuses(tar(item("manifest.json", data=manifest)), "")
    images.refuses(tar(item("manifest.json", tarfile.FIFOTYPE)), "")
    images.refuses(tar(directory("manifest.json")), "")
    images.refuses(tar(link("manifest.json", "/etc/passwd")), "")
    images.refuses(tar(item("manifest.json", data=b" " * (9 << 20))), "too large")
    images.refuses(b"", "")


def names(images):
    engine, id = images.engine, images.id("busybox")
    engine("tag", "busybox", "docker.io/library/second")
    engine("tag", id[7:19], "Host.example:80/a/b_c.d-e:T.1")
    for ref in ("busybox", "busybox:latest", "library/busybox", "docker.io/library/busybox",
                "index.docker.io/library/busybox:latest", "second", id, id[7:], id[7:15],
                "Host.example:80/a/b_c.d-e:T.1"):
        demand(images.id(ref) == id, ref)
    for ref in ("UPPER", "a//b", "a/-b", "a..b", "a:b:c", "a:" + "x" * 129, "/a", "a/", "a b",
                "-", "a:.x", "a" * 256, "0" * 64, "b\u00fcsybox", "..", "a/../b"):
        engine.fails("tag", "busybox", ref)
    engine.fails("image", "inspect", "a:", says="reference format")
    engine.fails("image", "inspect", "nosuch", says="No such image: nosuch:latest")
    out = engine.run("run", "nosuch/thing:7")
    demand(out.status == 125 and "No such image: nosuch/thing:7" in out.err, out)
    listed = engine("images", "--format", "{{.Repository}}:{{.Tag}}", "--filter", "reference=s*")
    demand(listed == "second:latest", listed)
    demand(engine("images", "-q", "--filter", "dangling=true") == "", "dangling images")
    engine("rmi", "second", "Host.example:80/a/b_c.d-e:T.1")


def removal(images):
    engine = images.engine
    images.load(docker_archive([busybox_layer(), tar(directory("made"))]))
    id = images.id("made:1")
    engine("tag", "made:1", "made:2")
    engine.fails("rmi", id[7:19], says="must be forced.*multiple repositories")
    demand(engine("rmi", "made:2") == "Untagged: made:2", "more than a name")
    engine("create", "--name", "stopped", "made:1", "/bin/sh")
    engine.fails("rmi", "made:1", says='unable to remove repository reference "made:1" .must '
                 "force. - container [0-9a-f]{12} is using its referenced image " + id[7:19])
    engine.fails("rmi", id, says="must be forced.*stopped container")
    engine("tag", "busybox", "running:1")
    engine.start_loop("running")
    engine.fails("rmi", "-f", images.id("busybox"), says="cannot be forced.*running container")
    engine("rmi", "running:1")
    out = engine("rmi", "-f", "made:1").split("\n")
    demand(out == ["Untagged: made:1", "Deleted: " + id], out)
    layers = len(os.listdir(engine.root + "/layers"))
    engine("start", "stopped")
    engine("rm", "-f", "stopped", "running")
    images.load(docker_archive([tar(item("last"))], name="last"))
    out = engine("rmi", "last").split("\n")
    demand(len(out) == 5 and len(os.listdir(engine.root + "/layers")) == layers - 6,
           "layers that nobody needs stay: %s" % out)


def together(images):
    """Loads, imports and removals at once: each image is there whole, or not at all."""
    base, problems = busybox_layer(), []
    archives = [images.file(docker_archive([base, tar(directory("own-%d" % i))], "many:%d" % i))
                for i in range(4)]

    def work(i):
        for _ in range(4):
            if run(*images.engine.local, "load", "-i", archives[i]).status:
                problems.append("load %d" % i)
            out = run(*images.engine.local, "rmi", "many:%d" % i)
            if out.status:
                problems.append(str(out))
        if run(*images.engine.local, "load", "-i", archives[i]).status:
            problems.append("last load %d" % i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    demand(not problems, problems)
    for i in range(4):
        demand("/own-%d" % i in images.tree("many:%d" % i), "many:%d is not whole" % i)
    images.engine("rmi", *["many:%d" % i for i in range(4)])
    demand(os.listdir(images.engine.root + "/trash") == [], "trash is left")


def podman(images):
    """podman loads what we save, and we load what it saves."""
    if not shutil.which("podman"):
        raise Skipped("there is no podman")
    scratch = images.engine.directory + "/podman"
    words = ["podman", "--root", scratch, "--runroot", scratch + "-run", "--storage-driver", "vfs"]
    path = images.engine.directory + "/for-podman"
    images.engine("save", "-o", path, "busybox")
    must(*words, "load", "-i", path)
    listed = must(*words, "images", "--no-trunc", "--format", "{{.Id}}").strip()
    demand(images.id("busybox")[7:] in listed, listed)
    for kind in ("docker-archive", "oci-archive"):
        saved = "%s/from-podman-%s" % (images.engine.directory, kind)
        must(*words, "save", "--format", kind, "-o", saved, "busybox")
        out = images.engine("load", "-i", saved)
        demand(out == "Loaded image: localhost/busybox:latest", out)
    must(*words, "rmi", "-af")
    images.engine("rmi", "localhost/busybox")


CASES = [("busybox: the same program makes the same image", busybox_is_reproducible),
         ("save and load in another data root", save_and_load),
         ("import with changes", import_with_changes),
         ("owners, modes, times, attributes, links, devices of a layer", attributes_are_kept),
         ("gzip, xz and zstd layers", packed_layers),
         ("OCI layouts, nested, damaged", oci_layouts),
         ("archives that lie", lying_archives),
         ("links of an archive stay inside", links_stay_inside),
         ("manifests and configurations that lie", lying_manifests),
         ("names", names),
         ("removal, with containers in the way", removal),
         ("loads and removals at once", together),
         ("podman's archives and ours", podman)]

suite = Suite()
engine = Engine("images")
try:
    images = Images(engine)
    for name, case in CASES:
        suite.run(name, case, images)
    for driver in ("overlay2", "vfs"):
        suite.run("whiteouts by " + driver, whiteouts, images, driver)
finally:
    engine.release()
suite.end()
