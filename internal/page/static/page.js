// Keeps a page up to date while somebody looks at it: asks for the page again once a second, and changes what is different.
// Without it, everything is there all the same, as of when the page was asked for.
"use strict";

const main = document.querySelector("main[data-live]");
const stale = document.getElementById("stale");
const pause = document.getElementById("pause");
const interval = 1000; // milliseconds from the start of a request to that of the next
let timer = 0;
let paused = false;
let busy = false;

// sync makes a node like a fresh one, and touches only what is different: focus, selection and scrolling stay as they are.
function sync(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.data = fresh.data;
    return;
  }
  // What somebody opened or typed is theirs.
  for (const name of old.getAttributeNames()) {
    if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
  }
  for (const name of fresh.getAttributeNames()) {
    if (name !== "open" && old.getAttribute(name) !== fresh.getAttribute(name)) old.setAttribute(name, fresh.getAttribute(name));
  }
  if (old.hasAttribute("data-keyed")) {
    syncRows(old, fresh);
    return;
  }
  const before = [...old.childNodes];
  const after = [...fresh.childNodes];
  after.forEach((node, i) => (i < before.length ? sync(before[i], node) : old.append(node)));
  before.slice(after.length).forEach((node) => node.remove());
}

// syncRows does it for rows of which only some were asked for, each of which has a key.
function syncRows(old, fresh) {
  const rows = new Map([...old.children].map((row) => [row.dataset.key, row]));
  for (const row of [...fresh.children]) {
    const mine = rows.get(row.dataset.key);
    if (mine) sync(mine, row);
  }
}

// onScreen returns the numbers of the first row that is seen and of the first that no longer is. They are in order.
function onScreen(rows) {
  const search = (below) => {
    let from = 0;
    let to = rows.length;
    while (from < to) {
      const middle = (from + to) >> 1;
      if (below(rows[middle].getBoundingClientRect())) to = middle;
      else from = middle + 1;
    }
    return from;
  };
  return [search((box) => box.bottom > -200), search((box) => box.top > innerHeight + 200)];
}

// keys returns the keys of all rows.
const keys = (rows) => [...rows].map((row) => row.dataset.key);

async function refresh() {
  const began = performance.now();
  busy = true;
  try {
    const url = new URL(location.href);
    url.hash = "";
    const rows = main.querySelectorAll("[data-keyed] > [data-key]");
    const [first, end] = onScreen(rows);
    if (rows.length > 0) url.searchParams.set("rows", first + "-" + Math.max(end, first + 1));
    let fresh = await load(url);
    const known = new Set(keys(rows));
    const other = keys(fresh.querySelectorAll("[data-key]")).some((key) => !known.has(key));
    if (other || fresh.dataset.rows !== main.dataset.rows) {
      // There are other targets than before: all rows are new.
      url.searchParams.delete("rows");
      fresh = await load(url);
      const body = main.querySelector("[data-keyed]");
      const rest = fresh.querySelector("[data-keyed]");
      if (body && rest) body.replaceWith(rest.cloneNode(true));
    }
    sync(main, fresh);
    stale.hidden = true;
  } catch (error) {
    if (stale.hidden) {
      stale.textContent = "tcpprobe does not answer since " + new Date().toISOString().slice(11, 19) + " UTC. What stands here is older.";
      stale.hidden = false;
    }
  } finally {
    busy = false;
    const took = performance.now() - began;
    schedule(Math.max(interval - took, took, 100)); // half of the time at the most, where the server is slow
  }
}

// load asks for a page, and returns what of it is kept up to date.
async function load(url) {
  const response = await fetch(url, { cache: "no-store", redirect: "error", signal: AbortSignal.timeout(5000) });
  if (!response.ok) throw new Error(response.status);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const script = "script[src]";
  if (page.querySelector(script).getAttribute("src") !== document.querySelector(script).getAttribute("src")) location.reload();
  document.title = page.title;
  return page.querySelector("main[data-live]");
}

function schedule(after) {
  clearTimeout(timer);
  if (!paused && !document.hidden) timer = setTimeout(refresh, after);
}

if (main) {
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", paused);
    if (!busy) schedule(0);
  });
  document.addEventListener("visibilitychange", () => {
    if (!busy) schedule(0);
  });
  schedule(interval);
}
