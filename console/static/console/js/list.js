// Lists by keyboard: j and k walk through the rows, Enter opens (a link does so itself), x picks, / goes to the search.
(() => {
  const isText = (element) => element.matches("textarea, select, input:not([type=checkbox]):not([type=radio])");
  const enabled = () => localStorage.getItem("evenhand-keys") !== "off";
  const rows = () => [...document.querySelectorAll("[data-row]")].filter((row) => row.checkVisibility());
  const holds = (row) => (row.closest("li, tr") ?? row).contains(document.activeElement);

  const walk = (step) => {
    const all = rows();
    const at = all.findIndex(holds);
    const next = at < 0 ? 0 : Math.min(Math.max(at + step, 0), all.length - 1);
    all[next]?.focus();
    all[next]?.scrollIntoView({ block: "nearest" });
  };
  const pick = () => {
    const box = rows().find(holds)?.closest("li, tr")?.querySelector("[data-pick]");
    box?.click();
  };
  const keys = { j: () => walk(1), k: () => walk(-1), x: pick };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || isText(event.target) || !enabled()) return;
    if (!document.querySelector("[data-row]") || document.querySelector("[data-review], dialog[open]")) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });

  // On a page with a search of its own the key leads to its field.
  document.addEventListener("evenhand:key", (event) => {
    const field = event.target.matches("[data-search-link]") && document.querySelector("[data-search]");
    if (!field) return;
    event.preventDefault();
    field.focus();
    field.select();
  });

  // Escape leaves the search field for the list (see keys.js), and what is picked is counted.
  const bar = document.querySelector("[data-pick-bar]");
  if (!bar) return;
  const count = () => {
    const picked = document.querySelectorAll("[data-pick]:checked").length;
    bar.hidden = picked === 0;
    bar.querySelector("[data-pick-count]").textContent = picked ? String(picked) : "";
  };
  document.addEventListener("change", (event) => event.target.matches("[data-pick]") && count());
  bar.addEventListener("reset", () => setTimeout(count));
  window.addEventListener("pageshow", count);
  count();
})();
