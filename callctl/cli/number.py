"""`callctl number`."""

from __future__ import annotations

import re

import click

from callctl.cli import entry
from callctl.cli.country import country
from callctl.cli.database import opened
from callctl.cli.output import Context, pass_context
from callctl.errors import CallctlError
from callctl.outside import Rules
from callctl.routing.numbers import LONGEST, Rule, hidden, rewrite
from callctl.store.outside import all_rules


@click.group(context_settings=entry.SETTINGS)
def number() -> None:
    """Rules that rewrite numbers: what they make of one, which there are.

    号码变换规则：对一个号码的结果、已有的规则。
    """


@number.command()
@click.argument("ruleset")
@click.argument("tested", metavar="NUMBER")
@pass_context
def test(context: Context, ruleset: str, tested: str) -> None:
    """What the rules RULESET make of NUMBER, and which of them it is; the first that can be applied wins.

    规则集 RULESET 对号码 NUMBER 的结果以及适用的规则；第一条可用的规则生效。
    """
    if not re.fullmatch(r"[0-9A-Za-z+*#_.-]{1,64}", tested):
        raise click.BadParameter(f"{tested!r} cannot be dialled", param_hint="NUMBER")
    with opened(context) as pool:
        rules = all_rules(pool).get(ruleset)
    if rules is None:
        raise CallctlError(f"There are no number rules {ruleset}: `callctl number list` names those there are.")
    made = rewrite(rules, tested)
    where = country(made.number, context.lang)
    if context.as_json:
        rule = _fields(rules[made.rule - 1]) if made.rule else None
        context.json({
            "ruleset": ruleset, "number": tested, "made": made.number, "position": made.rule or None, "rule": rule,
            "country": where or None,
        })  # fmt: skip
        return
    click.echo(f"{made.number}{'  ' if where else ''}{where}")
    if made.rule:
        said = _said(context, rules[made.rule - 1])
        click.echo(context.words(f"by rule {made.rule}: {said}", f"第 {made.rule} 条规则：{said}"))
    else:
        click.echo(context.words("no rule fits, so it stays as it is", "没有适用的规则，保持原样"))


@number.command("list")
@pass_context
def list_(context: Context) -> None:
    """The rules there are, in the order in which they are tried, and those that no number reaches.

    列出规则及其顺序，以及永远不会用到的规则。
    """
    with opened(context) as pool:
        found = all_rules(pool)
    rows = [(name, *each) for name, rules in found.items() for each in _listed(rules)]
    if context.as_json:
        for name, position, rule, before in rows:
            context.json({"ruleset": name, "position": position, **_fields(rule), "hidden_by": before or None})
        return
    columns = context.words("RULES NO. RULE REACHED", "规则集 序号 规则 可达").split()
    context.table(columns, [
        (name, position, _said(context, rule), _reached(context, before)) for name, position, rule, before in rows
    ])  # fmt: skip


def _listed(rules: Rules) -> list[tuple[int, Rule, int]]:
    """Each rule, its position, and that of the one before it which leaves nothing for it, or 0."""
    before = dict(hidden(rules))
    return [(position, rule, before.get(position, 0)) for position, rule in enumerate(rules, 1)]


def _reached(context: Context, before: int) -> str:
    return context.words(f"never: rule {before} takes all", f"永不：被第 {before} 条覆盖") if before else ""


def _fields(rule: Rule) -> dict[str, object]:
    """A rule as declarative files have it."""
    return {
        "match": rule.match, "strip": "all" if rule.strip is None else rule.strip, "add": rule.add,
        "length": [rule.least, rule.most] if (rule.least, rule.most) != (0, LONGEST) else None,
    }  # fmt: skip


def _said(context: Context, rule: Rule) -> str:
    """A rule in words."""
    parts = [context.words(f"begins with {rule.match}", f"以 {rule.match} 开头") if rule.match else
             context.words("any", "任意")]  # fmt: skip
    if rule.least == rule.most:
        parts.append(context.words(f"{rule.most} long", f"长度 {rule.most}"))
    elif (rule.least, rule.most) != (0, LONGEST):
        parts.append(context.words(f"{rule.least} to {rule.most} long", f"长度 {rule.least} 至 {rule.most}"))
    if rule.strip is None:
        parts.append(context.words("strip all", "去掉全部"))
    elif rule.strip:
        parts.append(context.words(f"strip {rule.strip}", f"去掉前 {rule.strip} 位"))
    if rule.add:
        parts.append(context.words(f"add {rule.add}", f"加前缀 {rule.add}"))
    return context.words(", ", "，").join(parts)
