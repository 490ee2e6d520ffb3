#!/usr/bin/env python3
"""The page of `pitstop report` in a real browser, and the metrics in the eyes of Prometheus's own parser.

PITSTOP names the agent. With PICTURES=DIR, screenshots to be looked at are left there.
"""

import json
import os
import re
import subprocess
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path

import fleet
from browser import Browser

ROOT = Path(__file__).resolve().parents[2]
AGENT = os.environ.get("PITSTOP", str(ROOT / "target/release/pitstop"))
NOW = datetime.now(timezone.utc).replace(microsecond=0)
PWN = "<img src=x onerror=\"document.title='pwned'\"></script><script>document.title='pwned'</script>"


def page(folder, reports, *options):
    source, out = Path(folder) / "reports.jsonl", Path(folder) / "fleet.html"
    source.write_text("".join(json.dumps(one) + "\n" for one in reports), encoding="utf-8")
    done = subprocess.run([AGENT, "report", str(source), "--html", str(out), *options], capture_output=True, check=True)
    return out, json.loads(done.stdout)


def hostile():
    report = fleet.Host(1, NOW).report()
    report.update(host=f"h{PWN}", instance=PWN, environment=PWN, agent=PWN, blockers=[fleet.failure(PWN, PWN, PWN, 6)])
    report["after"].update(home=PWN, release=fleet.release(PWN, PWN))
    report["transactions"] = [{**fleet.Host(1, NOW).report()["transactions"][0], "outcome": PWN, "reason": PWN, "action": PWN}]
    return report


