// A disclosure stays as the person left it, from case to case.
(() => {
  const keyOf = (details) => `evenhand-open-${details.dataset.remember}`;
  const restore = () => {
    for (const details of document.querySelectorAll("details[data-remember]")) details.open = localStorage.getItem(keyOf(details)) === "1";
  };
  document.addEventListener("toggle", (event) => {
    if (event.target.matches("details[data-remember]")) localStorage.setItem(keyOf(event.target), event.target.open ? "1" : "0");
  }, true);
  document.addEventListener("htmx:afterSettle", restore);
  restore();
})();
