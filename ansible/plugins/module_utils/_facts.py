# -*- coding: utf-8 -*-
# Copyright: the pitstop contributors
# SPDX-License-Identifier: Apache-2.0

"""The facts on a host's instances: few, small and stable. Private to this collection; does no I/O."""


def facts_of(reports, agent):
    """The facts that the reports of C(check --all) hold, and the version of the agent."""
    return dict(
        agent=agent,
        instances=dict((report["instance"], instance_of(report["before"])) for report in reports),
    )


def instance_of(view):
    """One instance in few words."""
    return dict(
        product=view["release"]["product"],
        level=view["release"]["level"],
        state=view["state"],
        adopted=view["adopted"],
        verified=view["verified"],
        drift=view["drift"]["count"],
        interrupted=view.get("interrupted") is not None,
    )
