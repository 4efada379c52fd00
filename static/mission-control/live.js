// Parts that stay fresh: elements with an id and `data-live` are replaced by their newer selves, every 20 seconds
// and, where an element names a `data-stream` of events, as soon as something happens.
"use strict";

(() => {
  const EVERY = 20_000; // milliseconds between refreshes
  const AT_MOST_EVERY = 2_000; // however much happens; `data-stream-pause` names a longer pause
  const AGAIN = 30_000; // before a stream that was refused is tried again

  const seen = () => document.visibilityState === "visible";
  const focused = (part) => part.contains(document.activeElement) && (!part.querySelector("[data-items]") || mc.writing(document.activeElement));
  const busy = (part) => part.querySelector(":popover-open, dialog[open], [data-moving]") || focused(part);

  // A list whose items have ids: those that did not change stay the same elements, with the focus and all.
  function patch(list, fresh) {
    const known = new Map([...list.children].map((item) => [item.id, item]));
    const items = [...fresh.children].map((item) => {
      const old = known.get(item.id);
      if (old?.isEqualNode(item)) return old;
      if (!document.getElementById(item.id)) item.classList.add("mc-fresh");
      return document.adoptNode(item);
    });
    const same = items.length === list.children.length && items.every((item, at) => item === list.children[at]);
    if (!same) list.replaceChildren(...items);
  }

  function renew(part, fresh) {
    const lists = part.querySelectorAll("[data-items]");
    if (!lists.length) {
      part.replaceWith(document.adoptNode(fresh));
      return;
    }
    for (const list of lists) {
      const newer = fresh.querySelector(`#${list.id}`);
      if (newer) {
        patch(list, newer);
        newer.replaceWith(document.createElement("i"));
      }
    }
    for (const bit of part.querySelectorAll("[data-bit]")) {
      const newer = fresh.querySelector(`#${bit.id}`);
      if (newer && !bit.isEqualNode(newer)) bit.replaceWith(document.adoptNode(newer));
    }
  }

  let signedOut = false;
  let asking = null;
  async function refresh() {
    const parts = [...document.querySelectorAll("[data-live]")];
    if (!parts.length || !seen()) return;
    asking?.abort();
    const request = (asking = new AbortController());
    const reply = await fetch(location.href, { headers: { "X-Live": "1" }, signal: request.signal }).catch(() => null);
    if (reply) signedOut = reply.redirected;
    if (!reply?.ok || reply.redirected) return tell();
    const page = new DOMParser().parseFromString(await reply.text().catch(() => ""), "text/html");
    if (request.signal.aborted) return;
    const at = document.activeElement?.closest("[data-items] > [id]")?.id;
    for (const part of parts) {
      const fresh = page.getElementById(part.id);
      if (fresh && !busy(part)) renew(part, fresh);
    }
    if (at && document.activeElement === document.body) document.getElementById(at)?.querySelector("a")?.focus({ preventScroll: true });
    tell();
    document.dispatchEvent(new CustomEvent("mc:fresh"));
  }

  // --- The stream: closed while nobody looks, since a browser holds only six connections to one server -----

  let stream = null;
  let waiting = 0;
  let last = 0;
  let position = "";

  function soon() {
    if (waiting) return;
    const pause = Number(document.querySelector("[data-stream]")?.dataset.streamPause ?? AT_MOST_EVERY);
    waiting = setTimeout(() => ((waiting = 0), (last = Date.now()), refresh()), Math.max(150, last + pause - Date.now()));
  }

  function listen() {
    const source = document.querySelector("[data-stream]")?.dataset.stream;
    if (!source || stream || !seen()) return;
    const from = position ? `&last_event_id=${encodeURIComponent(position)}` : "";
    stream = new EventSource(`${source}${from}`);
    stream.onmessage = (event) => ((position = event.lastEventId || position), soon());
    stream.onopen = tell;
    stream.onerror = () => {
      if (stream?.readyState === EventSource.CLOSED) {
        stream = null;
        position = "";
        setTimeout(listen, AGAIN);
      }
      tell();
    };
  }

  function tell() {
    const live = stream?.readyState === EventSource.OPEN;
    for (const word of document.querySelectorAll("[data-stream-state]")) {
      word.textContent = signedOut ? "Signed out: what stands here is old" : live ? "Live" : stream ? "" : "Looks every 20 s";
      word.classList.toggle("mc-success", live && !signedOut);
      word.classList.toggle("mc-danger", signedOut);
    }
  }

  document.addEventListener("visibilitychange", () => {
    if (seen()) {
      listen();
      refresh();
    } else {
      stream?.close();
      stream = null;
    }
  });
  document.addEventListener("DOMContentLoaded", () => (listen(), tell()));
  window.addEventListener("pagehide", () => (stream?.close(), (stream = null)));
  window.addEventListener("pageshow", (event) => event.persisted && (listen(), refresh()));
  setInterval(refresh, EVERY);
  mc.refresh = refresh;
})();
