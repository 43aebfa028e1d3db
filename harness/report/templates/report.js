(function () {
  const rows = JSON.parse(document.getElementById("rows").textContent);
  const body = document.querySelector("#table tbody");
  const text = document.getElementById("filter-text");
  const status = document.getElementById("filter-status");
  const several = new Set(rows.map((row) => row.benchmark)).size > 1;
  let sort = { key: "order", down: false };

  rows.forEach((row, order) => {
    row.order = order;
    row.share = row.n ? row.passed / row.n : -1;
    row.status = Object.entries(row.statuses).sort((a, b) => b[1] - a[1]).map((entry) => entry[0])[0] || "";
    row.label = several ? row.benchmark + " " + row.task : row.task;
    row.search = (row.label + " " + row.title + " " + row.search).toLowerCase();
    row.element = line(row);
  });
  for (const name of [...new Set(rows.flatMap((row) => Object.keys(row.statuses)))].sort()) {
    status.append(el("option", { value: name, text: words(name) }));
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
    detail(cell, await unpack("chunk-" + row.order));
  }

  function detail(cell, found) {
    const shown = el("div", { class: "sample" });
    const chips = el("div", { class: "samples", role: "group", "aria-label": "Samples" });
    const buttons = found.samples.map((sample) => {
      const chip = el("button", { type: "button", class: "s-" + sample.status, title: sample.index + ": " + words(sample.status),
        "aria-label": "sample " + sample.index + ", " + words(sample.status), text: sample.index });
      chip.addEventListener("click", () => choose(sample, chip));
      chips.append(chip);
      return chip;
    });
    function choose(sample, chip) {
      buttons.forEach((other) => other.setAttribute("aria-pressed", String(other === chip)));
      shown.replaceChildren(...one(sample));
    }
    if (found.samples.length > 1) cell.append(el("h3", { text: found.samples.length + " samples" }), chips);
    cell.append(shown);
    const failed = Math.max(0, found.samples.findIndex((sample) => sample.status !== "passed"));
    if (found.samples.length) choose(found.samples[failed], buttons[failed]);
    else cell.append(el("p", { text: "No sample of this problem was generated." }));
    if (found.prompt !== null) cell.append(fold("Prompt", el("pre", { class: "wrap", text: found.prompt }), true));
    else cell.append(el("p", { class: "soft small", text: "The benchmark's data was not at hand, so the prompt is not shown." }));
    if (found.reference) cell.append(fold("Reference solution", el("pre", { class: "hl", html: found.reference }), false));
  }

  function fold(title, content, open) {
    return el("details", open ? { open: "" } : {}, el("summary", { text: title }), content);
  }

  function one(sample) {
    const facts = [sample.finish && "ended by " + sample.finish, sample.tokens !== null && sample.tokens + " tokens",
      sample.cpu_s !== null && sample.cpu_s + " s CPU", sample.wall_s !== null && sample.wall_s + " s wall",
      sample.mib && sample.mib + " MiB", sample.base && "base: " + words(sample.base), sample.trust && "judged " + sample.trust];
    return [
      el("p", {}, mark(sample.status), el("strong", { text: words(sample.status) }),
        el("span", { class: "soft small", text: "  " + facts.filter(Boolean).join(", ") })),
      block("What failed", sample.detail),
      sample.extraction && el("p", { class: "soft small", text: "Code: " + sample.extraction }),
      el("div", { class: "pair" }, codeBlock("Code", sample), block("Raw completion", sample.raw)),
      sample.reasoning && fold("Reasoning", el("pre", { class: "wrap", text: sample.reasoning }), false),
    ].filter(Boolean);
  }

  function show() {
    const wanted = text.value.trim().toLowerCase();
    const kept = rows.filter((row) => row.search.includes(wanted) && (!status.value || status.value in row.statuses));
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
  show();
})();
