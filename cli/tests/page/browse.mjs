// Opens a page in headless Chromium and uses it as a person would: reads it at two widths, follows its links, steps
// through a counterexample by clicks and by keys. Prints what is wrong, a line each.
//
//     node browse.mjs PAGE FOLDER-FOR-SCREENSHOTS
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [page, folder] = process.argv.slice(2);
const wrong = [];
const check = (is, what) => { if (!is) wrong.push(what); };

const profile = mkdtempSync(join(tmpdir(), "browse-"));
const chromium = spawn(process.env.CHROMIUM ?? "chromium", [
  "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars", "--no-first-run",
  "--remote-debugging-pipe", `--user-data-dir=${profile}`, "about:blank",
], { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], detached: true });
const gone = new Promise((done) => chromium.once("close", done));
chromium.once("error", (error) => { console.log(`chromium does not start: ${error.message}`); process.exit(1); });

// A browser that does not answer is no reason to wait for ever.
setTimeout(() => {
  console.log("the browser does not answer");
  process.kill(-chromium.pid);
  process.exit(1);
}, 300_000).unref();

// The DevTools protocol: messages in JSON, each with a zero behind it.
const [to, from] = [chromium.stdio[3], chromium.stdio[4]];
let number = 0;
const waiting = new Map();
const listeners = [];
const hear = (text) => {
  const message = JSON.parse(text);
  if (message.id) {
    const { done, failed } = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.error) failed(new Error(message.error.message)); else done(message.result);
  } else for (const listener of [...listeners]) listener(message);
};
let unread = Buffer.alloc(0);
from.on("data", (data) => {
  unread = Buffer.concat([unread, data]);
  for (let end = unread.indexOf(0); end >= 0; end = unread.indexOf(0)) {
    hear(unread.subarray(0, end).toString());
    unread = unread.subarray(end + 1);
  }
});
to.on("error", () => {});
chromium.once("exit", (status) => { for (const { failed } of waiting.values()) failed(new Error(`chromium has ended: ${status}`)); });
const send = (method, params = {}, sessionId) => new Promise((done, failed) => {
  waiting.set(++number, { done, failed });
  to.write(`${JSON.stringify({ id: number, method, params, sessionId })}\0`);
});
const event = (name) => new Promise((done) => {
  const listener = (message) => {
    if (message.method !== name) return;
    listeners.splice(listeners.indexOf(listener), 1);
    done(message.params);
  };
  listeners.push(listener);
});

