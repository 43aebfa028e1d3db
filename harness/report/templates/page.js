"use strict";
// What pages share: elements, samples, diffs, and data that is unpacked or fetched when it is looked at.
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "text") made.textContent = value;
    else if (name === "html") made.innerHTML = value; // only what pygments has escaped
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  if (tag === "pre") made.tabIndex = 0; // it scrolls, and the keyboard has to reach it
  made.append(...children.filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
}
async function unpack(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(plain).text());
}
async function fetchJson(url) {
  let answer;
  try {
    answer = await fetch(url);
  } catch {
    throw new Error("The viewer does not answer; is `harness view` still running?");
  }
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}
function words(status) { return status.replaceAll("_", " "); }
function mark(status) { return el("span", { class: "dot s-" + status }); }
function block(title, text) {
  return text ? el("div", {}, el("h3", { text: title }), el("pre", { class: "wrap", text: text })) : null;
}
function codeBlock(title, sample) {
  const pre = "html" in sample ? el("pre", { class: "hl", html: sample.html }) : el("pre", { class: "hl", text: sample.code });
  return el("div", {}, el("h3", { text: title }), pre);
}
function fold(title, content, open) {
  return el("details", open ? { open: "" } : {}, el("summary", { text: title }), content);
}
function sampleParts(sample) {
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
// Chips for samples, and the chosen one below them; a sample with a url is fetched when it is chosen.
function sampleChooser(samples, onChoose) {
  const shown = el("div", { class: "sample" });
  const chips = el("div", { class: "samples", role: "group", "aria-label": "Samples" });
  const made = samples.map((sample) => {
    const chip = el("button", { type: "button", class: "s-" + sample.status, title: sample.index + ": " + words(sample.status),
      "aria-label": "sample " + sample.index + ", " + words(sample.status), text: sample.index });
    chip.addEventListener("click", () => choose(sample, chip));
    chips.append(chip);
    return chip;
  });
  let wanted = null;
  async function choose(sample, chip) {
    wanted = sample;
    made.forEach((other) => other.setAttribute("aria-pressed", String(other === chip)));
    try {
      const whole = sample.url ? await fetchJson(sample.url) : sample;
      if (wanted !== sample) return;
      shown.replaceChildren(...sampleParts(whole));
      if (onChoose) onChoose(whole);
    } catch (error) {
      shown.replaceChildren(el("p", { class: "bad", text: error.message }));
    }
  }
  const failed = Math.max(0, samples.findIndex((sample) => sample.status !== "passed"));
  if (samples.length) choose(samples[failed], made[failed]);
  else shown.append(el("p", { text: "No sample of this problem was generated." }));
  return samples.length > 1 ? [el("h3", { text: samples.length + " samples" }), chips, shown] : [shown];
}
function promptParts(found, open) {
  const prompt = found.prompt !== null ? fold("Prompt", el("pre", { class: "wrap", text: found.prompt }), open)
    : el("p", { class: "soft small", text: "The benchmark's data was not at hand, so the prompt is not shown." });
  return [prompt, found.reference ? fold("Reference solution", el("pre", { class: "hl", html: found.reference }), false) : null].filter(Boolean);
}
function diffTable(left, right, rows) {
  const made = el("table", { class: "diff" }, el("colgroup", {}, el("col", { class: "line" }), el("col"), el("col", { class: "line" }), el("col")),
    el("thead", {}, el("tr", {}, el("th", { colspan: "2", text: left }), el("th", { colspan: "2", text: right }))));
  const lines = el("tbody");
  for (const [one, before, other, after, changed] of rows) {
    const gone = changed === "gone" || changed === "changed" ? "gone" : null;
    const fresh = changed === "new" || changed === "changed" ? "new" : null;
    lines.append(el("tr", {}, el("td", { text: one === null ? "" : one }), el("td", { class: gone, text: before }),
      el("td", { text: other === null ? "" : other }), el("td", { class: fresh, text: after })));
  }
  made.append(lines);
  return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Difference" }, made);
}
