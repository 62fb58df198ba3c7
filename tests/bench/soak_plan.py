"""tests/bench/soak_plan.py: what goes wrong in a soak, and when. By the seed alone.

Each minute has FAULTY_S in which a fault begins every SLOT_S, sometimes two, each to be healed
after a random time, at most AT_ONCE at a time; what follows of the minute is quiet.

One node at most is unfit at a time, with AFTER_S for it to come back, and only that node may be
handed over meanwhile: else nobody could be asked to answer. But one node fault in BOTH_OF is drawn
with a second one at its partner: what then goes unanswered, until AFTER_BOTH_S after both are
healed, is excluded."""
import dataclasses
import random

MINUTE_S, SLOT_S, FAULTY_S = 60, 5, 45
HEAL_S = (1.0, 8.0)
AT_ONCE = 3
AFTER_S = 6.0
AFTER_BOTH_S = 15.0
BOTH_OF = 20
NODES = ("ns1", "ns2")

# What makes a node unfit, with the options of deploy/pair kill.
NODE_KINDS = {"plan": ["--plan"], "hard": ["--hard"], "stop": ["--stop"], "freeze": ["--freeze"],
              "hang": ["--hang"], "unplug": ["--unplug"], "worker": ["--worker"],
              "deaf": ["--drop", "in"], "mute": ["--drop", "out"], "drop": ["--drop", "both"]}
SERVER_KINDS = {"agent": ["--agent"], "port": ["--port", "1755"], "server-unplug": ["--unplug"]}
OTHER_KINDS = ("pair-link", "loss-1", "loss-5", "drain", "apply", "handover", "address", "hog")
SHARES = {"node": 50, "server": 25, "other": 25}


@dataclasses.dataclass
class Fault:
    at: float     # seconds of the schedule
    until: float  # is healed then
    kind: str
    target: str
    is_both: bool = False  # one of two that leave no node fit

    def is_node_fault(self):
        return self.kind in NODE_KINDS


class Plan:
    def __init__(self, seed, minutes, servers):
        self.dice = random.Random(seed)
        self.servers = servers
        self.faults = []
        self.length_s = minutes * MINUTE_S
        self.quiets = []  # seconds at which a quiet phase begins
        for minute in range(int(-(-minutes // 1))):
            self.draw_minute(minute * MINUTE_S, min(MINUTE_S, self.length_s - minute * MINUTE_S))

    def draw_minute(self, begin, length):
        quiet = begin + min(FAULTY_S + SLOT_S, length - (MINUTE_S - FAULTY_S - SLOT_S))
        for slot in range(0, FAULTY_S, SLOT_S):
            for _ in range(self.dice.choice((1, 1, 2))):
                at = begin + slot + round(self.dice.uniform(0, SLOT_S / 2), 2)
                if at < quiet - HEAL_S[0]:
                    self.draw(at, quiet)
        self.quiets.append(quiet)

    def draw(self, at, quiet):
        """One fault, if there is room for it then."""
        until = min(quiet, round(at + self.dice.uniform(*HEAL_S), 2))
        share = self.dice.choices(list(SHARES), SHARES.values())[0]
        active = [fault for fault in self.faults if fault.until > at]
        if len(active) >= AT_ONCE:
            return
        if share == "node":
            self.draw_node(at, until)
        elif share == "server":
            kind = self.dice.choice(list(SERVER_KINDS))
            self.add_unless_busy(Fault(at, until, kind, self.draw_server()))
        else:
            self.draw_other(at, until)

    def draw_server(self):
        return f"media{self.dice.randint(1, self.servers)}"

    def draw_node(self, at, until):
        kind, node = self.dice.choice(list(NODE_KINDS)), self.dice.choice(NODES)
        second, is_both = self.dice.choice(list(NODE_KINDS)), self.dice.randrange(BOTH_OF) == 0
        if self.is_busy(*NODES, at=at, after=AFTER_S):
            return
        self.faults.append(Fault(at, until, kind, node, is_both))
        if is_both:
            partner = NODES[1 - NODES.index(node)]
            self.faults.append(Fault(at, until, second, partner, True))

    def draw_other(self, at, until):
        kind = self.dice.choice(OTHER_KINDS)
        target = self.dice.choice(NODES)
        if kind == "drain":
            target = self.draw_server()
        elif kind == "apply":
            target = "document"
        elif kind == "hog":
            target = "machine"
        elif kind == "pair-link":
            target = "pair"
        elif kind == "handover" and self.is_busy(*NODES, at=at, after=AFTER_S):
            return
        self.add_unless_busy(Fault(at, until, kind, target))

    def add_unless_busy(self, fault):
        if not any(other.until > fault.at and other.kind == fault.kind for other in self.faults) \
                and not (fault.target.startswith("media") and
                         self.is_busy(fault.target, at=fault.at)):
            self.faults.append(fault)

    def is_busy(self, *targets, at, after=0.0):
        """Is one of them broken, or just healed?"""
        return any(fault.target in targets and fault.until + after > at and
                   (fault.is_node_fault() or fault.kind == "handover" or
                    fault.target.startswith("media")) for fault in self.faults)
