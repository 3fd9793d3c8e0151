// Keeps a page true while somebody looks at it. Without this script the page is the same and is loaded anew.
//
// It asks for the revision of the board, which is a few bytes, and for the page when that is another or a minute has
// passed. What changed is changed in place: focus, place and what was unfolded stay. Said are changes of verdict, and what
// comes into the list that is shown or leaves it.
"use strict";
(() => {
  const EVERY = 5000;
  const RENEW_AFTER = 60000;
  const root = document.body.dataset.root || "./";
  const said = document.getElementById("said");
  let revision = null;
  let tag = null;
  let renewedAt = 0;
  let seenAt = new Date();
  let timer = 0;
  let busy = false;

  const clock = (date) => date.toTimeString().slice(0, 5);

  // Each time it is shown anew and read out anew, also when it says what it said before: an animation that has run, and
  // a text that stays, would do neither.
  function say(text, kept) {
    if (kept && said.textContent === text) return;
    said.textContent = "";
    said.classList.remove("leaving");
    void said.offsetWidth;
    said.textContent = text;
    said.classList.toggle("leaving", !kept);
  }

  said.addEventListener("animationend", () => {
    said.classList.remove("leaving");
    said.textContent = "";
  });

  // What is shown may not be true any more: it must not look like news.
  function lost(why) {
    document.body.classList.add("old");
    say(`${why}. What is shown is from ${clock(seenAt)}.`, true);
  }

  function found() {
    seenAt = new Date();
    if (document.body.classList.contains("old")) {
      document.body.classList.remove("old");
      say("The agent answers again.", false);
    }
  }

  function verdicts() {
    const all = new Map();
    for (const shown of document.querySelectorAll("[data-verdict]")) {
      all.set(shown.id, [shown.dataset.what, shown.dataset.verdict]);
    }
    return all;
  }

  // Who unfolded or folded something wants it to stay so.
  const isKept = (element, name) => name === "open" && element.nodeName === "DETAILS";

  function adapt(old, fresh) {
    for (const { name } of [...old.attributes]) {
      if (!fresh.hasAttribute(name) && !isKept(old, name)) old.removeAttribute(name);
    }
    for (const { name, value } of [...fresh.attributes]) {
      if (old.getAttribute(name) !== value && !isKept(old, name)) old.setAttribute(name, value);
    }
    let next = old.firstChild;
    for (const child of [...fresh.childNodes]) {
      const known = child.id ? [...old.children].find((other) => other.id === child.id) : null;
      if (known) {
        // What stood before it and is gone would otherwise make it move, and a thing that moves loses the focus.
        while (next && next !== known && !(next.id && fresh.querySelector(`:scope > [id="${CSS.escape(next.id)}"]`))) {
          const gone = next;
          next = next.nextSibling;
          gone.remove();
        }
        if (next === known) next = next.nextSibling;
        else old.insertBefore(known, next);
        renew(known, child);
      } else if (next && !next.id && !child.id && next.nodeName === child.nodeName) {
        const place = next;
        next = next.nextSibling;
        renew(place, child);
      } else {
        old.insertBefore(document.importNode(child, true), next);
      }
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  }

  function renew(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeName !== fresh.nodeName) old.replaceWith(document.importNode(fresh, true));
    else if (old.nodeType === Node.ELEMENT_NODE) adapt(old, fresh);
    else old.nodeValue = fresh.nodeValue;
  }

  // What somebody looks at, which is to stay where it is: what has the focus, else what is at the top of the window.
  function reading(focused) {
    const seen = (e) => e.getBoundingClientRect().bottom > 0 && e.getBoundingClientRect().top < innerHeight;
    if (scrollY === 0) return null;
    if (focused && focused !== document.body && focused.id !== "main" && seen(focused)) return focused;
    return [...document.querySelectorAll("main [id]")].find((e) => e.getBoundingClientRect().top >= 0 && seen(e));
  }

  function show(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const style = (page) => page.querySelector("link[rel=stylesheet]")?.getAttribute("href");
    // Another agent answers, with another style and script.
    if (style(fresh) !== style(document)) return location.reload();
    // There is more than there was, such as the first lines after a start.
    const isNew = (part) => !document.getElementById(part.id);
    if ([...fresh.querySelectorAll("[data-live]")].some(isNew)) return location.reload();
    const before = verdicts();
    const focused = document.activeElement;
    const read = reading(focused);
    const top = read?.getBoundingClientRect().top;
    for (const part of document.querySelectorAll("[data-live]")) {
      const other = fresh.getElementById(part.id);
      if (other) renew(part, other);
    }
    document.title = fresh.title;
    if (focused && focused !== document.body && focused.isConnected && document.activeElement !== focused) {
      focused.focus({ preventScroll: true });
    }
    if (read?.isConnected) scrollBy(0, read.getBoundingClientRect().top - top);
    const changes = [];
    const after = verdicts();
    let moved = false;
    for (const [id, [what, verdict]] of before) {
      if (after.has(id)) continue;
      moved = true;
      changes.push(`${what}: not in this list any more, was ${verdict}.`);
    }
    for (const [id, [what, verdict]] of after) {
      const was = before.get(id);
      if (was?.[1] !== verdict) {
        moved ||= !was;
        changes.push(was ? `${what}: ${verdict}, was ${was[1]}.` : `${what}: ${verdict}, new in this list.`);
        const element = document.getElementById(id);
        element.classList.add("turned");
        setTimeout(() => element.classList.remove("turned"), 4000);
      }
    }
    const many = moved ? "lines have changed, come or gone" : "verdicts have changed";
    if (changes.length > 3) say(`${changes.length} ${many}.`, false);
    else if (changes.length) say(changes.join(" "), false);
  }

  async function ask(address, headers) {
    return fetch(address, { cache: "no-store", headers, signal: AbortSignal.timeout(20000) });
  }

  async function look() {
    if (busy || document.hidden) return;
    busy = true;
    try {
      const short = await ask(`${root}api/v1/revision`, {});
      if (!short.ok) throw new Error(`The agent refuses (${short.status})`);
      const now = (await short.json()).revision;
      if (now !== revision || Date.now() - renewedAt > RENEW_AFTER) {
        const page = await ask(location.href, tag ? { "If-None-Match": tag } : {});
        if (page.status !== 304) {
          if (!page.ok) throw new Error(`The agent refuses (${page.status})`);
          tag = page.headers.get("ETag");
          show(await page.text());
        }
        revision = now;
        renewedAt = Date.now();
      }
      found();
    } catch (error) {
      lost(error instanceof TypeError || error.name === "TimeoutError" ? "The agent does not answer" : error.message);
    } finally {
      busy = false;
      plan();
    }
  }

  function plan() {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(look, EVERY);
  }

  // Nobody sees a hidden page; who comes back wants to see what is.
  document.addEventListener("visibilitychange", () => {
    clearTimeout(timer);
    look();
  });
  plan();
})();
