"use strict";
(() => {
  const PAGE = 50, PRINTED = 2000;
  const data = JSON.parse(document.getElementById("data").textContent);
  const text = (number) => (number === null ? "" : data.texts[number]);
  const kinds = data.kinds.map(([code, label, weight]) => ({ code, label, weight }));
  const WEIGHTS = { failing: 2, attention: 1, note: 0 };

  const rows = data.rows.map((row, place) => {
    const [host, instance, environment, product, level, age, running, drift, problems, changes, offered, at, home, agent, paths, since] = row;
    return {
      place, age, running, drift, at, since,
      host: text(host), instance: text(instance), environment: text(environment), product: text(product), level: text(level),
      offered: text(offered), home: text(home), agent: text(agent), paths: paths.map(text),
      problems: problems.map(([kind, says, hint]) => ({ kind: kinds[kind], says: text(says), hint: text(hint) })),
      changes: changes.map(([action, outcome, from, to, ended, stopped, reason]) => ({
        action: text(action), outcome: text(outcome), from: text(from), to: text(to), ended, stopped, reason: text(reason),
      })),
    };
  });
  const weight = (row) => (row.problems.length ? WEIGHTS[row.problems[0].kind.weight] : -1);
  const words = (row) => (row.words ??= [row.host, row.instance, row.environment, row.product, row.level,
    ...row.problems.flatMap((one) => [one.kind.label, one.says])].join("\n").toLowerCase());

  // Moments and spans.
  const moment = (seconds) => (seconds === null ? "" : new Date(seconds * 1000).toISOString().slice(0, 16).replace("T", " "));
  const lasted = (ms) => ms < 100000 ? `${Math.floor(ms / 1000)}.${Math.floor(ms % 1000 / 100)} s`
    : ms < 3600000 ? `${Math.floor(ms / 60000)} min ${Math.floor(ms / 1000) % 60} s`
    : `${Math.floor(ms / 3600000)} h ${Math.floor(ms / 60000) % 60} min`;
  const count = (number) => number.toLocaleString("en");

  // Everything that a host says is put in as text, never as markup.
  const make = (name, className, ...children) => {
    const element = document.createElement(name);
    if (className) element.className = className;
    element.append(...children);
    return element;
  };
  // Long host names break after their dots.
  const breakable = (name) => name.split(/(?<=\.)/).flatMap((part, place) => (place ? [document.createElement("wbr"), part] : [part]));
  const mark = (kind) => make("span", `mark ${kind.weight}`, kind.label);

  // What is shown is in the address, so that it can be linked to.
  const form = document.getElementById("filter");
  const FACETS = ["environment", "product", "level", "problem"];
  let view;
  const read = () => {
    const given = new URLSearchParams(location.hash.slice(1));
    view = { q: given.get("q") ?? "", sort: given.get("sort") ?? "problem", page: Math.max(1, parseInt(given.get("page"), 10) || 1) };
    FACETS.forEach((name) => { view[name] = given.get(name); });
    form.q.value = view.q;
    FACETS.forEach((name) => { form[name].value = view[name] === null ? "*" : `=${view[name]}`; });
  };
  const write = () => {
    const told = new URLSearchParams();
    if (view.q) told.set("q", view.q);
    FACETS.filter((name) => view[name] !== null).forEach((name) => told.set(name, view[name]));
    if (view.sort !== "problem") told.set("sort", view.sort);
    if (view.page > 1) told.set("page", view.page);
    history.replaceState(null, "", `#${told}`);
  };

  const has = {
    __proto__: null,
    failing: (row) => weight(row) === 2,
    attention: (row) => weight(row) === 1,
    fine: (row) => weight(row) < 1,
    offered: (row) => row.offered !== "",
  };
  const wanted = () => {
    const asked = view.q.toLowerCase().split(/\s+/).filter(Boolean);
    const problem = view.problem === null ? () => true
      : has[view.problem] ?? ((row) => row.problems.some((one) => one.kind.code === view.problem));
    const is = (row, name) => view[name] === null || row[name] === view[name];
    return rows.filter((row) => is(row, "environment") && is(row, "product") && is(row, "level") && problem(row)
      && asked.every((word) => words(row).includes(word)));
  };

  // Whatever the direction, what is not known comes last.
  const collator = new Intl.Collator("en", { numeric: true });
  const KEYS = {
    __proto__: null,
    problem: (row) => row.place, host: (row) => `${row.host} ${row.instance}`, environment: (row) => row.environment || null,
    level: (row) => row.level ? `${row.product} ${row.level}` : null, age: (row) => row.age, drift: (row) => row.drift,
    state: (row) => row.running === null ? null : row.running ? 1 : 0,
    stopped: (row) => row.changes.length ? row.changes[0].stopped : null,
    change: (row) => row.changes.length ? row.changes[0].ended : null,
  };
  const sorted = (found) => {
    const down = view.sort.startsWith("-");
    const key = KEYS[down ? view.sort.slice(1) : view.sort] ?? KEYS.problem;
    if (key === KEYS.problem) return down ? found.reverse() : found;
    const keyed = found.map((row) => [key(row), row]);
    const order = (a, b) => typeof a === "string" ? collator.compare(a, b) : a - b;
    keyed.sort(([a, one], [b, other]) => a === null || b === null ? (a === null) - (b === null) || one.place - other.place
      : (down ? -order(a, b) : order(a, b)) || one.place - other.place);
    return keyed.map(([, row]) => row);
  };

  const table = document.getElementById("rows");
  const body = table.tBodies[0];
  const lines = (row) => {
    const first = row.problems[0];
    const what = make("div", "what");
    if (first) {
      what.append(mark(first.kind), make("span", "say", first.says));
      if (row.problems.length > 1) what.append(make("span", "more", `+ ${row.problems.length - 1}`));
    }
    const name = make("button", "", make("span", "name", ...breakable(row.host)), " ", make("span", "quiet", row.instance));
    name.type = "button";
    name.setAttribute("aria-expanded", "false");
    const level = make("td", "", row.level ? `${row.product} ${row.level}` : "unknown");
    if (row.offered) level.append(" ", make("span", "quiet", `→ ${row.offered}`));
    const over = row.problems.some((one) => one.kind.code === "overdue");
    const last = row.changes[0];
    const failed = last && last.outcome !== "done";
    const line = make("tr", "",
      make("td", "", what), make("td", "", name), make("td", "opt", row.environment), level,
      make("td", `number${over ? " attention" : ""}`, row.age === null ? "" : `${row.age} d`),
      make("td", `rare${row.running === false ? " attention" : ""}`, row.running === null ? "unknown" : row.running ? "running" : "stopped"),
      make("td", "number rare", row.drift ? count(row.drift) : ""),
      make("td", `opt date${failed ? " failing" : ""}`, last ? moment(last.ended).slice(0, 10) : "", failed ? make("span", "", ` ${last.outcome.replace("-", " ")}`) : ""),
      make("td", "number rare", last && last.stopped !== null ? lasted(last.stopped) : ""));
    name.addEventListener("click", () => {
      const open = name.getAttribute("aria-expanded") === "true";
      name.setAttribute("aria-expanded", String(!open));
      line.classList.toggle("open", !open);
      if (open) line.nextSibling.remove(); else line.after(details(row));
    });
    return line;
  };
  const details = (row) => {
    const cell = make("td", "");
    cell.colSpan = 9;
    const list = make("ul", "");
    for (const one of row.problems) {
      list.append(make("li", "", mark(one.kind), " ", one.says, one.hint ? make("span", "quiet", ` ${one.hint}`) : ""));
    }
    const facts = make("dl", "");
    const fact = (name, value) => value && facts.append(make("dt", "", name), make("dd", "", value));
    fact("Pack", [row.product, row.level, row.home && `in ${row.home}`].filter(Boolean).join(" "));
    fact("Environment", row.environment);
    fact("State", row.running === null ? "unknown" : row.running ? "running" : "stopped");
    fact("Installed", moment(row.since));
    fact("Reported", [moment(row.at), row.agent && `by pitstop ${row.agent}`].filter(Boolean).join(" "));
    fact("Deviates", row.drift ? `${count(row.drift)}: ${row.paths.join(", ")}${row.drift > row.paths.length ? " …" : ""}` : "");
    cell.append(list, facts);
    if (row.changes.length) {
      const past = make("table", "", make("thead", "", make("tr", "",
        ...["Ended", "What", "Outcome", "Stopped for", "Why"].map((name) => {
          const head = make("th", name === "Stopped for" ? "number" : "", name);
          head.scope = "col";
          return head;
        }))));
      past.append(make("tbody", "", ...row.changes.map((one) => make("tr", "",
        make("td", "date", moment(one.ended)), make("td", "", `${one.action} ${one.from === one.to ? `at ${one.to}` : `${one.from} → ${one.to}`}`),
        make("td", "", one.outcome.replace("-", " ")), make("td", "number", one.stopped === null ? "" : lasted(one.stopped)), make("td", "", one.reason)))));
      cell.append(past);
    }
    return make("tr", "details", cell);
  };

  const byId = (id) => document.getElementById(id);
  const show = (limit = PAGE) => {
    const found = sorted(wanted());
    const pages = Math.max(1, Math.ceil(found.length / PAGE));
    view.page = Math.min(view.page, pages);
    const from = limit === PAGE ? (view.page - 1) * PAGE : 0;
    const part = found.slice(from, from + limit);
    body.replaceChildren(...part.map(lines));
    const printed = limit !== PAGE && found.length > limit ? `, the first ${count(limit)} printed` : "";
    byId("shown").textContent = (found.length === rows.length ? `${count(rows.length)} in all` : `${count(found.length)} of ${count(rows.length)}`) + printed;
    byId("pager").hidden = found.length <= PAGE;
    byId("place").textContent = `${count(from + 1)} – ${count(from + part.length)} of ${count(found.length)}`;
    byId("back").disabled = view.page === 1;
    byId("on").disabled = view.page === pages;
    const by = view.sort.replace(/^-/, "");
    table.querySelectorAll("thead button").forEach((button) => {
      const mine = button.dataset.sort === by;
      if (mine) button.parentElement.setAttribute("aria-sort", view.sort.startsWith("-") ? "descending" : "ascending");
      else button.parentElement.removeAttribute("aria-sort");
    });
  };
  const change = (what) => { Object.assign(view, { page: 1 }, what); write(); show(); };

  // The choices are those that there are.
  const choose = (name, options) => form[name].append(...options.map(([value, label]) => new Option(label, value)));
  for (const name of ["environment", "product", "level"]) {
    const values = [...new Set(rows.map((row) => row[name]))].sort((a, b) => (name === "level" ? collator.compare(b, a) : collator.compare(a, b)));
    choose(name, [["*", "all"], ...values.map((value) => [`=${value}`, value || "unknown"])]);
  }
  const there = new Set(rows.flatMap((row) => row.problems.map((one) => one.kind)));
  choose("problem", [["*", "all"], ["=failing", "failing"], ["=attention", "need attention"], ["=fine", "fine"], ["=offered", "update offered"],
    ...kinds.filter((kind) => there.has(kind)).map((kind) => [`=${kind.code}`, kind.label])]);

  form.addEventListener("submit", (event) => event.preventDefault());
  form.q.addEventListener("input", () => change({ q: form.q.value }));
  FACETS.forEach((name) => form[name].addEventListener("change", () => {
    const value = form[name].value;
    change({ [name]: value.startsWith("=") ? value.slice(1) : null });
  }));
  byId("clear").addEventListener("click", () => { location.hash = ""; });
  byId("back").addEventListener("click", () => { view.page -= 1; write(); show(); table.scrollIntoView(); });
  byId("on").addEventListener("click", () => { view.page += 1; write(); show(); table.scrollIntoView(); });
  table.tHead.addEventListener("click", (event) => {
    const by = event.target.dataset.sort;
    if (by) change({ sort: view.sort === by ? `-${by}` : by });
  });
  addEventListener("hashchange", () => {
    // Anything else leads to a section of the page.
    if (location.hash.length > 1 && !location.hash.includes("=")) return;
    read();
    show();
    if (location.hash.length > 1) byId("instances").scrollIntoView();
  });
  addEventListener("beforeprint", () => show(PRINTED));
  addEventListener("afterprint", () => show());
  form.hidden = table.hidden = false;
  read();
  show();
})();
