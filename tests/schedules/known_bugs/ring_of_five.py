"""Five cores, five locks, each takes its own and its neighbour's: a circle through all of them."""

KIND, TOOL, WITHIN = "validator report", "validator", 2


def setup(k):
    return [k.spinlock(f"fork{n}") for n in range(5)]


def core0(k, forks):
    with forks[k.core], forks[(k.core + 1) % 5]:
        pass


core1 = core2 = core3 = core4 = core0


def core0_repaired(k, forks):
    first, second = sorted((k.core, (k.core + 1) % 5))
    with forks[first], forks[second]:
        pass


core1_repaired = core2_repaired = core3_repaired = core4_repaired = core0_repaired
