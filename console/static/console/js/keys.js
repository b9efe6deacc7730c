// One key, one control: a key activates the first visible control whose data-key names it.
(() => {
  const STORE = "evenhand-keys";
  const enabled = () => localStorage.getItem(STORE) !== "off";
  const isText = (element) => element.matches("textarea, select, input:not([type=checkbox]):not([type=radio])");
  const activatesItself = (element) => element.matches("a[href], button, summary");

  const inClosedDetails = (element) => {
    const details = element.closest("details:not([open])");
    return details !== null && !(element.closest("summary") && element.closest("details") === details);
  };
  const usable = (element) => !element.disabled && element.ariaDisabled !== "true" && !inClosedDetails(element) && element.checkVisibility();
  const controlFor = (key, root) =>
    [...root.querySelectorAll("[data-key]")].find((element) => element.dataset.key.split(" ").includes(key) && usable(element));

  const openDialog = (id) => {
    const dialog = document.getElementById(id);
    if (dialog.open) dialog.close();
    else dialog.showModal();
  };

  const activate = (control) => {
    // A page may give the key another meaning than a click.
    if (!control.dispatchEvent(new CustomEvent("evenhand:key", { bubbles: true, cancelable: true }))) return;
    if (control.matches("textarea")) control.focus();
    else control.click();
    const menu = control.matches("summary") && control.closest("details[data-key-scope]");
    // The first item once the menu has opened, so that arrows and screen readers find it.
    if (menu) requestAnimationFrame(() => menu.open && menu.querySelector("[data-key]:not(summary)")?.focus());
  };

  const cycle = (key) => {
    const links = [...document.querySelectorAll(`[data-cycle-key="${key}"] a`)];
    if (!links.length) return false;
    const current = links.findIndex((link) => link.hasAttribute("aria-current"));
    links[(current + 1) % links.length].click();
    return true;
  };

  document.addEventListener("keydown", (event) => {
    const target = event.target;
    const menu = document.querySelector("details[data-key-scope][open]");
    if (event.key === "Escape") {
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      } else if (isText(target)) target.blur();
      return;
    }
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && target.matches("[data-submits]")) {
      event.preventDefault();
      controlFor("Enter", document)?.click();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat || isText(target)) return;
    if (document.querySelector("dialog[open]") && event.key !== "?") return;
    if (event.key === "Enter" && activatesItself(target)) return;
    if (!enabled() && event.key !== "Enter") return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const control = (menu && controlFor(key, menu)) || controlFor(key, document);
    if (control) {
      event.preventDefault();
      activate(control);
    } else if (cycle(key)) event.preventDefault();
  });

  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      event.preventDefault();
      openDialog(opener.dataset.opens);
    }
    // A menu closes when something else is clicked.
    for (const menu of document.querySelectorAll("details.popover[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-keys-switch]")) return;
    localStorage.setItem(STORE, event.target.checked ? "on" : "off");
    showSwitch();
  });
  const showSwitch = () => {
    for (const input of document.querySelectorAll("[data-keys-switch]")) input.checked = enabled();
  };
  showSwitch();

  // After a swap the reading starts at the new case, for eyes and screen readers alike.
  document.addEventListener("htmx:afterSettle", (event) => {
    if (event.target.id === "workspace") event.target.querySelector("[data-focus]")?.focus({ preventScroll: true });
  });
})();
