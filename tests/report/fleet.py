"""Reports of a fleet as its agents would print them, the same for the same size and moment.

fleet.py HOSTS DIR    writes one file per host into DIR
"""

import json
import random
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path

SCHEMA = "pitstop/report/v1"
PRODUCTS = {
    "wso2am": ["4.2.0.135", "4.2.0.128", "4.2.0.121", "4.2.0.113", "4.2.0.99"],
    "wso2is": ["7.1.0.41", "7.1.0.38", "7.1.0.30", "7.1.0.22"],
    "flink": ["1.20.1", "1.20.0", "1.19.2"],
}
ENVIRONMENTS = ["dev", "staging", "production", "production", "production", "lockdown"]
REASON = "required checks failed: health: HTTP 503 from https://localhost:9443/services/Version, expected 200"


def moment(when):
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def release(product, level):
    return {"product": product, "level": level}


def failure(kind, message, hint, exit):
    return {"kind": kind, "message": message, "hint": hint, "exit": exit}


class Host:
    """One host with one instance, made by chance from a seed."""

    def __init__(self, number, now):
        self.dice = random.Random(number)
        self.now = now
        self.product = self.dice.choice(list(PRODUCTS))
        self.levels = PRODUCTS[self.product]
        self.place = min(int(self.dice.expovariate(0.9)), len(self.levels) - 1)
        self.environment = self.dice.choice(ENVIRONMENTS)
        self.name = f"{self.environment[:4]}-{self.product.removeprefix('wso2')}-{number:05d}.example.com"
        self.instance = f"{self.product.removeprefix('wso2')}-1"
        self.age = timedelta(days=2 + self.place * 7 + self.dice.randrange(6), minutes=self.dice.randrange(1440))

    def report(self):
        level, dice = self.levels[self.place], self.dice
        report = {
            "schema": SCHEMA, "action": "check", "instance": self.instance, "host": self.name, "environment": self.environment,
            "at": moment(self.now - timedelta(minutes=dice.randrange(90))), "ok": True, "changed": False, "dry_run": False,
            "status": "current", "message": f"{self.product} {level}, running", "steps": [], "probes": [], "conflicts": [],
            "findings": [], "offers": [], "blockers": [], "warnings": [], "error": None, "agent": "0.1.0",
            "timing": {"total_ms": 40, "stage_ms": 0, "stopped_ms": 0, "commit_ms": 0, "verify_ms": 0},
            "transactions": self.transactions(),
        }
        view = {
            "home": f"/opt/{self.product}", "release": release(self.product, level), "adopted": True, "verified": True,
            "pristine_known": True, "installed_at": moment(self.now - self.age), "state": "running", "processes": [],
            "drift": {"count": dice.randrange(6), "paths": [
                {"path": "repository/conf/deployment.toml", "class": "config", "change": "modified"}]},
            "holds": [], "snapshots": [], "free_bytes": 10 << 30,
        }
        report["before"] = report["after"] = view
        if self.place:
            report["offers"] = [{"product": self.product, "level": self.levels[0], "path": "/srv/packs", "newer": True}]
            report["status"] = "update-available"
        self.trouble(report, view)
        return report

    def trouble(self, report, view):
        chance, newest = self.dice.random(), self.levels[0]
        if chance < 0.004:
            view["interrupted"] = {"transaction": "000007-1a2b3c4d", "action": "update", "phase": "committing",
                                   "remedy": "the next run finishes it"}
        elif chance < 0.010:
            report.update(ok=False, status="unhealthy", message=REASON, error=failure(
                "unhealthy", REASON, "see `probes` in the report and the server's log", 5), action="verify")
        elif chance < 0.014:
            message = f"the home {view['home']} of instance {self.instance} does not exist"
            report.update(ok=False, status="failed", before=None, after=None, message=message, error=failure(
                "home-missing", message, "unpack the product there, or correct `home` in the instance's file", 1))
        elif chance < 0.024:
            view["state"] = "stopped"
        elif chance < 0.034:
            report["waiting"] = {"level": newest, "conflicts": 2, "open": 3, "command": f"pitstop update {self.instance} --continue"}
        elif chance < 0.044:
            view["holds"] = [{"release": release(self.product, newest), "since": moment(self.now - timedelta(days=3)),
                              "reason": REASON, "transaction": "000006-0badf00d"}]
            report["blockers"] = [failure("held", f"{self.product} {newest} is held on this host since 2026-11-23", "give a newer level", 6)]
        elif chance < 0.064:
            free = self.dice.randrange(1, 9)
            report["blockers"] = [failure("space", f"the update needs 2.1 GB on /opt and there is {free / 10} GB",
                                          "free space and run again", 6)]
        elif chance < 0.074:
            report["findings"] = [{"kind": "exposed", "severity": "required", "paths": [],
                                   "message": "repository/resources/security/wso2carbon.jks can be read by everybody",
                                   "hint": "chmod o-r repository/resources/security/wso2carbon.jks"}]
        elif chance < 0.080:
            report["at"] = moment(self.now - timedelta(days=self.dice.randrange(3, 40)))
        elif chance < 0.110:
            view["drift"] = {"count": 1, "paths": [{"path": "bin/wso2server.sh", "class": "vendor", "change": "modified"}]}

    def transactions(self):
        found, when = [], self.now - self.age
        for place in range(self.place, min(self.place + 4, len(self.levels) - 1)):
            fine = self.dice.random() > 0.03
            found.append({
                "transaction": f"{20 - place:06d}-{self.dice.randrange(1 << 32):08x}", "action": "update",
                "outcome": "done" if fine else "taken-back", "from": release(self.product, self.levels[place + 1]),
                "to": release(self.product, self.levels[place]), "began": moment(when - timedelta(minutes=2)), "ended": moment(when),
                "stopped_ms": self.dice.randrange(14_000, 48_000), "agent": "0.1.0", **({} if fine else {"reason": REASON}),
            })
            when -= timedelta(days=7, minutes=self.dice.randrange(600))
        return found


def reports(hosts, now=None):
    now = now or datetime.now(timezone.utc)
    return [Host(number, now).report() for number in range(1, hosts + 1)]


def main():
    hosts, folder = int(sys.argv[1]), Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    for report in reports(hosts):
        (folder / f"{report['host']}.json").write_text(json.dumps(report), encoding="utf-8")


if __name__ == "__main__":
    main()
