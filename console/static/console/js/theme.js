// Switches between light and dark; the server reads the cookie, so that no page flashes.
document.addEventListener("click", (event) => {
  if (!event.target.closest("[data-theme-toggle]")) return;
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  document.cookie = `evenhand_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
});
