"""tests/bench/soak_watch.py: a soak seen from outside: what is answered, who holds an address, what
both nodes know, and what their processes take. Each finding is a sentence."""
import bisect
import json
import os
import pathlib
import subprocess
import threading
import time

from failover_lab import BUILD, HOMES, NAME, Asker
from soak_plan import NODES, SERVER_KINDS

GAP_MS = 150
ASKER_LIFE_S = 480  # an Asker remembers ten minutes
NAMER_EVERY_MS = 4  # a query to each of the four addresses: 1000 a second
# After so long no answer names a server that died in that way (health/README.md). What is told at
# once counts as silence does while the way to be told, or the machine, is troubled.
DEAD_MS = {"port": 300, "agent": 2500, "server-unplug": 2500}
TROUBLED_MS = 2500
NODES_OWN = ("asked", "partner", "served", "exit", "node", "self", "state", "file")
LOOKS, EVENTS = 5, 12
RSS_GROWTH_KB, FD_GROWTH = 5 * 1024, 5


def now_s():
    return time.monotonic()


class Namer:
    """Who is named, by which address, when: the lines of tandem-lab-ask."""

    def __init__(self, lab, home):
        self.home = home
        self.answers = []  # (microsecond in which it was asked, server)
        self.process = lab.start_in("client", BUILD / "tandem-lab-ask", "--server", home, "--name",
                                    NAME, "--type", "AAAA" if ":" in home else "A", "--every",
                                    NAMER_EVERY_MS)
        self.asked = self.answered = 0
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        for line in self.process.stdout:
            sent, _, rcode, address = line.split()
            self.asked += 1
            if rcode == "NOERROR" and address != "-":
                self.answered += 1
                number = address.rsplit("." if "." in address else ":", 1)[1]
                self.answers.append((int(sent), f"media{int(number) - 100}"))

    def names(self, server, since_us, until_us):
        """When it was last named between the two; None: it was not."""
        self.answers.sort()
        first = bisect.bisect_left(self.answers, (since_us, ""))
        last = bisect.bisect_left(self.answers, (until_us, ""))
        named = [at for at, who in self.answers[first:last] if who == server]
        return named[-1] if named else None

    def forget(self, until_us):
        self.answers = [answer for answer in self.answers if answer[0] >= until_us]

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.thread.join()


