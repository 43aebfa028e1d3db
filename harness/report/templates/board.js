"use strict";
(function () {
  const sections = [...document.querySelectorAll(".board")];
  const rows = [...document.querySelectorAll(".board tbody tr")];
  const boxes = [...document.querySelectorAll(".board input[type=checkbox]")];
  const text = document.getElementById("filter-text");
  const button = document.getElementById("compare");
  button.hidden = !boxes.length;

  // A comparison needs a benchmark that both rows have; a row may be of several runs.
  function pair() {
    const found = boxes.filter((box) => box.checked).map((box) => [...box.closest("tr").querySelectorAll("td[data-run]")]);
    if (found.length !== 2) return null;
    for (const one of found[0]) {
      const other = found[1].find((cell) => cell.dataset.column === one.dataset.column);
      if (other) return [one.dataset.run, other.dataset.run];
    }
    const name = (cell) => cell.dataset.column.split(" ")[0];
    for (const one of found[0]) {
      const other = found[1].find((cell) => name(cell) === name(one));
      if (other) return [one.dataset.run, other.dataset.run];
    }
    return null;
  }

  function refresh() {
    const count = boxes.filter((box) => box.checked).length;
    boxes.forEach((box) => { box.disabled = count === 2 && !box.checked; });
    button.disabled = pair() === null;
    const shown = rows.filter((row) => !row.hidden).length;
    const remark = count === 2 && button.disabled ? "; the two chosen share no benchmark" : "";
    document.getElementById("shown").textContent = shown + " of " + rows.length + " models" + remark;
  }

  function filter() {
    const wanted = text.value.trim().toLowerCase();
    for (const section of sections) {
      const heads = (section.querySelector("h2").textContent + " " + section.querySelector("thead").textContent).toLowerCase();
      const own = [...section.querySelectorAll("tbody tr")];
      own.forEach((row) => { row.hidden = !(heads + " " + row.textContent.toLowerCase()).includes(wanted); });
      section.hidden = own.every((row) => row.hidden);
    }
    refresh();
  }

  for (const head of document.querySelectorAll(".board th[data-sort]")) {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.dataset.sort === "number" ? head.ariaSort !== "descending" : head.ariaSort === "ascending";
      head.parentElement.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const at = head.cellIndex, body = head.closest("table").tBodies[0];
      const value = (row) => head.dataset.sort === "text" ? row.cells[at].dataset.value : parseFloat(row.cells[at].dataset.value);
      const order = (a, b) => {
        const x = value(a), y = value(b);
        if (typeof x === "string") return x.localeCompare(y);
        return (Number.isNaN(x) ? -1 : x) - (Number.isNaN(y) ? -1 : y);
      };
      body.append(...[...body.rows].sort((a, b) => (down ? -order(a, b) : order(a, b))));
    });
  }
  text.addEventListener("input", filter);
  boxes.forEach((box) => box.addEventListener("change", refresh));
  button.addEventListener("click", () => {
    location.href = "/compare?" + new URLSearchParams(pair().map((run) => ["run", run]));
  });
  refresh();
})();
