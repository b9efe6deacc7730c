// What is typed while the rows of a condition are on their way is put back when they have come.
(() => {
  const rows = () => document.getElementById("condition");
  const controls = () => [...rows().querySelectorAll("input:not([type=hidden]), select")];
  const keyOf = (control) => (control.type === "checkbox" ? `${control.name}=${control.value}` : control.name);
  const stateOf = (control) => (control.type === "checkbox" ? control.checked : control.value);
  let sent = new Map();
  let typed = [];

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target !== rows() || !rows()) return;
    sent = new Map(controls().map((control) => [keyOf(control), stateOf(control)]));
    // After a removal the rows have other names, so nothing must be typed meanwhile.
    rows().inert = String(event.detail.requestConfig.parameters.change).startsWith("remove:");
  });
  document.addEventListener("htmx:afterRequest", () => {
    if (rows()) rows().inert = false;
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
})();
