// Fill the list of flips: each opens to both programs, or links to the page that has them.
function showFlips(rows) {
  const body = document.querySelector("#table tbody");
  const text = document.getElementById("filter-text");
  const kind = document.getElementById("filter-kind");
  const columns = document.querySelectorAll("#table th").length;

  rows.forEach((row, order) => {
    row.order = order;
    row.search = [row.benchmark, row.task, row.title, row.run, row.status].join(" ").toLowerCase();
    const open = row.page ? el("a", { href: row.page, text: row.task }) : el("button", { type: "button", "aria-expanded": "false", text: row.task });
    row.element = el("tr", { class: "problem", "data-task": row.task },
      el("td", { class: "nowrap" }, open),
      el("td", { class: "optional", text: row.title }),
      el("td", { class: row.kind === "lost" ? "bad" : "good", text: row.kind }),
      el("td", {}, mark(row.status), words(row.status)),
      columns > 4 ? el("td", { text: row.run }) : null);
    if (!row.page) row.element.addEventListener("click", () => toggle(row, open));
  });

  async function toggle(row, open) {
    const next = row.element.nextElementSibling;
    const isOpen = next && next.classList.contains("detail");
    open.setAttribute("aria-expanded", String(!isOpen));
    if (isOpen) return next.remove();
    const cell = el("td", { colspan: String(columns) });
    row.element.after(el("tr", { class: "detail" }, cell));
    const found = await unpack("chunk-" + row.order);
    for (const side of [found.left, found.right]) {
      cell.append(el("p", {}, mark(side.status), el("strong", { text: side.run }), ": " + words(side.status) + " (sample " + side.index + ")"));
      if (side.detail) cell.append(el("pre", { class: "wrap", text: side.detail }));
    }
    cell.append(diffTable(found.left.run, found.right.run, found.diff));
    if (found.prompt !== null) cell.append(fold("Prompt", el("pre", { class: "wrap", text: found.prompt }), false));
  }

  function show() {
    const wanted = text.value.trim().toLowerCase();
    const kept = rows.filter((row) => row.search.includes(wanted) && (!kind.value || row.kind === kind.value));
    document.querySelectorAll("[aria-expanded=true]").forEach((button) => button.setAttribute("aria-expanded", "false"));
    body.replaceChildren(...kept.map((row) => row.element));
    document.getElementById("shown").textContent = kept.length + " of " + rows.length + " flips";
  }
  text.addEventListener("input", show);
  kind.addEventListener("input", show);
  show();
}
