"use strict";
// What report and comparison share: elements, and chunks that are unpacked when they are looked at.
function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name === "text") made.textContent = value;
    else if (name === "html") made.innerHTML = value; // only what pygments has escaped
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}
async function unpack(id) {
  const packed = Uint8Array.from(atob(document.getElementById(id).textContent), (c) => c.charCodeAt(0));
  const plain = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(plain).text());
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
