"""Prints what pitstop knows of this host's packs, as a local fact of Ansible: C(ansible_local.pitstop).

Small stable fields only, of the same form as the facts of the module pack_info, and never a reason for gathering facts to
fail: without an agent that answers there are no instances.
"""

import json
import os
import subprocess

# Facts are gathered before anything else: an agent that hangs must not hold that up.
TIMEOUT_S = 20
FOLDERS = ["/usr/local/bin", "/usr/bin"]


def ask():
    """The agent's reports on all instances; none if it cannot be asked."""
    path = os.pathsep.join([os.environ.get("PATH", "")] + FOLDERS)
    process = subprocess.run(
        ["pitstop", "--output", "json", "check", "--all"],
        env=dict(os.environ, PATH=path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=TIMEOUT_S,
        check=False,
    )
    return json.loads(process.stdout.decode("utf-8"))


def facts_of(document):
    """The facts that the agent's list of reports holds."""
    instances = dict((report["instance"], instance_of(report)) for report in document["reports"])
    return dict(agent=document["agent"], instances=instances)


def instance_of(report):
    """One instance in few words, or why there are none."""
    view = report.get("before")
    if not view:
        return dict(error=(report.get("error") or {}).get("kind"))
    return dict(
        product=view["release"]["product"],
        level=view["release"]["level"],
        state=view["state"],
        adopted=view["adopted"],
        verified=view["verified"],
        drift=view["drift"]["count"],
        interrupted=view.get("interrupted") is not None,
    )


def main():
    try:
        facts = facts_of(ask())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, subprocess.SubprocessError):
        facts = dict(agent=None, instances={})
    print(json.dumps(facts))


if __name__ == "__main__":
    main()