try {
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const tab = (method, params) => send(method, params, sessionId);
  const evaluate = async (expression) => {
    const { result, exceptionDetails } = await tab("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  listeners.push(({ method, params }) => {
    if (method === "Runtime.exceptionThrown") wrong.push(`exception: ${params.exceptionDetails.exception?.description ?? params.exceptionDetails.text}`);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) wrong.push(`console: ${JSON.stringify(params.args)}`);
    if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) wrong.push(`log: ${params.entry.text}`);
    if (method === "Network.requestWillBeSent" && !/^(file|data):/.test(params.request.url)) wrong.push(`the page asks for ${params.request.url}`);
  });
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await tab(`${domain}.enable`);
  const look = async (width, scheme) => {
    await tab("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: width < 500 });
    await tab("Emulation.setEmulatedMedia", { media: "screen", features: [{ name: "prefers-color-scheme", value: scheme }] });
  };
  const open = async (hash = "") => {
    const loaded = event("Page.loadEventFired");
    await tab("Page.navigate", { url: "about:blank" });
    await loaded;
    const loadedToo = event("Page.loadEventFired");
    await tab("Page.navigate", { url: pathToFileURL(page).href + hash });
    await loadedToo;
  };
  const shoot = async (name) => {
    const { data } = await tab("Page.captureScreenshot", { format: "png" });
    const png = Buffer.from(data, "base64");
    writeFileSync(join(folder, `${name}.png`), png);
    check(png.length > 10_000, `the screenshot ${name} shows next to nothing`);
  };

  // Both widths, light and dark: nothing sticks out, and text and ground differ.
  for (const width of [1280, 390]) {
    for (const scheme of ["light", "dark"]) {
      await look(width, scheme);
      await open();
      const wide = await evaluate("document.documentElement.scrollWidth");
      check(wide <= width, `at ${width} pixels the page is ${wide} wide`);
      const [ink, paper] = await evaluate("[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]");
      const light = (colour) => colour.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
      check(Math.abs(light(ink) - light(paper)) > 500, `${scheme}: ${ink} on ${paper}`);
      check((light(paper) < 200) === (scheme === "dark"), `${scheme}: the ground is ${paper}`);
      await shoot(`${width}-${scheme}`);
      await open("#no-notify-shuttle");
      await evaluate(`document.querySelector("#no-notify-shuttle .bar").children[2].click(); document.querySelector("#no-notify-shuttle .bar").children[2].click()`);
      check(await evaluate("document.documentElement.scrollWidth") <= width, `at ${width} pixels a stepped page is too wide`);
      await shoot(`${width}-${scheme}-stepped`);
    }
  }

  await look(1280, "light");
  for (const section of ["matrix", "graph", "coverage", "made", "wild"]) {
    await open(`#${section}`);
    await shoot(`section-${section}`);
  }
  await open();
  // Names are there once, and every link of the page leads somewhere.
  const { doubled, dead, links } = await evaluate(`(() => {
    const ids = [...document.querySelectorAll("[id]")].map((it) => it.id);
    const links = [...document.querySelectorAll("a[href]")].map((it) => it.getAttribute("href"));
    return { doubled: ids.filter((id, index) => ids.indexOf(id) !== index), links: links.length,
      dead: links.filter((link) => !link.startsWith("#") || !document.getElementById(link.slice(1))) };
  })()`);
  check(doubled.length === 0, `names that are there twice: ${doubled}`);
  check(dead.length === 0, `dead links: ${dead}`);
  check(links > 60, `only ${links} links`);

  // Every picture has a text, and every text in a drawing is inside of its box, as the browser has it.
  await evaluate(`document.querySelectorAll("details").forEach((it) => { it.open = true; })`);
  const pictures = await evaluate(`(() => {
    const wrong = [];
    const all = [...document.querySelectorAll("svg, img")];
    for (const it of all) {
      const text = it.tagName === "IMG" ? it.alt : it.querySelector("title")?.textContent;
      if (!text) wrong.push("a picture without a text");
    }
    let boxes = 0;
    for (const group of document.querySelectorAll("svg.trace g[data-section]")) {
      const box = group.querySelector("rect").getBBox();
      const picture = group.ownerSVGElement.viewBox.baseVal;
      boxes++;
      for (const text of group.querySelectorAll("text")) {
        const { x, y, width, height } = text.getBBox();
        const isInside = x >= box.x && x < box.x + box.width;
        const right = isInside ? box.x + box.width : picture.width;
        if (x + width > right + 0.5) wrong.push("too wide: " + text.textContent + " in " + group.closest(".stepper").id);
        if (isInside && y + height > box.y + box.height + 0.5) wrong.push("too low: " + text.textContent);
      }
    }
    for (const text of document.querySelectorAll("svg.trace > text")) {
      const { x, width } = text.getBBox();
      if (x < 0 || x + width > text.ownerSVGElement.viewBox.baseVal.width) wrong.push("sticks out: " + text.textContent);
    }
    return { wrong, all: all.length, boxes };
  })()`);
  wrong.push(...pictures.wrong);
  check(pictures.all > 50 && pictures.boxes > 200, `only ${pictures.all} pictures with ${pictures.boxes} boxes`);

  // Steps: by clicks to the end, by keys back, and the step that goes wrong says so.
  await open("#no-notify-shuttle");
  const state = () => evaluate(`(() => {
    const it = document.querySelector("#no-notify-shuttle");
    return { at: it.querySelector("output").textContent, now: it.querySelector(".now").innerText, hidden: it.querySelector(".now").hidden,
      here: [...it.querySelectorAll("li.here")].length, y: it.getBoundingClientRect().top,
      later: it.querySelectorAll("g.later").length, groups: it.querySelectorAll("g.here").length };
  })()`);
  const steps = await evaluate(`document.querySelectorAll("#no-notify-shuttle ol.steps > li").length`);
  let now = await state();
  check(now.hidden && now.at === `${steps} steps`, `at the beginning: ${JSON.stringify(now)}`);
  check(now.y < 900, "the link does not lead to the counterexample");
  const told = [];
  for (let step = 1; step <= steps; step++) {
    await evaluate(`document.querySelectorAll("#no-notify-shuttle .bar button")[2].click()`);
    now = await state();
    told.push(now.now);
    check(now.at === `Step ${step} of ${steps}`, `step ${step}: ${now.at}`);
    check(!now.hidden && now.groups === 1, `step ${step} marks ${now.groups} boxes`);
  }
  check(told.filter((text) => text.includes("goes wrong")).length === 1, "one step is the one that goes wrong");
  check(/thread 1: unlocks, and has woken nobody/.test(told.at(-1)), `the last step: ${told.at(-1)}`);
  check(/queue\s+1/.test(told.at(-1)) && /asleep/.test(told.at(-1)), "the queue and the flag are beside it");
  check(/src\/inbox\.rs:\d+/.test(told.at(-1)) && /unlock\(state\)/.test(told.at(-1)), "and the line of the source");
  check(told.some((text) => text.includes("Enqueue")), "and the action of the specification");
  check(new Set(told).size === steps, "each step says something else");
  check(await evaluate(`document.querySelectorAll("#no-notify-shuttle .bar button")[2].disabled`), "no step after the last");
  await evaluate(`document.querySelector("#no-notify-shuttle").focus()`);
  const press = async (key) => {
    for (const type of ["keyDown", "keyUp"]) await tab("Input.dispatchKeyEvent", { type, key, code: key });
    return state();
  };
  check((await press("ArrowLeft")).at === `Step ${steps - 1} of ${steps}`, "a key goes back");
  check((await press("Home")).at === `${steps} steps`, "a key goes to the beginning");
  check((await press("ArrowRight")).at === `Step 1 of ${steps}`, "a key goes on");
  check((await press("End")).at === `Step ${steps} of ${steps}`, "a key goes to the end");

  // A link into a counterexample that is folded away opens it.
  await open("#no-notify-loom");
  check(await evaluate(`document.querySelector("#no-notify-loom").closest("details").open`), "a link opens what is folded away");

  // Without a script, everything is there to read.
  await tab("Emulation.setScriptExecutionDisabled", { value: true });
  await open();
  await tab("Emulation.setScriptExecutionDisabled", { value: false });
  const plain = await evaluate(`(() => ({ bars: [...document.querySelectorAll(".bar")].filter((it) => it.offsetParent).length,
    text: document.body.innerText.length, seen: document.querySelector("#no-notify-shuttle svg").getBoundingClientRect().height }))()`);
  check(plain.bars === 0 && plain.text > 10_000 && plain.seen > 100, `without a script: ${JSON.stringify(plain)}`);
} catch (error) {
  wrong.push(`it cannot be gone through: ${error.stack}`);
} finally {
  // The group of its processes: this script has started it.
  if (chromium.exitCode === null) process.kill(-chromium.pid);
  await gone;
  rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
}
for (const line of wrong) console.log(line);
process.exit(wrong.length === 0 ? 0 : 1);
