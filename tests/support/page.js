// What the tests of the pages measure in the browser. An expression: an object of functions.
({
  // What sticks out of the window, unless it is meant to be moved inside of its place.
  sticksOut() {
    const wide = document.documentElement.scrollWidth > innerWidth ? [`page of ${document.documentElement.scrollWidth}`] : [];
    const meant = (e) => e.closest(".wide, pre, .heard, thead, svg, .skip");
    const out = [...document.body.querySelectorAll("*")].filter((e) => {
      const box = e.getBoundingClientRect();
      return box.width && e.checkVisibility() && (box.right > innerWidth + 1 || box.left < -1) && !meant(e);
    });
    return wide.concat(out.map((e) => `${e.nodeName}.${e.className} ${e.textContent.slice(0, 40)}`));
  },
  // Blocks that lie on each other.
  overlaps() {
    const found = [];
    for (const parent of document.querySelectorAll("body, main, .columns, .flow, [data-live], .sheet, .list, tbody, .events, tr, summary, dl, .bar, footer")) {
      const boxes = [...parent.children]
        .filter((e) => !e.matches(".heard, .said, .skip, caption, script") && getComputedStyle(e).display !== "contents")
        .map((e) => [e, e.getBoundingClientRect()])
        .filter(([, box]) => box.width > 1 && box.height > 1);
      for (const [n, [one, a]] of boxes.entries()) {
        for (const [other, b] of boxes.slice(n + 1)) {
          const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
          const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
          if (wide > 1.5 && high > 1.5) found.push(`${one.nodeName}.${one.className} and ${other.nodeName}.${other.className} in ${parent.nodeName}.${parent.className}`);
        }
      }
    }
    return found;
  },
  // Texts that differ too little from what is behind them.
  faint() {
    const parse = (text) => (text.match(/[\d.]+/g) || []).map(Number);
    const behind = (e) => {
      for (let at = e; at; at = at.parentElement) {
        const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
        if (a === 1) return [r, g, b];
      }
      return [255, 255, 255];
    };
    const light = (c) => {
      const [r, g, b] = c.map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = new Set();
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (texts.nextNode()) {
      const e = texts.currentNode.parentElement;
      // What stands on a shape is what a test of the colours looks at.
      if (!texts.currentNode.data.trim() || e.closest("script, .heard, svg .mark, noscript, title, desc") || !e.getClientRects().length) continue;
      const style = getComputedStyle(e);
      const ink = parse(e.closest("svg") ? style.fill : style.color).slice(0, 3);
      const [one, other] = [light(ink), light(behind(e))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < 4.5) found.add(`${e.nodeName}.${e.className} ${contrast.toFixed(2)} ${texts.currentNode.data.trim().slice(0, 30)}`);
    }
    return [...found];
  },
  // What can be reached with the keyboard, in the order of the page.
  reachable() {
    window.reachable = [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary, [tabindex='0']")].filter((e) => e.checkVisibility() && e.getClientRects().length);
    return window.reachable.length;
  },
  // Which of them has the focus, and whether that is seen.
  focused() {
    const e = document.activeElement;
    const seen = getComputedStyle(e).outlineStyle !== "none" && parseFloat(getComputedStyle(e).outlineWidth) >= 2;
    return [window.reachable.indexOf(e), seen, `${e.nodeName}.${e.className} ${e.textContent.slice(0, 30)}`];
  },
  // What is too small to be hit; links in sentences may be.
  small() {
    return [...document.querySelectorAll("nav a, .button, button, summary, select, input:not([type=hidden]), thead a, footer a, th a")]
      .filter((e) => e.checkVisibility() && !e.closest(".skip"))
      .map((e) => [e, e.getBoundingClientRect()])
      .filter(([e, box]) => box.width && (box.height < 24 || box.width < 24))
      .map(([e, box]) => `${e.nodeName}.${e.className} ${Math.round(box.width)}x${Math.round(box.height)} ${e.textContent.slice(0, 30)}`);
  },
})