class Page(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="pitstop-report-")
        cls.browser = Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.folder.cleanup()

    def make(self, reports, *options):
        folder = Path(self.folder.name) / self.id().rsplit(".", 1)[1]
        folder.mkdir(exist_ok=True)
        out, self.told = page(folder, reports, *options)
        return out

    def open(self, out, fragment=""):
        self.browser.width(1400)
        self.browser.open(f"{out.as_uri()}{fragment}")
        self.assertEqual(self.browser.complaints(), [])

    def column(self, number):
        """The texts of one column of the rows that are shown."""
        return self.browser.run(f"[...document.querySelectorAll('#rows tbody tr')].map((row) => row.cells[{number}].textContent)")

    def shown(self):
        return self.browser.run("document.getElementById('shown').textContent")

    def press(self, key, code):
        for kind in ("keyDown", "keyUp"):
            more = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.browser.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def test_problems_first_and_the_rest_by_pages(self):
        out = self.make(fleet.reports(60, NOW))
        self.open(out)
        told, problems = self.told, self.column(0)
        notable = told["failing"] + told["attention"]
        self.assertGreater(notable, 5)
        self.assertTrue(all(problems[:notable]), problems)
        self.assertTrue(problems[0].startswith(("failed", "interrupted")), problems[0])
        self.assertEqual((len(problems), self.shown()), (50, "60 in all"))
        self.browser.run("document.getElementById('on').click()")
        self.assertEqual((len(self.column(0)), self.browser.run("location.hash")), (10, "#page=2"))
        self.assertEqual(self.browser.requests(), [out.as_uri()])

    def test_views_can_be_linked_to(self):
        out = self.make(fleet.reports(60, NOW))
        self.open(out, "#environment=production&sort=-age")
        ages = [int(age.split()[0]) for age in self.column(4) if age]
        self.assertGreater(len(ages), 5)
        self.assertEqual(ages, sorted(ages, reverse=True))
        self.assertEqual(set(self.column(2)), {"production"})
        self.assertEqual(self.browser.run("document.querySelector('th[aria-sort]').getAttribute('aria-sort')"), "descending")
        self.open(out, "#problem=failing")
        self.assertEqual(len(self.column(0)), self.told["failing"])
        self.open(out, "#q=WSO2IS%207.1.0.41&sort=host")
        self.assertEqual(set(self.column(3)), {"wso2is 7.1.0.41"})
        hosts = self.column(1)
        self.assertEqual(hosts, sorted(hosts))
        self.open(out, "#q=nobody-is-called-so")
        self.assertEqual((self.column(0), self.shown()), ([], "0 of 60"))
        self.open(out, "#sort=%3Cscript%3E&page=-7&problem=__proto__&later=1")
        self.assertEqual(self.shown(), "0 of 60")

    def test_filters_follow_the_hand_and_the_address_follows_them(self):
        out = self.make(fleet.reports(60, NOW))
        self.open(out)
        self.browser.run("document.querySelector('[name=q]').focus()")
        self.browser.call("Input.insertText", text="overdue")
        overdue = self.told["problems"]["overdue"]
        self.assertEqual((self.shown(), self.browser.run("location.hash")), (f"{overdue} of 60", "#q=overdue"))
        self.browser.run("document.getElementById('clear').click()")
        self.browser.run("new Promise((done) => setTimeout(done))")
        self.assertEqual((self.shown(), self.browser.run("document.querySelector('[name=q]').value")), ("60 in all", ""))
        # A number in the head leads to its instances, a level to those that have it, a section stays a section.
        for link, count in (("#problem=attention", self.told["attention"]), ("#problem=overdue", overdue)):
            self.browser.run(f"document.querySelector('a[href=\"{link}\"]').click()")
            self.browser.run("new Promise((done) => setTimeout(done))")
            self.assertEqual(self.shown(), f"{count} of 60")
        self.browser.run("document.querySelector('header a[href=\"#levels\"]').click()")
        self.browser.run("new Promise((done) => setTimeout(done))")
        self.assertEqual(self.shown(), f"{overdue} of 60")
        level = self.browser.run("(() => { const row = document.querySelector('#levels tbody tr'); row.querySelector('a').click();"
                                 " return row.querySelector('b').textContent; })()")
        self.browser.run("new Promise((done) => setTimeout(done))")
        self.assertEqual(self.shown(), f"{level} of 60")

    def test_everything_can_be_reached_by_keyboard(self):
        self.open(self.make(fleet.reports(60, NOW)))
        self.browser.run("document.querySelector('[data-sort=host]').focus()")
        self.press("Enter", 13)
        self.press("Enter", 13)
        self.assertEqual(self.browser.run("document.querySelector('[aria-sort]').textContent"), "Host, instance")
        self.assertEqual(self.browser.run("document.querySelector('[aria-sort]').getAttribute('aria-sort')"), "descending")
        self.browser.run("document.querySelector('#rows td button').focus()")
        self.press("Enter", 13)
        details = self.browser.run("document.querySelector('#rows tr.details').textContent")
        self.assertIn("Pack", details)
        self.assertEqual(self.browser.run("document.activeElement.getAttribute('aria-expanded')"), "true")
        self.press("Enter", 13)
        self.assertIsNone(self.browser.run("document.querySelector('#rows tr.details')"))
        unnamed = self.browser.run("[...document.querySelectorAll('input, select')].filter((one) => !one.labels.length).length")
        self.assertEqual(unnamed, 0)

    def test_what_a_host_says_runs_nothing(self):
        out = self.make([hostile(), *fleet.reports(3, NOW)], "--title", PWN)
        self.open(out)
        self.browser.run("document.querySelectorAll('#rows td button').forEach((button) => button.click())")
        self.browser.run("new Promise((done) => setTimeout(done, 50))")
        self.assertEqual(self.browser.run("document.title"), PWN)
        self.assertEqual(self.browser.run("document.querySelectorAll('img').length"), 0)
        self.assertIn(PWN, self.browser.run("document.querySelector('#rows tbody').textContent"))
        # And if something did get in, the page's policy would not let it run or load.
        bad = out.with_name("bad.html")
        bad.write_text(out.read_text(encoding="utf-8").replace("</main>", f"{PWN}<img src=http://127.0.0.1:1/x></main>"), encoding="utf-8")
        self.browser.open(bad.as_uri())
        self.assertEqual(self.browser.run("document.title"), PWN)
        complaints = " ".join(self.browser.complaints())
        self.assertRegex(complaints, "(?i)script-src")
        self.assertRegex(complaints, "(?i)default-src|img-src")

    def test_without_scripts_problems_are_a_plain_table(self):
        out = self.make(fleet.reports(60, NOW))
        self.browser.call("Emulation.setScriptExecutionDisabled", value=True)
        try:
            self.browser.open(out.as_uri())
            rows = self.browser.run("document.querySelectorAll('noscript tbody tr').length")
        finally:
            self.browser.call("Emulation.setScriptExecutionDisabled", value=False)
        self.assertEqual(rows, self.told["failing"] + self.told["attention"])

    def test_it_fits_a_phone_and_prints_what_is_filtered(self):
        out = self.make(fleet.reports(60, NOW))
        self.open(out)
        for width in (400, 700, 961, 1000, 1345, 1400, 2200):
            self.browser.width(width)
            self.assertLessEqual(self.browser.run("document.documentElement.scrollWidth"), width)
        rows = "document.querySelectorAll('#rows tbody tr').length"
        self.browser.run("dispatchEvent(new Event('beforeprint'))")
        self.assertEqual(self.browser.run(rows), 60)
        self.browser.run("dispatchEvent(new Event('afterprint'))")
        self.assertEqual(self.browser.run(rows), 50)
        self.assertGreater(len(self.browser.call("Page.printToPDF", printBackground=False)["data"]), 20_000)

    def test_ten_thousand_hosts(self):
        out = self.make(fleet.reports(10_000, NOW))
        self.assertEqual(self.told["instances"], 10_000)
        self.assertLess(out.stat().st_size, 15 << 20)
        paints, ready = [], []
        for _ in range(3):
            self.open(out)
            paints.append(self.browser.run(
                "new Promise((done) => new PerformanceObserver((list) => done(list.getEntriesByName('first-contentful-paint')[0].startTime))"
                ".observe({ type: 'paint', buffered: true }))"))
            ready.append(self.browser.run("performance.getEntriesByType('navigation')[0].domComplete"))
        self.assertLess(min(paints), 2000, "first paint")
        timed = "(() => { const began = performance.now(); %s; return performance.now() - began; })()"
        steps = {
            "search": "const box = document.querySelector('[name=q]'); box.value = 'prod-is 7.1.0.3'; box.dispatchEvent(new Event('input'))",
            "clear": "const box = document.querySelector('[name=q]'); box.value = ''; box.dispatchEvent(new Event('input'))",
            "sort": "document.querySelector('[data-sort=level]').click()",
            "page": "document.getElementById('on').click()",
        }
        took = {name: min(self.browser.run(timed % step) for _ in range(2)) for name, step in steps.items()}
        print(f"10,000 hosts: {out.stat().st_size / 1e6:.1f} MB, first paint {min(paints):.0f} ms, ready {min(ready):.0f} ms, "
              + ", ".join(f"{name} {ms:.0f} ms" for name, ms in took.items()))
        for name, ms in took.items():
            self.assertLess(ms, 1000, name)

    def test_colours_can_be_read(self):
        css = (ROOT / "templates/report/page.css").read_text(encoding="utf-8")
        themes = re.findall(r":root \{(.*?)\}", css, re.S)
        self.assertEqual(len(themes), 3, "light, dark, print")
        for theme in themes:
            colour = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", theme))
            pairs = [(name, "paper") for name in ("ink", "quiet", "link", "failing", "attention", "fine") if name in colour]
            pairs += [("failing", "failing-shade"), ("attention", "attention-shade"), ("ink", "note-shade")]
            for front, back in pairs:
                self.assertGreaterEqual(contrast(colour[front], colour[back]), 4.5, f"{front} on {back}")

    @unittest.skipUnless(os.environ.get("PICTURES"), "PICTURES does not say where to")
    def test_pictures(self):
        into = Path(os.environ["PICTURES"])
        into.mkdir(parents=True, exist_ok=True)
        for hosts in (3, 60, 10_000):
            out = self.make(fleet.reports(hosts, NOW), "--title", "Integration platform")
            for width in (400, 1400):
                for theme in ("light", "dark"):
                    self.browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": theme}])
                    self.open(out)
                    self.browser.width(width, 1200)
                    self.browser.picture(into / f"{hosts}-{width}-{theme}.png")
            self.browser.call("Emulation.setEmulatedMedia", features=[])


