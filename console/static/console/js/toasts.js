// Notices leave by themselves; the one with the undo counts its seconds down.
(() => {
  const start = (toast) => {
    let left = Number(toast.dataset.toast);
    const shown = toast.querySelector("[data-countdown]");
    const timer = setInterval(() => {
      // Whoever has it under pointer or focus is still reading it.
      if (!shown && toast.matches(":hover, :focus-within")) return;
      left -= 1;
      if (shown) shown.textContent = left;
      if (left > 0 && toast.isConnected) return;
      clearInterval(timer);
      toast.remove();
    }, 1000);
    delete toast.dataset.toast;
  };
  const startAll = () => document.querySelectorAll("[data-toast]").forEach(start);
  document.addEventListener("htmx:oobAfterSwap", startAll);
  document.addEventListener("htmx:afterSettle", startAll);
  startAll();
})();
