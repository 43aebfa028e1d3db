// Fill the table of problems; returns a function that takes fresh rows of the same problems.
function showProblems(rows) {
  const body = document.querySelector("#table tbody");
  const text = document.getElementById("filter-text");
  const status = document.getElementById("filter-status");
  const benchmark = document.getElementById("filter-benchmark");
  const names = [...new Set(rows.map((row) => row.benchmark))];
  const several = names.length > 1;
  let sort = { key: "order", down: false };

  rows.forEach((row, order) => {
    row.order = order;
    prepare(row);
  });

  function prepare(row) {
    row.share = row.n ? row.passed / row.n : -1;
    row.status = Object.entries(row.statuses).sort((a, b) => b[1] - a[1]).map((entry) => entry[0])[0] || "";
    row.label = several ? row.benchmark + " " + row.task : row.task;
    row.search = (row.label + " " + row.title + " " + row.search).toLowerCase();
    row.element = line(row);
  }

  function offerStatuses() {
    const offered = new Set([...status.options].map((option) => option.value));
    const found = [...new Set(rows.flatMap((row) => Object.keys(row.statuses)))].sort();
    status.append(...found.filter((name) => !offered.has(name)).map((name) => el("option", { value: name, text: words(name) })));
  }

  function line(row) {
    const open = el("button", { type: "button", "aria-expanded": "false", text: row.label });
    const made = el("tr", { class: "problem", "data-task": row.task },
      el("td", { class: "nowrap" }, open),
      el("td", { class: "optional", text: row.title }),
      el("td", { class: "nowrap", text: row.passed + "/" + row.n }),
      el("td", {}, outcome(row)),
      el("td", { class: "number optional", text: row.tokens === null ? "" : row.tokens }),
      el("td", { class: "number optional", text: row.seconds }));
    made.addEventListener("click", () => toggle(row, made, open));
    return made;
  }

  function outcome(row) {
    const found = Object.entries(row.statuses);
    if (!found.length) return el("span", { class: "soft", text: "–" });
    if (found.length === 1) return el("span", {}, mark(found[0][0]), words(found[0][0]));
    const told = found.map((entry) => entry[1] + " " + words(entry[0])).join(", ");
    const bar = el("div", { class: "bar", title: told, role: "img", "aria-label": told });
    for (const [name, count] of found) bar.append(el("i", { class: "s-" + name, style: "width:" + (100 * count) / row.n + "%" }));
    return bar;
  }

  async function toggle(row, made, open) {
    const next = made.nextElementSibling;
    if (next && next.classList.contains("detail")) {
      next.remove();
      open.setAttribute("aria-expanded", "false");
      return;
    }
    open.setAttribute("aria-expanded", "true");
    const cell = el("td", { colspan: "6" });
    made.after(el("tr", { class: "detail" }, cell));
    try {
      const found = row.url ? await fetchJson(row.url) : await unpack("chunk-" + row.order);
      if (row.page) cell.append(el("p", { class: "small" }, el("a", { href: row.page, text: "All samples, beside other models" })));
      cell.append(...sampleChooser(row.url ? found.runs[0].samples : found.samples), ...promptParts(found, true));
    } catch (error) {
      cell.append(el("p", { class: "bad", text: error.message }));
    }
  }

  function show() {
    const wanted = text.value.trim().toLowerCase();
    const kept = rows.filter((row) => row.search.includes(wanted) && (!status.value || status.value in row.statuses)
      && (!benchmark.value || row.benchmark === benchmark.value));
    const sign = sort.down ? -1 : 1;
    kept.sort((a, b) => {
      const x = a[sort.key], y = b[sort.key];
      return sign * (typeof x === "string" ? x.localeCompare(y) : x - y) || a.order - b.order;
    });
    document.querySelectorAll("[aria-expanded=true]").forEach((button) => button.setAttribute("aria-expanded", "false"));
    body.replaceChildren(...kept.map((row) => row.element));
    document.getElementById("shown").textContent = kept.length + " of " + rows.length + " problems";
  }

  document.querySelectorAll("#table th").forEach((head) => head.querySelector("button").addEventListener("click", () => {
    const key = head.dataset.key;
    sort = { key: key, down: sort.key === key ? !sort.down : false };
    document.querySelectorAll("#table th").forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", sort.down ? "descending" : "ascending");
    show();
  }));
  text.addEventListener("input", show);
  status.addEventListener("input", show);
  benchmark.addEventListener("input", show);
  benchmark.hidden = !several;
  benchmark.append(...names.map((name) => el("option", { value: name, text: name })));
  offerStatuses();
  show();

  return function update(fresh) {
    fresh.forEach((next, at) => {
      const row = rows[at], old = row.element;
      const open = old.querySelector("[aria-expanded=true]");
      if (open || JSON.stringify([next.n, next.statuses, next.tokens]) === JSON.stringify([row.n, row.statuses, row.tokens])) return;
      Object.assign(row, next);
      prepare(row);
      old.replaceWith(row.element);
    });
    offerStatuses();
  };
}
