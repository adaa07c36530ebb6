"""Medians and ratios of the rounds, as a Markdown table."""

from statistics import median

from benchmarks.serving.load import Figures

Rounds = dict[tuple[str, int], list[Figures]]


def table(model: str, rounds: Rounds, levels: list[int]) -> str:
    """One row per server: requests per second, p50 and p99, CPU per request, at each concurrency."""
    names = list(dict.fromkeys(name for name, _ in rounds))
    head = "| server | " + " | ".join(f"c={c} rps, p50/p99 ms, CPU us" for c in levels) + " |"
    lines = [f"### {model}", "", head, "|---" * (len(levels) + 1) + "|"]
    for name in names:
        cells = [_cell(rounds[name, c]) for c in levels]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def ratios(rounds: Rounds, levels: list[int]) -> str:
    """Konan against each peer, round by round: the median ratio and its range."""
    lines = ["| Konan / peer | " + " | ".join(f"c={c} rps; p50" for c in levels) + " |"]
    lines.append("|---" * (len(levels) + 1) + "|")
    for peer in dict.fromkeys(name for name, _ in rounds if name != "Konan"):
        cells = []
        for c in levels:
            pairs = list(zip(rounds["Konan", c], rounds[peer, c], strict=True))
            speed = sorted(ours.rps / theirs.rps for ours, theirs in pairs)
            wait = median(ours.p50_ms / theirs.p50_ms for ours, theirs in pairs)
            cells.append(f"{median(speed):.2f}x ({speed[0]:.2f}-{speed[-1]:.2f}); {wait:.2f}x")
        lines.append(f"| {peer} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def every_round(rounds: Rounds) -> str:
    """All rounds, so that nobody has to trust a median."""
    lines = ["| server | c | rps of each round | errors |", "|---|---|---|---|"]
    for (name, c), figures in rounds.items():
        speeds = ", ".join(f"{one.rps:.0f}" for one in figures)
        lines.append(f"| {name} | {c} | {speeds} | {sum(one.errors for one in figures)} |")
    return "\n".join(lines)


def _cell(figures: list[Figures]) -> str:
    rps = median(one.rps for one in figures)
    p50, p99 = median(one.p50_ms for one in figures), median(one.p99_ms for one in figures)
    return f"{rps:,.0f}, {p50:.2f}/{p99:.1f}, {median(one.cpu_us for one in figures):.0f}"
