"""The page of a report: its verdict on top, figures, sections, and how it was made."""

from importlib.resources import files

from konan.web.figures import count, counted, lasting, moment, period, share
from konan.web.html import Child, Html, tag
from konan.web.report import alarms, drifted, performance, quality, traffic, unmeasured
from konan.web.report.facts import Facts
from konan.web.report.parts import Section, pill, rendered
from konan.web.report.verdict import State, Verdict, verdict

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def page(facts: Facts) -> bytes:
    """The whole page, UTF-8; it asks for nothing and runs nothing.

    Args:
        facts: what it is made from.
    """
    whole = verdict(facts)
    sections = [
        module.section(facts) for module in (traffic, drifted, quality, performance, alarms, unmeasured)
    ]
    title = f"{facts.deployment}: monitoring report"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="robots", content="noindex"),
        tag("meta", name="generator", content=f"Konan {facts.konan}"),
        tag("title", title),
        tag("style", Html(_style())),
    )
    body = tag(
        "body",
        tag("a", "To the report", href="#main", class_="skip"),
        _masthead(facts),
        tag(
            "main",
            _banner(whole),
            _tiles(facts, sections),
            _contents(sections),
            *map(rendered, sections),
            id="main",
        ),
        _foot(facts),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n".encode()


def _style() -> str:
    return files("konan.web").joinpath("report.css").read_text(encoding="utf-8")


def _masthead(facts: Facts) -> Html:
    version = facts.version
    which = "no live version"
    if version is not None:
        which = f"version {version.version}{' (live)' if facts.live else ''}, {version.flavor}"
    return tag(
        "header",
        tag("p", "Monitoring report", class_="kind"),
        tag("h1", facts.deployment),
        tag(
            "p",
            which,
            tag("span", " · ", aria_hidden="true"),
            period(facts.since, facts.until),
            class_="about",
        ),
        class_="masthead",
    )


def _banner(found: Verdict) -> Html:
    return tag("div", pill(found.state), tag("p", found.sentence), class_=f"verdict {found.state}")


def _tiles(facts: Facts, sections: list[Section]) -> Html:
    states = {section.key: section.state or "unknown" for section in sections}
    firing = sum(alarm.state == "firing" for alarm in facts.alarms)
    tiles = [
        _tile(
            "Rows answered",
            count(facts.rows),
            f"{counted(facts.refused, 'request')} refused",
            states["traffic"],
            "traffic",
        ),
        _tile("Drift", *_drift(facts), states["drift"], "drift"),
        _tile("Bad rows", *_bad(facts), states["quality"], "quality"),
        _tile(*_headline(facts), states["performance"], "performance"),
        _tile("Alarms that fire", str(firing), f"of {len(facts.alarms)}", states["alarms"], "alarms"),
    ]
    return tag("ul", *tiles, class_="tiles")


def _tile(name: str, value: str, more: str, state: State, key: str) -> Html:
    inside = (tag("span", name, class_="name"), tag("strong", value), tag("span", more, class_="more"))
    return tag("li", tag("a", *inside, href=f"#{key}", class_=f"tile {state}"))


def _drift(facts: Facts) -> tuple[str, str]:
    if facts.drift is None or not facts.drift.columns:
        return "—", facts.drift.verdict if facts.drift is not None else "no version"
    columns = len(facts.drift.columns)
    return f"{len(facts.drift.guilty)} of {columns}", "columns drifted"


def _bad(facts: Facts) -> tuple[str, str]:
    if facts.quality is None or not facts.quality.findings:
        return "—", "nothing to look at"
    bad = sum(one.state == "problem" for one in facts.quality.findings)
    return str(bad), f"problems in {len(facts.quality.findings)} checks"


def _headline(facts: Facts) -> tuple[str, str, str]:
    window = facts.performance
    found = window.metric(facts.headline) if window is not None else None
    if window is None or found is None:
        return "Performance", "—", "no ground truth"
    name = performance.name_of(found)
    if found.value is not None:
        return name, performance.written(found, found.value), f"{share(window.share)} labelled"
    if found.estimate is not None:
        return name, f"≈ {performance.written(found, found.estimate.value)}", "estimated without truths"
    return name, "—", "no ground truth"


def _contents(sections: list[Section]) -> Html:
    entries = [tag("li", tag("a", one.title, href=f"#{one.key}")) for one in sections]
    return tag("nav", tag("ul", *entries), aria_label="Sections")


def _foot(facts: Facts) -> Html:
    span = f"--from {facts.since} --to {facts.until}"
    version = f" --version {facts.version.version}" if facts.version is not None else ""
    commands: list[Child] = [
        tag("li", tag("code", f"konan {what} {facts.deployment} {span}{version}"))
        for what in ("drift", "quality", "performance")
    ]
    return tag(
        "footer",
        tag("h2", "Ask again"),
        tag("p", "The same figures, for people or with --json for programs:"),
        tag("ul", *commands),
        tag(
            "p",
            f"Made {moment(facts.made_at)} UTC by Konan {facts.konan}; told in windows of "
            f"{lasting(facts.every)}. All times are UTC.",
        ),
    )
