"use strict";
// Steps through the counterexamples. Without it, each is a picture and a list.
for (const stepper of document.querySelectorAll(".stepper")) {
  const items = [...stepper.querySelectorAll("ol.steps > li")];
  const groups = [...stepper.querySelectorAll("g[data-section]")];
  const bar = stepper.querySelector(".bar");
  const now = stepper.querySelector(".now");
  const [first, previous, next, last] = bar.querySelectorAll("button");
  const place = bar.querySelector("output");
  const threads = JSON.parse(stepper.dataset.threads);
  let at = 0;

  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };

  const lane = (thread, index, item) => {
    const step = item && item.dataset;
    const made = element("li");
    made.append(element("b", thread));
    let what = "";
    if (step) {
      const waiting = step.waiting ? step.waiting.split(" ") : [];
      if (step.thread === String(index)) made.className = "here";
      if (waiting.includes(String(index))) what = "asleep";
      else if (step.thread === String(index)) what = "takes this step";
      if (step.mutex === thread) what += (what ? ", " : "") + "holds the mutex";
    }
    made.append(element("span", what || "–"));
    return made;
  };

  const show = (to) => {
    at = Math.max(0, Math.min(items.length, to));
    const item = items[at - 1];
    items.forEach((other, index) => {
      other.classList.toggle("here", index === at - 1);
      if (index === at - 1) other.setAttribute("aria-current", "step");
      else other.removeAttribute("aria-current");
    });
    const section = item ? Number(item.dataset.section) : 0;
    for (const group of groups) {
      const number = Number(group.dataset.section);
      group.classList.toggle("later", number > section && at > 0);
      group.classList.toggle("here", number === section);
    }
    place.textContent = at === 0 ? `${items.length} steps` : `Step ${at} of ${items.length}`;
    first.disabled = previous.disabled = at === 0;
    last.disabled = next.disabled = at === items.length;
    now.hidden = at === 0;
    if (!item) return;
    now.classList.toggle("wrong", "wrong" in item.dataset);
    const lanes = element("ul", undefined, "lanes");
    lanes.append(...threads.map((thread, index) => lane(thread, index, item)));
    const shared = element("dl", undefined, "shared");
    for (const name of ["queue", "flags", "mutex", "clock", "changed", "action", "line"]) {
      const value = item.dataset[name];
      if (!value) continue;
      const pair = element("div");
      pair.append(element("dt", name), element("dd", value));
      shared.append(pair);
    }
    const what = element("p", item.dataset.who + ": " + item.dataset.what, "what");
    const parts = [what, lanes, shared];
    if ("wrong" in item.dataset) parts.push(element("p", "This is the step that goes wrong.", "bad-text"));
    const source = item.querySelector("template");
    if (source) parts.push(source.content.cloneNode(true));
    now.replaceChildren(...parts);
  };

  first.addEventListener("click", () => show(0));
  previous.addEventListener("click", () => show(at - 1));
  next.addEventListener("click", () => show(at + 1));
  last.addEventListener("click", () => show(items.length));
  stepper.addEventListener("keydown", (event) => {
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: items.length }[event.key];
    if (to === undefined || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    show(to);
  });
  bar.hidden = false;
  show(0);
}

// A link to a counterexample opens it.
const open = () => {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let outer = target; outer; outer = outer.parentElement) if (outer.tagName === "DETAILS") outer.open = true;
  if (target) target.scrollIntoView();
};
addEventListener("hashchange", open);
open();
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((it) => { it.open = true; }));
