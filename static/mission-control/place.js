// Lists keep their place: where one had scrolled to, which row one was at; and a task's page knows its neighbours.
"use strict";

(() => {
  const KEPT = 20; // lists whose place a tab remembers
  const id = (href) => new URL(href, location.href).pathname.match(/\/task\/(\d+)\//)?.[1];
  const address = (url) => {
    const { pathname, searchParams } = new URL(url, location.href);
    searchParams.sort();
    return `${pathname}?${searchParams}`;
  };
  const links = () => [
    ...document.querySelectorAll("#result_list tr.data-row > th:first-of-type a, [data-items] [data-task] > a"),
  ];
  const isList = () => Boolean(document.querySelector("#changelist, [data-items]"));

  function page(number) {
    const turns = (other) => {
      const url = new URL(other.href);
      return url.pathname === location.pathname && url.searchParams.get("p") === String(number);
    };
    return [...document.querySelectorAll("#main a[href*='p=']")].find(turns)?.href ?? "";
  }

  // --- On a list ------------------------------------------------------------------------------------------

  function remember() {
    if (!isList()) return;
    const row = document.querySelector("tr.mc-at") ?? document.activeElement?.closest("[data-task]");
    const at = row && id(row.querySelector("a[href*='/task/']")?.href ?? "");
    const scrolled = Object.fromEntries([...document.querySelectorAll("[data-scrolls]")].map((part) => [part.id, [part.scrollLeft, part.scrollTop]]));
    const places = (mc.memory.get("places") ?? []).filter((place) => place.address !== address(location.href));
    places.push({ address: address(location.href), y: scrollY, at, scrolled });
    mc.memory.set("places", places.slice(-KEPT));
  }

  function listed() {
    const number = Number(new URL(location.href).searchParams.get("p") ?? 1);
    mc.memory.set("walk", {
      address: address(location.href),
      tasks: links().map((link) => link.href),
      next: page(number + 1),
      previous: number > 1 ? page(number - 1) : "",
    });
  }

  // Coming back from a task, its form or an act on many: there one goes on; otherwise a list begins at its top.
  function restore(history) {
    const before = document.referrer && new URL(document.referrer);
    const own = before && before.origin === location.origin;
    const back = history || (own && (id(before.href) || address(before.href) === address(location.href)));
    const task = mc.memory.get("task");
    const place = mc.memory.get("places")?.find((one) => one.address === address(location.href));
    if (location.hash === "#last") return mc.row?.(Infinity);
    if (location.hash === "#first") return mc.row?.(0);
    if (!back || !place) return;
    scrollTo({ top: place.y, behavior: "instant" });
    for (const [name, [left, top]] of Object.entries(place.scrolled)) {
      document.getElementById(name)?.scrollTo({ left, top, behavior: "instant" });
    }
    const find = (wanted) => links().findIndex((link) => id(link.href) === wanted);
    const at = (history || id(before.href)) && find(task) >= 0 ? find(task) : find(place.at);
    if (at < 0) return;
    if (!mc.row(at, { scroll: false })) links()[at].focus({ preventScroll: true });
  }

  // --- On a task's page -----------------------------------------------------------------------------------

  function neighbours() {
    const bar = document.querySelector("[data-neighbours]");
    const walk = mc.memory.get("walk");
    if (bar) mc.memory.set("task", id(location.href));
    if (!bar || !walk || walk.address !== address(bar.dataset.neighbours)) return;
    const at = walk.tasks.findIndex((href) => id(href) === id(location.href));
    if (at < 0) return;
    const before = walk.tasks[at - 1] ?? (walk.previous && `${walk.previous}#last`);
    const after = walk.tasks[at + 1] ?? (walk.next && `${walk.next}#first`);
    for (const [name, href] of [["k", before], ["j", after]]) {
      const step = bar.querySelector(`[data-step=${name}]`);
      if (href) step.href = href;
      mc.key(name, () => {
        if (href) location.href = href;
        else mc.say(name === "j" ? "That was the last one." : "That was the first one.", { tone: "info" });
      });
    }
    bar.querySelector("[data-where]").textContent = `${at + 1} of ${walk.tasks.length}`;
    bar.hidden = false;
  }

  addEventListener("pagehide", remember);
  document.addEventListener("mc:fresh", () => (isList() ? listed() : neighbours()));
  document.addEventListener("DOMContentLoaded", () => {
    if (isList()) {
      listed();
      const how = performance.getEntriesByType("navigation")[0]?.type;
      if (how !== "reload") restore(how === "back_forward");
    } else {
      neighbours();
    }
  });
})();
