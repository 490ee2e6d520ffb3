"""How a run that worked is told: level, log, changelog, summary, template."""

from __future__ import annotations

from typing import Optional

from standin.context import Run
from standin.faults import spoil_config
from standin.plan import Plan
from standin.template import render


def complete(run: Run, end: int, changelog: Optional[dict[str, str]]) -> None:
    """The level is raised, the log says so, the changelog is there."""
    if not run.faults.level_unchanged:
        run.config.set_level(end if run.faults.level_wrong is None else run.faults.level_wrong)
    run.state.just_updated = True
    run.config.save()
    run.state.save()
    run.out.log(f"Applied {run.key} level {end}")
    if changelog:
        (run.home / "updates" / changelog["name"]).write_text(changelog["text"], encoding="utf-8")
    run.out.progress(f"update complete: level {end}")
    spoil_config(run.faults, run.config.file)


def changelog_text(run: Run, plan: Plan, start: int, end: int) -> Optional[dict[str, str]]:
    if run.options.get("no-changelog") or run.knobs["changelog"] == "never":
        return None
    first = run.knobs["changelog_start"] if run.config.fresh else f"{start:04}"
    text = f"# Changelog\n\n- **Product:** {run.name} {run.version}\n- **Update levels:** {first} -> {end:04}\n"
    for title, paths in (("Added", plan.added), ("Updated", plan.modified), ("Removed", plan.removed)):
        listed = "".join(f"- {path}\n" for path in paths) or "_None_\n"
        text += f"\n## {title} Files ({len(paths)})\n\n{listed}"
    return {"name": f"changelog-{first}-{end:04}.md", "text": text}


def write_summary(run: Run, start: int, end: int) -> None:
    levels = run.levels()
    text = f"# Update summary of {run.name} {run.version} (stand-in)\n"
    for number in levels.between(start, end):
        update_json = levels.updates[number]
        text += f"\n## {number}\n\n{update_json.get('summary') or ''}\n\n{update_json.get('instructions') or ''}\n"
    (run.home / f"updates/update-summary-{start:04}-{end:04}.md").write_text(text, encoding="utf-8")


def print_template(run: Run, plan: Plan) -> None:
    template = run.options.get("template")
    if template is None:
        return
    lead = f"{run.home}/" if run.knobs["template_paths"] == "absolute" else f"{run.home.name}/"
    changed = plan.merged if run.knobs["template_modified"] == "merged" else plan.modified
    lists = {"Added": plan.added, "Modified": changed, "Removed": plan.removed,
             "Conflicts": [conflict.path for conflict in plan.conflicts]}
    if run.knobs["template_merged"] == "defined":
        lists["Merged"] = plan.merged
    fields = {name: [lead + path for path in paths] for name, paths in lists.items()}
    run.out.sentence(render(template, fields, run.knobs["template_range"] == "go"))
