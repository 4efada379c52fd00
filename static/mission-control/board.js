// The board: cards are moved by dragging, from a menu or by keys. A move is the same verb as on the task's page;
// what the server refuses goes back, and its sentence is shown.
"use strict";

(() => {
  const ASKS_AGAIN = ["evidence_required", "reason_required"]; // refusals that a word more may answer
  let doing = { moves: {}, verbs: {}, statuses: {} };
  const picked = new Set();

  const cards = () => [...document.querySelectorAll("#mc-board [data-task]")];
  const columns = () => [...document.querySelectorAll("#mc-board [data-status]")];
  const find = (number) => document.getElementById(`mc-card-${number}`);
  const link = (card) => card?.querySelector("a");
  const statusOf = (card) => card.closest("[data-status]").dataset.status;
  const current = () => document.activeElement?.closest("[data-task]");
  const label = (status) => doing.statuses[status];
  const verbTo = (card, status) => doing.moves[statusOf(card)]?.[status];
  const targets = (card) => columns().map((column) => column.dataset.status).filter((status) => verbTo(card, status));

  // --- Asking: the words or the file that a verb wants ----------------------------------------------------

  function ask(verb, chosen, note = "") {
    const dialog = document.getElementById("mc-ask");
    const form = dialog.querySelector("form");
    const holder = chosen.map((card) => card.dataset.holder).find(Boolean);
    const must = verb.must.includes("reason") || Boolean(holder);
    form.reset();
    const name = chosen.length === 1 ? `#${chosen[0].dataset.task}` : `${chosen.length} tasks`;
    dialog.querySelector("[data-title]").textContent = `${verb.label}: ${name}`;
    dialog.querySelector("[data-explain]").textContent = verb.explain;
    const warning = dialog.querySelector("[data-note]");
    warning.textContent = note || (holder ? `${holder} holds it: say why you take it over. Its lease ends.` : "");
    warning.hidden = !warning.textContent;
    for (const field of form.querySelectorAll("[data-field]")) {
      field.hidden = !verb.fields.includes(field.dataset.field);
      field.querySelector("input").disabled = field.hidden;
    }
    form.elements.reason.required = must;
    form.querySelector("[data-optional]").hidden = must;
    form.querySelector("[data-act]").textContent = verb.label;
    dialog.returnValue = "";
    dialog.showModal();
    return new Promise((resolve) => {
      dialog.addEventListener("close", () => resolve(dialog.returnValue === "go" ? new FormData(form) : null), { once: true });
    });
  }

  // --- Moving ---------------------------------------------------------------------------------------------

  async function send(number, name, given) {
    const data = new FormData();
    for (const [field, value] of given ?? []) data.append(field, value);
    data.delete("csrfmiddlewaretoken");
    const token = mc.token() ?? document.querySelector("#mc-ask [name=csrfmiddlewaretoken]").value;
    const act = document.getElementById("mc-board").dataset.act; // of task 0
    const reply = await fetch(act.replace("/0/", `/${number}/`).replace("VERB", name), {
      method: "POST", body: data, headers: { Accept: "application/json", "X-CSRFToken": token },
    }).catch(() => null);
    if (!reply) return { ok: false, detail: "The server did not answer; nothing was changed." };
    if (reply.redirected) return { ok: false, detail: "You are signed out. Sign in again in another tab, then go on here." };
    const body = await reply.json().catch(() => ({}));
    return { ok: reply.ok, detail: body.detail ?? `The server answered ${reply.status}.`, ...body };
  }

  // The card stands in its new column while the server is asked, and goes back when it refuses. While somebody was
  // asked for a reason it may have been replaced by a newer one, or left the board: the server judges all the same.
  async function attempt(number, name, status, given) {
    const card = find(number);
    if (!card) return send(number, name, given);
    const home = { list: card.parentNode, next: card.nextSibling };
    const held = card.contains(document.activeElement);
    card.dataset.moving = "";
    document.querySelector(`#mc-board [data-status="${status}"] [data-items]`).prepend(card);
    if (held) link(card).focus();
    const reply = await send(number, name, given);
    delete card.dataset.moving;
    if (!reply.ok) {
      home.list.insertBefore(card, home.next?.parentNode === home.list ? home.next : null);
      if (held) link(card).focus();
    }
    return reply;
  }

  function cannot(card, status) {
    const ways = targets(card).map(label);
    const where = ways.length ? `It can go to ${ways.join(", ")}.` : "It stays where it is.";
    mc.say(`#${card.dataset.task} is ${label(statusOf(card)).toLowerCase()} and cannot go to ${label(status)}. ${where}`, { tone: "danger" });
  }

  async function moveOne(card, status) {
    const from = statusOf(card);
    const name = verbTo(card, status);
    const number = card.dataset.task;
    if (from === status) return;
    if (!name) return cannot(card, status);
    const verb = doing.verbs[name];
    let given = null;
    if (verb.must.length || card.dataset.holder) {
      given = await ask(verb, [card]);
      if (!given) return;
    }
    let reply = await attempt(number, name, status, given);
    while (!reply.ok && ASKS_AGAIN.includes(reply.code)) {
      given = await ask(verb, [card], reply.detail);
      if (!given) return;
      reply = await attempt(number, name, status, given);
    }
    if (!reply.ok) mc.say(reply.detail, { tone: "danger" });
    else mc.say(reply.sentence, { act: undo(number, status, from) });
    mc.refresh();
  }

  function undo(number, from, to) {
    return doing.moves[from]?.[to] ? { label: "Undo", run: () => find(number) && moveOne(find(number), to) } : null;
  }

  // Several at once: one question for all of them, each judged by itself.
  async function moveMany(chosen, status) {
    const going = chosen.filter((card) => statusOf(card) !== status && verbTo(card, status));
    const steps = going.map((card) => [card.dataset.task, verbTo(card, status)]);
    if (!going.length) return chosen[0] && cannot(chosen[0], status);
    const wanting = going.map((card) => doing.verbs[verbTo(card, status)]).find((verb) => verb.must.length);
    const held = going.filter((card) => card.dataset.holder);
    let given = null;
    if (wanting || held.length) {
      given = await ask(wanting ?? doing.verbs[verbTo(held[0], status)], going);
      if (!given) return;
    }
    const refused = [];
    for (const [number, name] of steps) {
      const reply = await attempt(number, name, status, given);
      if (!reply.ok) refused.push(reply.detail);
    }
    picked.clear();
    const done = going.length - refused.length;
    const more = refused.length > 1 ? ` and ${refused.length - 1} more refused.` : "";
    const told = `${done} moved to ${label(status)}.${refused.length ? ` ${refused[0]}${more}` : ""}`;
    mc.say(told, { tone: refused.length ? "danger" : "success" });
    showPicked();
    mc.refresh();
  }

  function move(chosen, status) {
    return chosen.length > 1 ? moveMany(chosen, status) : moveOne(chosen[0], status);
  }

  // --- The menu -------------------------------------------------------------------------------------------

  function menu(anchor, chosen) {
    const list = document.getElementById("mc-menu");
    const ways = columns().map((column) => column.dataset.status)
      .filter((status) => chosen.some((card) => statusOf(card) !== status && verbTo(card, status)));
    list.replaceChildren(...ways.map((status, at) => choice(list, chosen, status, at)));
    if (!ways.length) return mc.say("There is nowhere to move it.", { tone: "info" });
    list.showPopover();
    const [box, own] = [anchor.getBoundingClientRect(), list.getBoundingClientRect()];
    list.style.left = `${Math.max(8, Math.min(box.right - own.width, innerWidth - own.width - 8))}px`;
    list.style.top = `${Math.max(8, Math.min(box.bottom + 4, innerHeight - own.height - 8))}px`;
    list.firstElementChild.focus();
  }

  function choice(list, chosen, status, at) {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("role", "menuitem");
    const verb = doing.verbs[verbTo(chosen.find((card) => verbTo(card, status)), status)];
    const key = document.createElement("kbd");
    key.className = "mc-key";
    key.textContent = at + 1;
    const word = document.createElement("span");
    word.className = "mc-strong";
    word.textContent = label(status);
    const quiet = document.createElement("span");
    quiet.className = "mc-quiet";
    quiet.textContent = verb.label === word.textContent ? "" : verb.label;
    button.append(key, word, quiet);
    button.addEventListener("click", () => {
      list.hidePopover();
      if (chosen.length === 1) link(find(chosen[0].dataset.task))?.focus();
      move(chosen.map((card) => find(card.dataset.task)).filter(Boolean), status);
    });
    return button;
  }

  function menuKey(event) {
    const items = [...event.currentTarget.children];
    const at = items.indexOf(document.activeElement);
    const steps = { ArrowDown: at + 1, ArrowUp: at - 1, j: at + 1, k: at - 1, Home: 0, End: items.length - 1 };
    if (event.key in steps) items[(steps[event.key] + items.length) % items.length].focus();
    else if (/^[1-9]$/.test(event.key)) items[event.key - 1]?.click();
    else return;
    event.preventDefault();
  }

  // --- Dragging -------------------------------------------------------------------------------------------

  let dragged = null;

  function lift(event) {
    dragged = event.target.closest?.("[data-task]");
    if (!dragged) return;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", `#${dragged.dataset.task}`);
    dragged.dataset.moving = "";
    for (const column of columns()) {
      const status = column.dataset.status;
      column.classList.toggle("mc-closed", status !== statusOf(dragged) && !verbTo(dragged, status));
    }
  }

  function over(event) {
    const column = event.target.closest?.("[data-status]");
    if (!dragged || !column) return;
    event.preventDefault();
    for (const other of columns()) other.classList.toggle("mc-over", other === column);
  }

  function drop(event) {
    const column = event.target.closest?.("[data-status]");
    if (!dragged || !column) return;
    event.preventDefault();
    const card = dragged;
    settle();
    const all = picked.has(card.dataset.task) ? [...picked].map(find).filter(Boolean) : [card];
    move(all, column.dataset.status);
  }

  function settle() {
    if (dragged) delete dragged.dataset.moving;
    dragged = null;
    for (const column of columns()) column.classList.remove("mc-over", "mc-closed");
  }

  // --- Keys: j and k within a column, h and l across ------------------------------------------------------

  function focus(card) {
    if (!card) return false;
    link(card).focus({ preventScroll: true });
    card.scrollIntoView({ block: "nearest", inline: "nearest" });
    return true;
  }

  function down(step) {
    const card = current();
    if (!card) return focus(cards()[0]);
    return focus(step > 0 ? card.nextElementSibling : card.previousElementSibling) || undefined;
  }

  function across(step) {
    const card = current();
    if (!card) return focus(cards()[0]);
    const all = columns();
    const at = [...card.parentNode.children].indexOf(card);
    for (let to = all.indexOf(card.closest("[data-status]")) + step; all[to]; to += step) {
      const there = all[to].querySelectorAll("[data-task]");
      if (there.length) return focus(there[Math.min(at, there.length - 1)]);
    }
  }

  const chosen = () => (picked.size ? [...picked].map(find).filter(Boolean) : [current()].filter(Boolean));

  function pick() {
    const number = current()?.dataset.task;
    if (!number) return false;
    if (!picked.delete(number)) picked.add(number);
    showPicked();
  }

  function showPicked() {
    for (const card of cards()) card.toggleAttribute("data-picked", picked.has(card.dataset.task));
    const bar = document.getElementById("mc-picked");
    bar.hidden = !picked.size;
    bar.querySelector("[data-count]").textContent = `${picked.size} selected`;
  }

  function moveByKey() {
    const some = chosen();
    if (!some.length || !some[0].draggable) return false;
    menu(some.at(-1), some);
  }

  function keys() {
    const onCard = (act) => () => (current() ? act() : false);
    mc.key("j", () => down(1));
    mc.key("k", () => down(-1));
    mc.key("l", () => across(1));
    mc.key("h", () => across(-1));
    mc.key("ArrowDown", onCard(() => down(1)));
    mc.key("ArrowUp", onCard(() => down(-1)));
    mc.key("ArrowRight", onCard(() => across(1)));
    mc.key("ArrowLeft", onCard(() => across(-1)));
    mc.key("o", onCard(() => link(current()).click()));
    mc.key("e", onCard(() => void (location.href = link(current()).href.replace("/change/", "/edit/"))));
    mc.key("m", moveByKey);
    mc.key("x", pick);
    mc.key("Escape", () => picked.size ? (picked.clear(), showPicked()) : false);
  }

  document.addEventListener("DOMContentLoaded", () => {
    const told = document.getElementById("mc-doing");
    if (!told) return;
    doing = JSON.parse(told.textContent);
    keys();
    document.getElementById("mc-menu").addEventListener("keydown", menuKey);
    const board = document.getElementById("mc-board");
    board.addEventListener("dragstart", lift);
    board.addEventListener("dragover", over);
    board.addEventListener("drop", drop);
    board.addEventListener("dragend", settle);
    board.addEventListener("click", (event) => {
      const button = event.target.closest("[data-move]");
      if (!button) return;
      event.preventDefault();
      menu(button, [button.closest("[data-task]")]);
    });
    board.addEventListener("keydown", (event) => {
      if (event.key === " " && event.target.matches("[data-move]")) event.preventDefault(), event.target.click();
    });
    document.querySelector("#mc-picked [data-all]")?.addEventListener("click", (event) => menu(event.target, chosen()));
    document.querySelector("#mc-picked [data-none]").addEventListener("click", () => (picked.clear(), showPicked()));
    document.querySelector("#mc-ask [data-cancel]").addEventListener("click", () => document.getElementById("mc-ask").close(""));
    document.addEventListener("mc:fresh", showPicked);
  });
})();
