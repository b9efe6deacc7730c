// One change of a condition's rows at a time is with the server. What is typed meanwhile is put back when the rows have
// come; what is pressed or chosen meanwhile (another change, or saving) waits, and is done then.
(() => {
  const rows = () => document.getElementById("condition");
  const controls = () => [...rows().querySelectorAll("input:not([type=hidden]), select")];
  const keyOf = (control) => (control.type === "checkbox" ? `${control.name}=${control.value}` : control.name);
  const stateOf = (control) => (control.type === "checkbox" ? control.checked : control.value);
  let request = null; // the one on its way
  let change = ""; // what it asks for
  let sent = new Map();
  let typed = [];
  let waiting = []; // what was asked for meanwhile: {change, again}, the latter on the rows of then

  // After a removal the rows have other names, so nothing must be typed or pressed until it is done.
  const rest = () => {
    rows().inert = [change, ...waiting.map((one) => one.change)].some((asked) => asked.startsWith("remove:"));
  };
  const hold = (event, again, asked = "") => {
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting.push({ change: asked, again });
    rest();
  };
  const press = (id) => () => document.getElementById(id)?.click();
  const choose = (id) => () => document.getElementById(id)?.dispatchEvent(new Event("change", { bubbles: true }));

  // Before htmx hears of it: it would let a second request answer to rows that are gone by then.
  document.addEventListener("click", (event) => {
    const button = request && event.target.closest("#condition button[hx-post]");
    if (button) hold(event, press(button.id), button.value);
  }, true);
  document.addEventListener("change", (event) => {
    if (request && event.target.matches("#condition select[hx-post]")) hold(event, choose(event.target.id));
  }, true);
  document.addEventListener("submit", (event) => {
    if (request && event.target.contains(rows())) hold(event, () => event.target.requestSubmit(event.submitter));
  }, true);

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target !== rows() || !rows()) return;
    request = event.detail.xhr;
    sent = new Map(controls().map((control) => [keyOf(control), stateOf(control)]));
    change = String(event.detail.requestConfig.parameters.change);
    rest();
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target !== rows() || !rows()) return;
    typed = controls().filter((control) => sent.has(keyOf(control)) && sent.get(keyOf(control)) !== stateOf(control));
  });
  document.addEventListener("htmx:afterSettle", () => {
    const before = typed;
    typed = [];
    if (!rows()) return;
    const present = new Map(controls().map((control) => [keyOf(control), control]));
    for (const old of before) {
      const control = present.get(keyOf(old));
      if (!control) continue;
      if (control.type === "checkbox") control.checked = old.checked;
      else if (control.tagName !== "SELECT" || [...control.options].some((option) => option.value === old.value)) control.value = old.value;
    }
  });
  // Each may send a request itself, which the others wait for.
  const goOn = () => {
    while (waiting.length && !request) waiting.shift().again();
    rest();
  };
  document.addEventListener("htmx:afterRequest", (event) => {
    if (!request || event.detail.xhr !== request) return;
    request = null;
    change = "";
    goOn();
  });
  // What was chosen before the scripts were there, or is put back by the browser on a reload.
  document.addEventListener("DOMContentLoaded", () => {
    const differs = (select) => [...select.selectedOptions].some((option) => !option.defaultSelected);
    const early = [...document.querySelectorAll("#condition select[hx-post]")].filter(differs);
    waiting = early.map((select) => ({ change: "", again: choose(select.id) }));
    goOn();
  });
})();
