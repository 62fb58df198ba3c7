"""tests/bench/failover_rows.py: what a repetition of each row does, and what is kept of it."""
import pathlib
import random
import time

import failover_lab as lab_of
from failover_lab import HOMES, SURVIVOR, VICTIM, Asker, Unfit

QUIET_S = 0.6      # before the stroke, and nothing may be lost in it
GIVEN_UP_S = 5.0   # not taken over by then: told as such
JUDGED_S = lab_of.LOST_MS / 1000 + 0.1
QUIET_TRIES_MAX = 10
WATCHED_S = 3.2    # addresses of a frozen node's kernel
LOAD_RATE = 20000  # queries a second to the victim's IPv4 address
LOAD_S = 4
CALM_S = 1         # the same load before, in which nothing may be lost
GIVE_BACK_LOAD_S = 10
FLOOD_RATE = 1000000  # more than can be sent
FLOOD_HOGS = 8
BOOT_APART_S = 0.05
LEASES_END_S = 1.5  # those of the former life, mostly: the kernel needs 1.0 to 2.6 s
POISON_S = 30
VICTIMS = [address for address, home in HOMES.items() if home == VICTIM]
OTHERS = [address for address, home in HOMES.items() if home == SURVIVOR]


def percentile(figures, share):
    """Nearest rank."""
    return sorted(figures)[max(0, -(-len(figures) * share // 100) - 1)]


class Outcome:
    """What the repetitions of one row in one lab have shown."""

    def __init__(self):
        self.took_ms, self.lost, self.others_lost = [], [], 0
        self.held_until_s, self.repeated, self.failed = [], 0, 0
        self.shares = []  # of the queries that were answered
        self.reason, self.why, self.extra = "", "", ""  # why: the last that failed

    def cell(self):
        if self.reason:
            return self.reason
        if not self.lost and not self.took_ms:
            return self.extra or (f"failed {self.failed}: {self.why}" if self.failed else "–")
        parts = []
        taken = [ms for ms in self.took_ms if ms is not None]
        if self.took_ms and taken:
            last = "p99" if len(taken) >= 100 else "max"
            worst = percentile(taken, 99) if len(taken) >= 100 else max(taken)
            parts.append(f"p50 {percentile(taken, 50):.1f}, {last} {worst:.1f} ms")
        if len(taken) < len(self.took_ms):
            parts.append(f"not taken over within {GIVEN_UP_S:.0f} s: "
                         f"{len(self.took_ms) - len(taken)} of {len(self.took_ms)}")
        if not self.took_ms:
            parts.append(f"lost {sum(self.lost)} in {len(self.lost)} runs")
        elif taken and self.lost:
            parts.append(f"lost ≤ {max(self.lost)}")
        if self.lost:
            parts.append(f"other address {self.others_lost}")
        if self.held_until_s:
            soon = sum(s <= 1.5 for s in self.held_until_s) / len(self.held_until_s)
            late = sum(s > 3 for s in self.held_until_s)
            parts.append(f"no address left after 1.5 s in {soon:.0%}, after 3 s in "
                         f"{1 - late / len(self.held_until_s):.0%}")
        if self.extra:
            parts.append(self.extra)
        if self.repeated:
            parts.append(f"repeated {self.repeated}")
        if self.failed:
            parts.append(f"failed {self.failed}")
        return "; ".join(parts)


def quiet_and_ready(lab, asker, how, outcome):
    """At home, and a quiet second in which nothing is lost; then the stroke only waits for its line
    and t0 is stamped."""
    for _ in range(QUIET_TRIES_MAX):
        asker.wait_home()
        asker.tell("begin", 1)
        began = time.monotonic()
        stroke = lab.ready(*how)
        time.sleep(max(0.0, QUIET_S - (time.monotonic() - began)))
        # What was asked in the last moments is judged with the stroke's own report.
        if asker.who() == HOMES:
            return stroke
        outcome.repeated += 1
        stroke.stdin.close()  # no line: it leaves the node as it is
        stroke.wait()
    raise Unfit("no quiet second")


def monotonic_ns(wall_ns):
    """By the closest of some readings of both clocks: this program may lose the CPU in between."""
    three = (time.monotonic_ns, time.time_ns, time.monotonic_ns)
    readings = [[clock() for clock in three] for _ in range(10)]
    before, wall, after = min(readings, key=lambda reading: reading[2] - reading[0])
    return wall_ns - wall + (before + after) // 2


def strike(asker, stroke, how):
    """t0 is right before the stroke, as who strikes stamps it, whom its line reaches a millisecond
    later. Rules of a packet filter take some milliseconds to be written, in more than one place:
    they begin to hold at t0, which is a full second of the wall clock."""
    if how[0] == "--drop":
        at_s = int(time.time()) + 2
        asker.mark(monotonic_ns(at_s * 10**9))
        stroke.stdin.write(f"at {at_s}\n")
        stroke.stdin.close()
        time.sleep(max(0.0, at_s - time.time()))
        return
    stroke.stdin.write("\n")
    stroke.stdin.close()
    told = stroke.stdout.readline().split()
    if told[:1] != ["struck"]:
        raise Unfit(f"the stroke failed: {stroke.stderr.read().strip()}")
    asker.mark(monotonic_ns(int(told[1].replace(".", "")) * 1000))


def taken(report):
    """When the survivor answers on both of the victim's addresses, in ms; None: not yet."""
    firsts = [report[address]["first_ms"] for address in VICTIMS]
    return None if "-" in firsts else max(float(first) for first in firsts)


def watch(lab, asker, watches_addresses):
    """Until taken over or given up; with the addresses of the victim's kernel watched for 3 s."""
    began, held_until_s = time.monotonic(), 0.0
    while True:
        now = time.monotonic() - began
        if watches_addresses and now <= WATCHED_S and lab.holds_service_address():
            held_until_s = now
        is_watched = not watches_addresses or now > WATCHED_S
        if now > GIVEN_UP_S or (is_watched and taken(asker.report()) is not None):
            return held_until_s
        time.sleep(0.05)


def heals_itself(how):
    """A worker that died is started anew by its guardian, so there is nothing to heal."""
    return how[0] == "--worker"


def break_once(lab, how, outcome, watches_addresses):
    """One repetition; True when it counts."""
    with Asker(lab) as asker:
        stroke = quiet_and_ready(lab, asker, how, outcome)
        strike(asker, stroke, how)
        held_until_s = watch(lab, asker, watches_addresses)
        time.sleep(JUDGED_S)
        report = asker.report()
        status = stroke.wait()
        if not heals_itself(how) or not lab.restarts_workers:
            lab.heal()
        lab.reset()
        lab.bring_home()
        if status != 0:
            raise Unfit(f"the stroke failed: {stroke.stderr.read().strip()}")
        asker.wait_home()
    if any(int(line["quiet_lost"]) for line in report.values()):
        outcome.repeated += 1
        return False
    outcome.took_ms.append(taken(report))
    outcome.lost.append(max(int(report[address]["lost"]) for address in VICTIMS))
    outcome.others_lost += sum(int(report[address]["lost"]) for address in OTHERS)
    if watches_addresses:
        outcome.held_until_s.append(held_until_s)
    return True


def fault(*how, watches_addresses=False):
    """A row whose figure is the time until the survivor answers."""
    def run(lab, outcome):
        tries = 0
        while not break_once(lab, how, outcome, watches_addresses):
            tries += 1
            if tries == QUIET_TRIES_MAX:
                raise Unfit("something is lost also while nothing is broken")
        return f"took {outcome.took_ms[-1]} ms, lost {outcome.lost[-1]}"
    return run


class Load:
    """Queries to the victim's IPv4 address for so many seconds, of whose first tenth nothing
    counts; without a rate as many as it answers."""

    def __init__(self, lab, seconds, rate=None):
        names = f"/run/tandem-lab/{lab.identity}/names"
        pathlib.Path(names).write_text(lab_of.NAME + "\n", encoding="ascii")
        self.process = lab.start_in("client", lab_of.BUILD / "tests/tandem-blast", VICTIMS[0], 53,
                                    names, seconds, *([rate, "pause"] if rate else []))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def result(self):
        """Answers a second, and how many were lost."""
        told = self.process.communicate()[0].split()
        if len(told) < 4:
            raise Unfit("tandem-blast ended")
        return int(told[0]), int(told[3])


def calm_under_load(lab, outcome):
    """The load alone, of which this machine may lose nothing."""
    for _ in range(QUIET_TRIES_MAX):
        with Load(lab, CALM_S, LOAD_RATE) as load:
            _, lost = load.result()
        if lost == 0:
            return
        outcome.repeated += 1
    raise Unfit(f"of {LOAD_RATE} queries/s some are lost also while nothing is done")


def under_load(lab, outcome, asker, seconds, act):
    """Nothing may be lost while act is done. The load is lost as the askers' queries are."""
    with Load(lab, seconds, LOAD_RATE) as load:
        time.sleep(seconds / 10 + 0.5)
        asker.tell("begin", 1)
        asker.mark()
        act()
        rate, lost = load.result()
        time.sleep(JUDGED_S)
        report = asker.report()
    outcome.lost.append(lost + sum(int(report[address]["lost"]) for address in VICTIMS))
    outcome.others_lost += sum(int(report[address]["lost"]) for address in OTHERS)
    outcome.extra = f"under {rate} answers/s"
    return f"lost {outcome.lost[-1]} under {rate} answers/s"


def planned_stop(lab, outcome):
    with Asker(lab) as asker:
        asker.wait_home()
        calm_under_load(lab, outcome)
        told = under_load(lab, outcome, asker, LOAD_S, lambda: lab.verb("kill", VICTIM, "--plan"))
        lab.heal()
        lab.reset()
        lab.bring_home()
        asker.wait_home()
    return told


def wait_survivor(asker):
    until = time.monotonic() + GIVEN_UP_S
    while set(asker.who().values()) != {SURVIVOR}:
        if time.monotonic() > until:
            raise Unfit(f"not taken over within {GIVEN_UP_S:.0f} s, so nothing to give back")
        time.sleep(0.1)


def give_back(lab, outcome):
    def act():
        lab.heal()
        lab.reset()
        asker.wait_home(GIVE_BACK_LOAD_S - 3)

    with Asker(lab) as asker:
        asker.wait_home()
        calm_under_load(lab, outcome)
        lab.verb("kill", VICTIM, "--plan")
        wait_survivor(asker)
        return under_load(lab, outcome, asker, GIVE_BACK_LOAD_S, act)


def handover(lab, outcome):
    """And back, under one load."""
    def act():
        lab.verb("ctl", VICTIM, "handover")
        wait_survivor(asker)
        lab.verb("ctl", VICTIM, "handover", "--back")
        asker.wait_home()

    if not lab.knows("handover"):
        outcome.reason = "not runnable: tandemctl knows no \"handover\""
        return outcome.reason
    with Asker(lab) as asker:
        asker.wait_home()
        calm_under_load(lab, outcome)
        return under_load(lab, outcome, asker, LOAD_S, act)


def upgrade(lab, outcome):
    if not lab.knows("upgrade"):
        outcome.reason = "not runnable: tandemctl knows no \"upgrade\""
        return outcome.reason
    with Asker(lab) as asker:
        asker.wait_home()
        calm_under_load(lab, outcome)
        return under_load(lab, outcome, asker, LOAD_S, lambda: lab.verb("ctl", VICTIM, "upgrade"))


def poison(lab, outcome):
    """The same query of death each second to both nodes, in a lab of workers that die of it."""
    with Asker(lab) as asker:
        asker.wait_home()
        deaths = lab.deaths()
        asker.tell("begin", 1)
        asker.mark()
        askers = [lab.start_in("client", lab_of.BUILD / "tandem-lab-ask", "--server", home,
                               "--name", lab_of.MORTAL_NAME, "--every", 1000, "--count", POISON_S)
                  for home in (VICTIMS[0], OTHERS[0])]
        time.sleep(POISON_S)
        report = asker.report()
        for process in askers:
            process.kill()
            process.wait()
        lab.reset()
        lab.bring_home()
        asker.wait_home()
    asked = sum(int(line["asked"]) for line in report.values())
    unanswered = sum(int(line["lost"]) + int(line["failed"]) for line in report.values())
    outcome.shares.append(1 - unanswered / max(1, asked))
    outcome.extra = (f"{min(outcome.shares):.2%} of the others answered at the least, while "
                     f"{lab.deaths() - deaths} workers died of it in {POISON_S} s")
    return outcome.extra


def taken_by_others(report):
    """Answers by a node that is not home to the address."""
    wrong = 0
    for address, line in report.items():
        for part in filter(None, line["by"].split(",")):
            nsid, count = part.rsplit(":", 1)
            wrong += int(count) if nsid not in (HOMES[address], "-") else 0
    return wrong


def flood(seconds):
    """As many queries as this machine can send to ns1, whose worker shares a core with others: on
    two cores no program sends five times what a worker answers that has a core of its own."""
    def run(lab, outcome):
        with Asker(lab) as asker, lab_of.Crowded(lab.worker()[0], FLOOD_HOGS):
            asker.wait_home()
            with Load(lab, seconds, FLOOD_RATE) as load:
                asker.tell("begin", 1)
                asker.mark()
                rate, lost = load.result()
                time.sleep(JUDGED_S)
                report = asker.report()
            asker.wait_home()
        offered = rate + lost / (seconds * 0.9)
        outcome.extra = (f"{taken_by_others(report)} answers by the other node; {offered:.0f} "
                         f"queries/s, {offered / max(1, rate):.1f} × what was answered beside "
                         f"{FLOOD_HOGS} programs that never rest")
        return outcome.extra
    return run


def boot(lab, outcome):
    """Both nodes started within BOOT_APART_S, in any order; the figure counts from the second. What
    is asked for needs no report of a server: agents dial again within a second or so."""
    order = random.sample([VICTIM, SURVIVOR], 2)
    with Asker(lab, lab_of.STATIC_NAME) as asker:
        asker.wait_home()
        for node in order:
            lab.verb("kill", node, "--hard")
        time.sleep(LEASES_END_S)
        started = []
        try:
            started.append(lab.start_node(order[0]))
            time.sleep(random.uniform(0, BOOT_APART_S))
            asker.mark()
            started.append(lab.start_node(order[1]))
            asker.wait_home(GIVEN_UP_S)
            firsts = [asker.report(home)[address]["first_ms"]
                      for address, home in HOMES.items()]
        except Unfit:
            firsts = [None]
        for process in started:
            process.terminate()
            process.wait()
    lab.verb("heal")
    with Asker(lab) as asker:
        lab.reset()
        lab.bring_home()
        asker.wait_home()
    is_home = not {None, "-"} & set(firsts)
    outcome.took_ms.append(max(float(first) for first in firsts) if is_home else None)
    return f"at home after {outcome.took_ms[-1]} ms"
