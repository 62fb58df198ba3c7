"""tests/bench/failover_lab.py: the labs in which tests/bench/failover breaks nodes.

A Lab is a pair of nodes in network namespaces of their own (deploy/pair, or keepalived_lab.sh), an
Asker is tandem-outage in its client's. ns1 is the victim, ns2 the survivor."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = TOP / "build/release"
NAME = "stream.tandem.example"
STATIC_NAME = "static.tandem.example"  # depends on no server's report
HOMES = {"192.0.2.53": "ns1", "2001:db8:53::53": "ns1",
         "192.0.2.54": "ns2", "2001:db8:53::54": "ns2"}
VICTIM, SURVIVOR = "ns1", "ns2"
LOST_MS = 500  # a query that was not answered by then is lost
MORTAL = BUILD / "tests/tandem-worker-mortal"  # a query for MORTAL_NAME kills it
MORTAL_NAME = "death.tandem.example"
HOME_WITHIN_S = 60  # a worker of 1 GB loads for ten seconds
BULK_NAMES, BULK_TEXT = 14000, 16 * 250  # of a zone that makes a worker big; the text in bytes


class Unfit(Exception):
    """The lab is not as a repetition must find it."""


class Asker:
    def __init__(self, lab, name=NAME):
        self.process = subprocess.Popen(
            lab.inside("client", BUILD / "tests/tandem-outage", "--lost-ms", LOST_MS, name, *HOMES),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def tell(self, order, lines):
        self.process.stdin.write(order + "\n")
        told = [self.process.stdout.readline().split() for _ in range(lines)]
        if not all(told):
            raise Unfit("tandem-outage ended")
        return [dict(word.split("=", 1) for word in line[1:]) for line in told]

    def mark(self, t0_ns=None):
        """t0 is now, or at that moment of CLOCK_MONOTONIC."""
        self.tell("mark" if t0_ns is None else f"mark {t0_ns}", 1)

    def who(self):
        """By address, who answers all that is asked now; None where something goes unanswered."""
        return {line["address"]: line["nsid"]
                if int(line["asked"]) > 50 and line["asked"] == line["answered"] else None
                for line in self.tell("who", len(HOMES))}

    def report(self, nsid=SURVIVOR):
        return {line["address"]: line for line in self.tell(f"report {nsid}", len(HOMES))}

    def wait_home(self, seconds=HOME_WITHIN_S):
        """Until each address is answered by its home."""
        until = time.monotonic() + seconds
        while (who := self.who()) != HOMES:
            if time.monotonic() > until:
                raise Unfit(f"not at home within {seconds} s: {who}")
            time.sleep(0.1)


class Lab:
    restarts_workers = False

    def __init__(self, label, identity, script, up):
        self.label, self.identity, self.script, self.up_arguments = label, identity, script, up
        self.is_up = False
        self.stroke = None

    def inside(self, host, *command):
        return ["nsenter", f"--net=/run/netns/{self.identity}-{host}", "--", *map(str, command)]

    def start_in(self, host, *command):
        return subprocess.Popen(self.inside(host, *command), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, text=True)

    def verb(self, *arguments, check=True):
        done = subprocess.run([self.script, "--lab", self.identity, *arguments], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, check=False)
        if check and done.returncode != 0:
            raise Unfit(f"{self.label}: {' '.join(arguments)}: {done.stderr.strip()}")
        return done

    def up(self):
        if not self.is_up:
            self.is_up = True  # also when only half of it comes up: it must go down
            self.verb("up", *self.up_arguments)

    def down(self):
        if self.is_up:
            if self.stroke is not None:  # one that still waits holds the lab
                self.stroke.stdin.close()
                self.stroke.wait()
            self.verb("down", check=False)
            self.is_up = False

    def ready(self, *how):
        """A stroke that waits for its line."""
        self.stroke = stroke = subprocess.Popen(
            [self.script, "--lab", self.identity, "kill", VICTIM, *how, "--await"], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        if stroke.stdout.readline().strip() != "ready":
            raise Unfit(f"{self.label}: kill {VICTIM} {' '.join(how)} is not ready")
        return stroke

    def heal(self):
        self.verb("heal", VICTIM)

    def reset(self):
        """Forget what is damped, where there is something that damps."""

    def bring_home(self):
        """Sooner than by itself, where there is a way."""

    def holds_service_address(self):
        shown = subprocess.run(["ip", "-n", f"{self.identity}-{VICTIM}", "-o", "addr", "show"],
                               text=True, capture_output=True, check=True).stdout
        return any(f" {address}/" in shown for address in HOMES)


class Tandem(Lab):
    restarts_workers = True

    def __init__(self, identity, bulk_zones=0, worker=None):
        super().__init__("Tandem", identity, TOP / "deploy/pair",
                         ["--as-built", "--listed", "--servers", "1"] +
                         (["--worker", str(worker)] if worker else []))
        self.state = pathlib.Path("/run/tandem-lab") / identity
        self.bulk_zones = bulk_zones

    def up(self):
        if self.is_up:
            return
        super().up()
        if self.bulk_zones > 0:
            self.grow()

    def grow(self):
        """Zones that make both workers big. Resident they take about three times their text."""
        text = " ".join('"' + "t" * 250 + '"' for _ in range(BULK_TEXT // 250))
        records = "".join(f"h{i} IN TXT {text}\n" for i in range(BULK_NAMES))
        document = (self.state / "tandem.yaml").read_text(encoding="ascii")
        for i in range(self.bulk_zones):
            (self.state / f"bulk{i}.zone").write_text(
                "$TTL 300\n@ IN SOA ns1 admin 1 3600 600 86400 60\n@ IN NS ns1\n"
                f"ns1 IN A 192.0.2.53\n{records}", encoding="ascii")
            document = document.replace("zones:\n", f"zones:\n  bulk{i}.example: bulk{i}.zone\n", 1)
        (self.state / "tandem.yaml").write_text(document, encoding="ascii")
        for node in (VICTIM, SURVIVOR):
            self.verb("kill", node, "--plan")
            self.verb("heal", node)
        with Asker(self) as asker:
            asker.wait_home()

    def knows(self, *command):
        """Whether this build's tandemctl has such a command."""
        usage = subprocess.run([BUILD / "tandemctl", "--help"], text=True, capture_output=True,
                               check=False)
        return f"\n  {' '.join(command)}" in usage.stdout + usage.stderr

    def control(self, node, *command):
        """tandemctl, without the start-up of a script."""
        return subprocess.run([BUILD / "tandemctl", "--socket", self.state / f"run/{node}.sock",
                               *command], text=True, capture_output=True, check=False)

    def reset(self):
        for node in (VICTIM, SURVIVOR):
            self.control(node, "failover", "reset")

    def bring_home(self):
        """A handover and its end, for which a node that is fit does not wait out its hold."""
        for node in (VICTIM, SURVIVOR):
            until = time.monotonic() + HOME_WITHIN_S
            while not self.is_fit(node) and time.monotonic() < until:
                time.sleep(0.05)
            if self.is_away(node):
                self.control(node, "handover")
                self.control(node, "handover", "--back")

    def status(self, node):
        told = self.control(node, "--json", "status").stdout
        return json.loads(told) if told.startswith("{") else {"nodes": [], "addresses": []}

    def is_fit(self, node):
        """Both nodes are, as it sees them."""
        nodes = self.status(node)["nodes"]
        return len(nodes) == 2 and all(one["reachable"] and one.get("fit") and
                                       one["sync"] == "synced" for one in nodes)

    def is_away(self, node):
        return any(one["home"] == node and one["holder"] != node
                   for one in self.status(node)["addresses"])

    def deaths(self):
        """How often a worker died of a query."""
        logs = [(self.state / "log" / node).read_text(encoding="utf-8")
                for node in (VICTIM, SURVIVOR)]
        return sum(log.count("answered -> dropped reason=poison-query") for log in logs)

    def worker(self):
        """The victim's: its pid and what the kernel tells of it."""
        pids = subprocess.run(["ip", "netns", "pids", f"{self.identity}-{VICTIM}"], text=True,
                              capture_output=True, check=True).stdout.split()
        for pid in pids:
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            fields = dict(line.split(":", 1) for line in status.splitlines())
            if fields["Name"].strip() == "tandem-worker":
                return pid, fields
        raise Unfit(f"no worker on {VICTIM}")

    def resident_mb(self):
        return int(self.worker()[1]["VmRSS"].split()[0]) // 1024

    def start_node(self, node):
        """Without the lab's own care, which takes longer than what is measured."""
        return subprocess.Popen(
            self.inside(node, BUILD / "tandemd", "--config", self.state / "tandem.yaml", "--node",
                        node, "--worker", BUILD / "tandem-worker"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def keepalived(identity, interval_ms):
    return Lab(f"keepalived {interval_ms} ms", identity, TOP / "tests/bench/keepalived_lab.sh",
               [f"{interval_ms / 1000:g}"])


class Crowded:
    """A process whose threads share one core with so many programs that never rest."""

    def __init__(self, pid, hogs):
        core = max(os.sched_getaffinity(0))
        threads = [int(task.name) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
        self.affinity = {thread: os.sched_getaffinity(thread) for thread in threads}
        for thread in threads:
            os.sched_setaffinity(thread, {core})
        hog = f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile True: pass"
        self.hogs = [subprocess.Popen([sys.executable, "-c", hog]) for _ in range(hogs)]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for hog in self.hogs:
            hog.kill()
            hog.wait()
        for thread, cpus in self.affinity.items():
            if os.path.exists(f"/proc/{thread}"):
                os.sched_setaffinity(thread, cpus)


def missing(peers):
    """What cannot be done without, as a sentence; empty when nothing lacks."""
    if os.geteuid() != 0:
        return "network namespaces need root: run this as root"
    for program in ("tandemd", "tests/tandem-outage", "tests/tandem-blast", MORTAL):
        if not (BUILD / program).exists():
            return f"{BUILD / program} is missing: deploy/build release"
    path = os.environ["PATH"] + ":/usr/sbin"
    if "keepalived" in peers and not all(shutil.which(p, path=path) for p in ("keepalived", "nsd")):
        return "keepalived and nsd are missing: deploy/install test bench"
    return ""
