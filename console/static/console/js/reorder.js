// Alt and an arrow press the move button of the row one is in; after the swap the focus is in that row again.
(() => {
  const rowOf = (element) => element.closest("[data-reorder] li");
  document.addEventListener("keydown", (event) => {
    const way = { ArrowUp: "up", ArrowDown: "down" }[event.key];
    if (!way || !event.altKey || event.ctrlKey || event.metaKey) return;
    const row = rowOf(event.target);
    if (!row) return;
    event.preventDefault();
    row.querySelector(`[data-move="${way}"]:not(:disabled)`)?.click();
  });

  // A button that has become useless at an end of the list loses the focus: its row's link takes it.
  let moved = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    moved = rowOf(event.target)?.id ?? null;
  });
  document.addEventListener("htmx:afterSettle", () => {
    const row = moved && document.getElementById(moved);
    moved = null;
    if (row && !row.contains(document.activeElement)) row.querySelector("a")?.focus();
  });
})();
