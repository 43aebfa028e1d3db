(async function () {
  const query = new URLSearchParams(location.search);
  const at = (id) => document.getElementById(id);
  const chosen = new Map();

  function link(id, task) {
    at(id).hidden = task === null;
    const to = new URLSearchParams(query);
    to.set("task", task);
    at(id).href = "/problem?" + to;
  }

  async function showDifference(runs) {
    const [left, right] = runs.slice(0, 2).map((run) => chosen.get(run.run));
    if (runs.length < 2 || left === undefined || right === undefined) return;
    const asked = new URLSearchParams([["benchmark", query.get("benchmark")], ["task", query.get("task")],
      ["run", runs[0].run], ["run", runs[1].run], ["index", left], ["index", right]]);
    const found = await fetchJson("/api/diff?" + asked);
    if (left !== chosen.get(runs[0].run) || right !== chosen.get(runs[1].run)) return; // another was chosen meanwhile
    at("difference").hidden = false;
    const names = [runs[0].model + " sample " + left, runs[1].model + " sample " + right];
    at("difference").lastElementChild.replaceChildren(found.note ? el("p", { class: "soft small", text: found.note }) : diffTable(...names, found.diff));
  }

  at("other").addEventListener("change", () => {
    if (!at("other").value) return;
    query.append("run", at("other").value);
    location.search = query;
  });
  try {
    const found = await fetchJson("/api/problem" + location.search);
    at("title").textContent = found.title;
    link("previous", found.previous);
    link("next", found.next);
    at("prompt").replaceChildren(...promptParts(found, false));
    for (const run of found.runs) {
      const rest = new URLSearchParams(query);
      rest.delete("run");
      found.runs.filter((other) => other !== run).forEach((other) => rest.append("run", other.run));
      at("runs").append(el("div", {}, el("h2", {}, el("a", { href: run.url, text: run.model })),
        el("p", { class: "small soft", text: run.run + (run.digest ? ", " + run.digest : "") + " " },
          found.runs.length > 1 ? el("a", { href: "/problem?" + rest, text: "Remove" }) : null),
        ...sampleChooser(run.samples, (sample) => {
          chosen.set(run.run, sample.index);
          showDifference(found.runs);
        })));
    }
  } catch (error) {
    at("alarms").hidden = false;
    at("alarms").replaceChildren(el("li", { text: error.message }));
  }
})();
