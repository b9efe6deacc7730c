// Keeps what is typed on a case in this browser until it was taken, so that no lost lease or login loses it. Logging
// out does not remove it: another tab may still promise that it is kept. Nobody but its writer gets to see it, and it
// goes after a working day.
(() => {
  const PREFIX = "evenhand-draft-";
  const KEPT_FOR = 12 * 3600 * 1000;
  const FIELDS = ["verdict", "policies", "actions", "rationale"];
  const form = () => document.querySelector("form[data-decision]");
  const keyOf = () => {
    const review = document.querySelector("[data-review]");
    return review && `${PREFIX}${review.dataset.user}-${review.dataset.case}`;
  };
  const drafts = () => Object.keys(localStorage).filter((key) => key.startsWith(PREFIX));

  const save = () => {
    const data = new FormData(form());
    const values = Object.fromEntries(FIELDS.map((name) => [name, data.getAll(name)]));
    localStorage.setItem(keyOf(), JSON.stringify({ at: Date.now(), values }));
  };

  const isUntouched = () => !form().querySelector("input:checked") && !form().elements.rationale.value;

  const dropOld = () => {
    for (const key of drafts()) {
      if (Date.now() - JSON.parse(localStorage.getItem(key)).at > KEPT_FOR) localStorage.removeItem(key);
    }
  };

  const restore = () => {
    dropOld();
    const stored = form() && localStorage.getItem(keyOf());
    if (!stored || !isUntouched()) return;
    const { values } = JSON.parse(stored);
    for (const name of ["verdict", "policies", "actions"]) {
      for (const input of form().querySelectorAll(`input[name="${name}"]`)) input.checked = values[name].includes(input.value);
    }
    form().elements.rationale.value = values.rationale[0] ?? "";
    document.dispatchEvent(new CustomEvent("evenhand:restored"));
  };

  for (const kind of ["input", "change"]) {
    document.addEventListener(kind, (event) => form()?.contains(event.target) && save());
  }
  let sentFrom = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    sentFrom = form()?.contains(event.target) ? keyOf() : null;
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.detail.successful && sentFrom) localStorage.removeItem(sentFrom);
    sentFrom = null;
  });
  document.addEventListener("htmx:afterSettle", (event) => event.target.id === "workspace" && restore());
  restore();
})();