def contrast(one, other):
    def light(colour):
        digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
        parts = [int(digits[at:at + 2], 16) / 255 for at in (0, 2, 4)]
        parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((light(one), light(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


class Metrics(unittest.TestCase):
    """A real check of two instances, of which one is gone."""

    def test_prometheus_reads_them(self):
        from prometheus_client.parser import text_string_to_metric_families

        with tempfile.TemporaryDirectory(prefix="pitstop-metrics-") as folder:
            folder = Path(folder)
            for name, home in (("here", folder / "home"), ("gone", folder / "nowhere")):
                config = folder / "config/instances.d"
                config.mkdir(parents=True, exist_ok=True)
                (config / f"{name}.yaml").write_text(f"name: {name}\nproduct: generic\nhome: {home}\n", encoding="utf-8")
            (folder / "config/pitstop.yaml").write_text("environment: staging\n", encoding="utf-8")
            (folder / "home").mkdir()
            (folder / "home/VERSION").write_text("1.2.3\n", encoding="utf-8")
            call = [AGENT, "--config-dir", folder / "config", "--state-dir", folder / "state"]
            subprocess.run([*call, "adopt", "here"], capture_output=True, check=True)
            done = subprocess.run([*call, "check", "--all", "--prometheus", folder / "p.prom"], capture_output=True, check=False)
            self.assertEqual(done.returncode, 1, done.stderr)
            families = {one.name: one for one in text_string_to_metric_families((folder / "p.prom").read_text(encoding="utf-8"))}
        info = families["pitstop_instance_info"].samples[0]
        self.assertEqual({**info.labels}, {"name": "here", "product": "generic", "level": "1.2.3", "environment": "staging"})
        value = {(name, one.labels.get("name")): one.value for name, family in families.items() for one in family.samples}
        self.assertEqual(value["pitstop_check_error", "gone"], 1)
        self.assertEqual(families["pitstop_check_error"].samples[0].labels["kind"], "home-missing")
        self.assertEqual(value["pitstop_drift_files", "here"], 0)
        age = datetime.now(timezone.utc) - datetime.fromtimestamp(value["pitstop_level_installed_timestamp_seconds", "here"], timezone.utc)
        self.assertLess(age, timedelta(minutes=10))
        self.assertTrue(all(family.type == "gauge" and family.documentation for family in families.values()))


if __name__ == "__main__":
    unittest.main(verbosity=2)
