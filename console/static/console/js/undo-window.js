// The seconds in which an undo stops the effects of a decision before they go out, counted down beside its button.
(() => {
  for (const form of document.querySelectorAll("[data-undo-window]")) {
    const until = Date.now() + 1000 * Number(form.dataset.undoWindow);
    const shown = form.querySelector("[data-undo-left]");
    const timer = setInterval(() => {
      const left = Math.ceil((until - Date.now()) / 1000);
      shown.textContent = Math.max(left, 0);
      if (left > 0) return;
      clearInterval(timer);
      shown.remove();
      form.removeAttribute("data-undo-window");
      form.querySelector("[data-undo-after]").hidden = false;
    }, 250);
  }
})();
