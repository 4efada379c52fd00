// What the other scripts share: whether somebody writes, what lies above the page, and short messages.
"use strict";

window.mc = (() => {
  const FOR = 8_000; // milliseconds that a message stays

  const textual = (target) =>
    target.isContentEditable || (/^(input|textarea)$/i.test(target.tagName) && !/^(checkbox|radio|button|submit)$/.test(target.type));

  // Keys mean letters in a text, and jump to an option in a list of choices.
  const writing = (target) => textual(target) || target.tagName === "SELECT";

  const layer = () =>
    document.querySelector("dialog[open], :popover-open") ??
    [...document.querySelectorAll("[aria-modal=true], [x-show=openCommandResults]")].find((part) => part.checkVisibility());

  function place() {
    const known = document.getElementById("mc-says");
    if (known) return known;
    const made = document.createElement("div");
    made.id = "mc-says";
    made.setAttribute("role", "status");
    document.body.append(made);
    return made;
  }

  // A message at the edge of the window: `act` is `{label, run}`, e.g. to undo what it tells of.
  let last = null; // what the message that stands there offers

  function say(text, { tone = "success", act = null } = {}) {
    const note = document.createElement("p");
    note.className = `mc-say mc-${tone}`;
    note.append(text);
    const end = () => (note.remove(), last === offer && (last = null));
    const offer = act && (() => (end(), act.run()));
    last = offer;
    if (act) {
      const button = document.createElement("button");
      button.type = "button";
      button.className = "mc-say-act";
      button.textContent = act.label;
      button.addEventListener("click", offer);
      note.append(" ", button);
    }
    place().replaceChildren(note);
    setTimeout(end, FOR);
  }

  // What a tab remembers; a browser that forbids it remembers nothing, and nothing breaks.
  const memory = {
    get(name) {
      try {
        return JSON.parse(sessionStorage.getItem(`mc.${name}`));
      } catch {
        return null;
      }
    },
    set(name, value) {
      try {
        sessionStorage.setItem(`mc.${name}`, JSON.stringify(value));
      } catch {}
    },
  };

  // The frame names no landmarks and few fields; screen readers go by them.
  document.addEventListener("DOMContentLoaded", () => {
    document.getElementById("content")?.setAttribute("role", "main");
    document.getElementById("header-inner")?.setAttribute("role", "banner");
    document.getElementById("searchbar-submit")?.setAttribute("aria-label", "Search");
    for (const field of document.querySelectorAll("input[placeholder], textarea[placeholder]")) {
      if (!field.labels?.length && !field.ariaLabel) field.ariaLabel = field.placeholder;
    }
  });

  // The frame shows a chosen file's name in a box beside it, and fails where there is none.
  document.addEventListener("change", (event) => {
    const beside = event.target.parentNode?.parentNode?.parentNode;
    if (event.target.type === "file" && !beside?.querySelector("input[type=text]")) event.stopPropagation();
  }, true);

  // Signing in anew, perhaps in another tab, gives the browser another token than the one that stands in a form.
  const token = () => /(?:^|; )csrftoken=([^;]+)/.exec(document.cookie)?.[1];

  document.addEventListener("submit", (event) => {
    const field = event.target.querySelector("input[name=csrfmiddlewaretoken]");
    if (field) field.value = token() ?? field.value;
    keep(event.target);
  }, true);

  // What was typed comes back when sending it led to the sign-in page first.
  const SIGN_IN = /\/login\//; // its page, and the one that asks for a code
  const TYPED = "textarea, select:not([multiple]), input:not([type=hidden], [type=password], [type=file], [type=checkbox], [type=radio])";
  const typed = (form) => [...form.querySelectorAll(TYPED)].filter((field) => field.name && field.autocomplete !== "one-time-code");

  const who = () => document.querySelector(".mc-user")?.textContent.trim() ?? "";

  function keep(form) {
    if (form.method !== "post" || SIGN_IN.test(location.pathname)) return;
    const texts = typed(form).map((field) => [field.name, field.value]).filter(([, text]) => text);
    if (texts.length) memory.set("sent", { path: location.pathname, action: form.getAttribute("action") ?? "", who: who(), texts });
  }

  function bring() {
    const sent = memory.get("sent");
    if (!sent || SIGN_IN.test(location.pathname)) return;
    memory.set("sent", null);
    const before = document.referrer && new URL(document.referrer).pathname;
    if (sent.path !== location.pathname || sent.who !== who() || !SIGN_IN.test(before)) return;
    const form = [...document.forms].find((one) => (one.getAttribute("action") ?? "") === sent.action);
    const texts = new Map(sent.texts);
    const fields = form ? typed(form).filter((field) => texts.has(field.name)) : [];
    for (const field of fields) field.value = texts.get(field.name);
    if (fields.length) say("You were signed out: nothing was sent. What you wrote stands in its place again.", { tone: "warning" });
  }

  document.addEventListener("DOMContentLoaded", bring);

  const accept = () => (last ? last() : false); // e.g. undo

  return { writing, layer, say, accept, memory, token };
})();