class Watch:
    def __init__(self, lab, slack):
        self.lab, self.slack = lab, slack
        self.violations = []
        self.largest_ms, self.largest_at, self.excluded_gaps = 0.0, "", 0
        self.asked = self.answered = 0
        self.asker = Asker(lab)
        self.asker_began = now_s()
        self.namers = [Namer(lab, home) for home in HOMES]
        self.processes = {}  # (node, program, pid, start): [first, last] of (rss_kb, fds, when)
        self.settle_s = 300.0
        self.hurt = []  # spans in which the way to be told, or the machine, is troubled
        self.dead = []  # spans of dead servers that are not yet judged

    def violation(self, sentence):
        self.violations.append(sentence)

    # ---- (a) each address is answered ----

    def look_for_gaps(self, excluded, describe):
        """excluded: spans in seconds of the clock; describe: a moment as a place in the log."""
        for gap in self.gaps():
            from_s, ms = int(gap["from_ns"]) / 1e9, float(gap["ms"])
            where = f"{gap['address']} from {describe(from_s)}"
            if any(begin <= from_s + ms / 1000 and from_s <= end for begin, end in excluded):
                self.excluded_gaps += 1
                continue
            if ms > self.largest_ms:
                self.largest_ms, self.largest_at = ms, where
            if ms > GAP_MS * self.slack:
                self.violation(f"unanswered for {ms:.0f} ms: {where}")
        if now_s() - self.asker_began > ASKER_LIFE_S:
            self.close_asker()
            self.asker, self.asker_began = Asker(self.lab), now_s()

    def gaps(self):
        """Of at least 10 ms, so that the largest is known."""
        self.asker.process.stdin.write("gaps 10\n")
        while (line := self.asker.process.stdout.readline().split())[:1] == ["gap"]:
            yield dict(word.split("=", 1) for word in line[1:])

    def close_asker(self):
        time.sleep(0.6)
        for line in self.asker.report().values():
            self.asked += int(line["asked"]) + int(line["quiet_asked"])
            self.answered += int(line["asked"]) - int(line["lost"]) - int(line["failed"]) + \
                int(line["quiet_asked"]) - int(line["quiet_lost"])
        self.asker.__exit__()

    # ---- (c) no answer names who is dead ----

    def look_for_dead(self, now):
        """Those whose death is over."""
        for kind, server, struck, healed in self.dead:
            if healed is None:
                continue
            bound, since = DEAD_MS[kind], struck
            troubles = [span for span in self.hurt if span[0] < healed and span[1] > struck - 5]
            if troubles:
                bound, since = TROUBLED_MS, max(struck, *(end for _, end in troubles))
            until_us = int(healed * 1e6)
            since_us = int((since + bound * self.slack / 1000) * 1e6)
            for namer in self.namers:
                last_us = namer.names(server, since_us, until_us)
                if last_us is not None:
                    self.violation(f"{namer.home} names {server} {last_us / 1e6 - struck:.2f} s "
                                   f"after it died ({kind}), {last_us / 1e6 - since:.2f} s after "
                                   f"the last trouble, bound {bound} ms")
        self.dead = [death for death in self.dead if death[3] is None]
        for namer in self.namers:
            namer.forget(int((now - 60) * 1e6))
        self.hurt = [span for span in self.hurt if span[1] > now - 60]

    # ---- (b) one holder, (d) the same facts ----

    def look_at_holders(self):
        """More than once: who moves an address has it on both nodes for some milliseconds."""
        for _ in range(LOOKS):
            holders = self.holders()
            if all(len(nodes) == 1 for nodes in holders.values()):
                return
            time.sleep(0.2)
        for address, nodes in holders.items():
            if len(nodes) != 1:
                self.violation(f"in quiet {address} is held by {' and '.join(nodes) or 'nobody'}")

    def holders(self):
        holders = {address: [] for address in HOMES}
        for node in NODES:
            shown = subprocess.run(["ip", "-n", f"{self.lab.identity}-{node}", "-o", "addr"],
                                   text=True, capture_output=True, check=True).stdout
            for address, nodes in holders.items():
                if f" {address}/" in shown:
                    nodes.append(node)
        return holders

    def events(self):
        """What each node told of addresses and its own fitness last, oldest first."""
        return {node: [line.strip() for line in
                       self.lab.control(node, "events").stdout.splitlines()
                       if " verdict " not in line][-EVENTS:] for node in NODES}

    def facts(self, node):
        """What must be the same on both, without ages."""
        told = {}
        for what in ("servers", "orders", "history"):
            text = self.lab.control(node, "--json", what).stdout
            told[what] = json.loads(text) if text.startswith("{") else text
        servers = told["servers"]["servers"] if isinstance(told["servers"], dict) else []
        told["servers"] = sorted((one["name"], pool["pool"], pool["verdict"], pool["reason"])
                                 for one in servers for pool in one["pools"])
        for what in ("orders", "history"):
            told[what] = strip(told[what])
        return told

    def look_at_facts(self):
        both = [self.facts(node) for node in NODES]
        for what in both[0]:
            if both[0][what] != both[1][what]:
                self.violation(f"in quiet the nodes differ in {what}: "
                               f"{differences(both[0][what], both[1][what])}")
        if not both[0]["servers"] or any(one[2] != "up" for one in both[0]["servers"]):
            amiss = [one for one in both[0]["servers"] if one[2] != "up"]
            self.violation(f"in quiet not all servers are up: {amiss[:3]}")

    # ---- (e) memory and descriptors ----

    def look_at_processes(self):
        for node in NODES:
            pids = subprocess.run(["ip", "netns", "pids", f"{self.lab.identity}-{node}"], text=True,
                                  capture_output=True, check=True).stdout.split()
            for pid in pids:
                self.look_at_process(node, pid)

    def look_at_process(self, node, pid):
        try:
            status = pathlib.Path(f"/proc/{pid}/status").read_text(encoding="ascii")
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
            descriptors = len(os.listdir(f"/proc/{pid}/fd"))
        except (FileNotFoundError, ProcessLookupError):
            return
        fields = dict(line.split(":", 1) for line in status.splitlines())
        name, started = fields["Name"].strip(), int(stat.rsplit(") ", 1)[1].split()[19])
        if not name.startswith("tandem"):
            return
        seen = (int(fields["VmRSS"].split()[0]), descriptors, now_s())
        if now_s() - started / os.sysconf("SC_CLK_TCK") >= self.settle_s:
            self.processes.setdefault((node, name, pid, started), [seen, seen])[1] = seen

    def judge_processes(self):
        """A line each; where it grew, a violation."""
        for (node, name, pid, _), (first, last) in self.processes.items():
            line = (f"{node} {name} {pid}: RSS {first[0]} kB, {last[0]} kB after "
                    f"{last[2] - first[2]:.0f} s; descriptors {first[1]}, {last[1]}")
            yield line
            if last[0] - first[0] > RSS_GROWTH_KB or last[1] - first[1] > FD_GROWTH:
                self.violation(f"grows: {line}")

    def close(self):
        self.close_asker()
        for namer in self.namers:
            namer.close()
            self.asked += namer.asked
            self.answered += namer.answered


def strip(told):
    """Without what differs between two nodes that know the same: who was asked, and ages."""
    if isinstance(told, dict):
        return {key: strip(value) for key, value in told.items()
                if not key.endswith(("_ms", "_s")) and key not in NODES_OWN}
    return [strip(one) for one in told] if isinstance(told, list) else told


def differences(first, second):
    if isinstance(first, list) and isinstance(second, list):
        return (f"{[one for one in first if one not in second][:3]} and "
                f"{[one for one in second if one not in first][:3]}")
    return f"{first} and {second}"


def is_troubling(fault):
    """Does it trouble how nodes are told of servers?"""
    return fault.kind not in SERVER_KINDS and fault.kind not in ("drain", "apply", "address")
