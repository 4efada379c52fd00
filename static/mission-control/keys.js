// Keys. Other scripts add theirs with `mc.key(name, act)`; an act that answers false did not want the key.
"use strict";

(() => {
  const PATIENCE = 1_500; // milliseconds between the two keys of `g t`
  const acts = new Map();
  let going = 0;

  mc.key = (name, act) => acts.set(name, act);

  // --- g, then a letter: to a page. The dialog of keys names the pages. --------------------------------

  function go(letter) {
    const link = document.querySelector(`[data-go="${CSS.escape(letter)}"]`);
    if (link) location.href = link.href;
    return Boolean(link);
  }

  const plain = (event) => !(event.ctrlKey || event.metaKey || event.altKey || event.isComposing);

  function typed(event) {
    if (!plain(event) || mc.writing(event.target) || mc.layer()) return;
    const led = going && Date.now() - going < PATIENCE;
    going = 0;
    if (led && event.key.length === 1 ? go(event.key) : act(event)) {
      event.preventDefault();
      event.stopPropagation();
    }
  }

  // The frame's own keys (c, f, [) know nothing of lists of choices and of dialogs: there a letter is a letter.
  function guard(event) {
    const inside = event.target.tagName === "SELECT" || (event.key !== "?" && mc.layer());
    if (plain(event) && event.key.length === 1 && inside) event.stopPropagation();
  }

  function act(event) {
    if (event.key === "g") {
      going = Date.now();
      return true;
    }
    return acts.has(event.key) && acts.get(event.key)(event) !== false;
  }

  document.addEventListener("keydown", typed, true);
  document.addEventListener("keydown", guard);

  // --- A list of rows: j and k move, o opens, e edits, x selects, a acts on the selected ---------------

  const rows = () => [...document.querySelectorAll("#result_list tr.data-row")];
  const link = (row) => row?.querySelector("th a, td a");
  const here = () => rows().findIndex((row) => row.classList.contains("mc-at"));

  mc.row = function (at, { scroll = true } = {}) {
    const all = rows();
    const row = all[Math.min(all.length - 1, Math.max(0, at))];
    if (!row) return false;
    for (const other of all) other.classList.toggle("mc-at", other === row);
    if (scroll) row.scrollIntoView({ block: "nearest" });
    link(row)?.focus({ preventScroll: true });
    return true;
  };

  mc.key("j", () => mc.row(here() + 1));
  mc.key("k", () => mc.row(here() - 1));
  mc.key("o", () => {
    const found = link(rows()[here()]);
    if (!found) return false;
    found.click();
  });
  mc.key("x", () => {
    const box = rows()[here()]?.querySelector("input.action-select");
    if (!box) return false;
    box.click();
  });
  mc.key("a", () => {
    const choice = document.querySelector("#changelist-actions select");
    if (!choice?.checkVisibility()) return false;
    choice.focus();
  });
  mc.key("e", () => {
    const button = document.querySelector("[data-key=e]");
    if (button) return void button.click();
    const href = link(rows()[here()])?.href;
    if (!href || !document.body.classList.contains("model-task")) return false;
    location.href = href.replace("/change/", "/edit/");
  });

  mc.key("z", mc.accept);

  // --- A task's page: c writes a comment, u goes back up to the list ------------------------------------

  mc.key("c", () => {
    const comment = document.getElementById("comment-body");
    if (!comment) return false;
    comment.focus();
  });
  mc.key("u", () => {
    const back = document.querySelector("[data-key=u]");
    if (!back) return false;
    back.click();
  });

  // --- The palette: the first thing found is chosen, and Enter goes there, even before it is found --------

  const field = () => document.getElementById("search-input-command");
  let answered = ""; // what the results that stand there were found for
  let awaited = false; // Enter was pressed for what is being looked for

  document.addEventListener("keydown", (event) => {
    if (!field() || event.target !== field()) return;
    awaited = event.key === "Enter" && field().value.trim() !== "" && field().value !== answered;
    const nowhere = event.key === "Enter" && !document.querySelector("#command-results li a");
    if (!awaited && !nowhere) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);

  document.addEventListener("htmx:after-swap", (event) => {
    if (event.target.id !== "command-results") return;
    answered = new URL(event.detail.xhr.responseURL).searchParams.get("s") ?? "";
    const first = event.target.querySelector("li a");
    if (!first || answered !== field().value) return;
    Alpine.$data(field()).currentIndex = 1;
    if (awaited) first.click();
  });
})();
