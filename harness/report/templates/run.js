(async function () {
  const query = location.search;
  const at = (id) => document.getElementById(id);
  let update = null;

  function alarms(texts) {
    at("alarms").hidden = !texts.length;
    at("alarms").replaceChildren(...texts.map((text) => el("li", { text: text })));
  }

  function showProgress(found) {
    at("progress").hidden = found.complete;
    at("done").max = Math.max(1, found.total);
    at("done").value = found.judged;
    at("counts").textContent = found.judged + " of " + found.total + " samples judged, " + found.generated + " generated";
    const pace = [found.rate_per_s !== null && found.rate_per_s.toFixed(1) + " per second",
      found.left_s !== null && "about " + duration(found.left_s) + " left",
      found.idle_s !== null && found.idle_s > 10 && "last row " + duration(found.idle_s) + " ago"];
    at("pace").textContent = pace.filter(Boolean).join(", ");
    at("statuses").replaceChildren(...Object.entries(found.statuses).map(([status, count]) => el("li", {}, mark(status), count + " " + words(status))));
    at("latest").replaceChildren(...found.latest.map((one) => el("li", {}, mark(one.status), one.task + " sample " + one.index + ": " + words(one.status))));
    at("cards").replaceChildren(...found.scores.map((score) => el("div", { class: "card" },
      el("span", { class: "small soft", text: score.benchmark + " " + score.metric + (found.complete ? "" : ", so far") }),
      el("b", { text: score.value === null ? "–" : (100 * score.value).toFixed(1) + " %" }),
      el("span", { class: "small soft", text: score.interval ? "(" + score.interval.map((end) => (100 * end).toFixed(1)).join(" to ") + ")" : score.note }))));
    alarms(found.damaged);
  }

  function duration(seconds) {
    if (seconds < 90) return Math.round(seconds) + " s";
    return seconds < 5400 ? Math.round(seconds / 60) + " min" : (seconds / 3600).toFixed(1) + " h";
  }

  async function refresh() {
    const found = await fetchJson("/api/run" + query);
    showProgress(found);
    const rows = (await fetchJson("/api/rows" + query)).rows;
    if (update) update(rows);
    else update = showProblems(rows);
    return found;
  }

  async function about() {
    const found = await fetchJson("/part/about" + query);
    at("about").innerHTML = found.html; // rendered and escaped by the server
    alarms(found.alarms);
  }

  async function watch() {
    try {
      const found = await refresh();
      if (!found.running && found.damaged.length) return at("about").replaceChildren(); // a report would leave rows out
      if (!found.running) return await about();
    } catch (error) {
      alarms([error.message]);
    }
    at("about").replaceChildren();
    setTimeout(watch, 1500);
  }
  watch();
})();
