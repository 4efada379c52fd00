// What pages do beyond plain HTML: parts that stay fresh, and keys on lists. Everything works without it.
"use strict";

(() => {
  const EVERY = 20_000; // milliseconds between refreshes of the live parts

  // --- Live parts: elements with an id and `data-live` are replaced by their newer selves -------------

  const busy = (part) => part.contains(document.activeElement) || part.querySelector(":popover-open");

  async function refresh() {
    const parts = [...document.querySelectorAll("[data-live]")];
    if (!parts.length || document.visibilityState !== "visible") return;
    const reply = await fetch(location.href, { headers: { "X-Live": "1" } }).catch(() => null);
    if (!reply?.ok || reply.redirected) return;
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh && !busy(part)) part.replaceWith(document.adoptNode(fresh));
    }
  }

  // --- Keys on a list: j and k move, o opens, e edits, x selects --------------------------------------

  let at = -1;
  const rows = () => [...document.querySelectorAll("#result_list tr.data-row")];

  function move(step) {
    const all = rows();
    if (!all.length) return;
    all[at]?.classList.remove("mc-at");
    at = Math.min(all.length - 1, Math.max(0, at + step));
    all[at].classList.add("mc-at");
    all[at].scrollIntoView({ block: "nearest" });
    all[at].querySelector("th a, td a")?.focus({ preventScroll: true });
  }

  function edit() {
    const link = document.querySelector("[data-key=e]");
    if (link) return link.click();
    const href = rows()[at]?.querySelector("th a, td a")?.href;
    if (href && document.body.classList.contains("model-task")) location.href = href.replace("/change/", "/edit/");
  }

  const KEYS = {
    j: () => move(1),
    k: () => move(-1),
    o: () => rows()[at]?.querySelector("th a, td a")?.click(),
    x: () => rows()[at]?.querySelector("input.action-select")?.click(),
    e: edit,
  };

  function typed(event) {
    const target = event.target;
    const writing = target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName);
    const ticking = target.type === "checkbox";
    if ((writing && !ticking) || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = KEYS[event.key];
    if (act) {
      event.preventDefault();
      act();
    }
  }

  document.addEventListener("keydown", typed);
  setInterval(refresh, EVERY);
})();
