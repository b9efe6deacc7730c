// The decision on many cases: "no violation" takes policies and actions away, a policy says that it violates, and the
// button tells how many were pulled out.
(() => {
  const formOf = (target) => target.form?.matches("[data-batch-form]") && target.form;

  document.addEventListener("change", (event) => {
    const form = formOf(event.target);
    if (!form) return;
    const { name, value, checked } = event.target;
    const named = (wanted) => [...form.elements].filter((control) => control.name === wanted);
    if (name === "verdict" && value === "ok") {
      for (const control of [...named("policies"), ...named("actions")]) control.checked = false;
    }
    if ((name === "policies" || name === "actions") && checked) form.elements.verdict.value = "violates";
    count(form);
  });

  const count = (form) => {
    const out = [...form.elements].filter((control) => control.name === "exceptions" && control.checked).length;
    form.querySelector("[data-batch-exceptions]").textContent = out ? ` less ${out}` : "";
  };
  // What was pulled out before this script was there, or is put back by the browser on a reload.
  const form = document.querySelector("[data-batch-form]");
  if (form) count(form);
})();
