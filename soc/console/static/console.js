// Live updates and keys for the console. Every page works without this file; nothing here decides anything.
"use strict";
(() => {
  const csrf = document.querySelector('meta[name="csrf"]')?.content ?? "";
  let selected = null;

  const rows = () => [...document.querySelectorAll("[data-queue] tbody tr[data-id]")];

  function select(row, scroll = true) {
    document.querySelectorAll('tr[aria-selected="true"]').forEach((old) => old.removeAttribute("aria-selected"));
    selected = row ? row.dataset.id : null;
    if (!row) return;
    row.setAttribute("aria-selected", "true");
    if (scroll) row.scrollIntoView({ block: "nearest" });
  }

  function move(step) {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.dataset.id === selected);
    select(all[Math.max(0, Math.min(all.length - 1, at < 0 ? 0 : at + step))]);
  }

  const current = () => rows().find((row) => row.dataset.id === selected);
  const link = (row) => row.querySelector(".c-title a").href;

  async function acknowledge(row) {
    if (!row || row.dataset.status !== "new") return;
    row.dataset.status = "sent";
    const body = new URLSearchParams({ csrf, kind: "acknowledge", action_id: crypto.randomUUID(), expected_revision: row.dataset.revision });
    await fetch(`/alerts/${encodeURIComponent(row.dataset.id)}/act`, { method: "POST", body, headers: { Accept: "application/json" } });
    await refresh();
  }

  // Each part of the page marked data-live is replaced by the same part of the page as the server makes it now.
  let refreshing = false;
  let again = false;
  async function refresh() {
    if (refreshing) { again = true; return; }
    refreshing = true;
    try {
      // No answer (the console restarts, or this page is being left): it stays as it is, and the next event asks again.
      const answer = await fetch(location.href, { headers: { Accept: "text/html" } }).catch(() => null);
      if (!answer || !answer.ok || answer.redirected) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      const known = new Set(rows().map((row) => `${row.dataset.id} ${row.dataset.version}`));
      document.querySelectorAll("[data-live][id]").forEach((part) => {
        const next = fresh.getElementById(part.id);
        if (!next || part.contains(document.activeElement)) return;
        const open = [...part.querySelectorAll("details[open]")].map((one) => one.dataset.key);
        if (open.includes(undefined)) return;
        const made = document.importNode(next, true);
        made.querySelectorAll("details[data-key]").forEach((one) => { one.open = open.includes(one.dataset.key); });
        if (part.innerHTML !== made.innerHTML) part.replaceWith(made);
      });
      rows().forEach((row) => row.classList.toggle("fresh", !known.has(`${row.dataset.id} ${row.dataset.version}`)));
      const still = current();
      if (still) select(still, false);
    } finally {
      refreshing = false;
      if (again) { again = false; soon(); }
    }
  }

  let timer = 0;
  const soon = () => { clearTimeout(timer); timer = setTimeout(refresh, 250); };

  const stream = document.body.dataset.stream;
  if (stream && window.EventSource) {
    const light = document.querySelector("[data-live-state]");
    const show = (on) => {
      if (!light) return;
      light.hidden = false;
      light.classList.toggle("on", on);
      light.textContent = on ? light.dataset.on : light.dataset.off;
    };
    const source = new EventSource(stream);
    // What changed while the page loaded, or while there was no stream, is in no event.
    source.addEventListener("open", () => { show(true); soon(); });
    source.addEventListener("error", () => show(false));
    source.addEventListener("change", soon);
    addEventListener("pagehide", () => source.close());
  }

  document.addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, [contenteditable]");
    if (event.key === "Escape" && typing) { event.target.blur(); return; }
    if (event.key === "Escape") closeMenus(null);
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const row = current();
    const jobs = {
      j: () => move(1),
      k: () => move(-1),
      Enter: () => { if (row && !event.target.closest("a, button, summary")) location.href = link(row); else return false; },
      o: () => { const more = row?.querySelector("details.more"); if (more) more.open = !more.open; else return false; },
      a: () => (rows().length ? acknowledge(row) : document.getElementById("acknowledge")?.click()),
      c: () => {
        const form = document.getElementById("close");
        if (form) form.querySelector("input[type=radio], textarea").focus();
        else if (row) location.href = `${link(row)}#close`;
      },
      u: () => { const back = document.querySelector("[data-back]"); if (back) location.href = back.href; },
      "/": () => document.querySelector('input[type="search"]')?.focus(),
    };
    const job = jobs[event.key];
    if (job && job() !== false) event.preventDefault();
  });

  function closeMenus(kept) {
    document.querySelectorAll("details.menu[open]").forEach((menu) => { if (menu !== kept) menu.open = false; });
  }

  document.addEventListener("click", (event) => {
    closeMenus(event.target.closest("details.menu"));
    const row = event.target.closest("[data-queue] tr[data-id]");
    if (row && !event.target.closest("a, button")) select(row, false);
  });

  // A form is sent once; its action id would make a second time harmless anyway.
  document.addEventListener("submit", (event) => {
    if (event.target.method !== "post" || "again" in event.target.dataset) return;
    const button = event.submitter;
    if (button) setTimeout(() => { button.disabled = true; }, 0);
  });

  function unfold() {
    const target = location.hash.length > 1 ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    if (target?.tagName === "DETAILS") target.open = true;
  }
  addEventListener("hashchange", unfold);
  unfold();

  if (location.hash === "#close") document.querySelector("#close input[type=radio]")?.focus();
})();
