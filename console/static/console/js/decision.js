// Keeps verdict, policies and actions consistent while one decides, and says in words what Enter will do.
(() => {
  const form = () => document.querySelector("form[data-decision]");
  const inputs = (name) => [...form().querySelectorAll(`input[name="${name}"]`)];
  const verdict = (value) => inputs("verdict").find((input) => input.value === value);
  const chosen = (name) => inputs(name).filter((input) => input.checked);
  const nameOf = (input) => input.parentElement.querySelector("span").firstChild.textContent.trim();
  let actionsTouched = false;

  const describe = () => {
    const hint = form().querySelector("[data-decision-hint]");
    const policies = chosen("policies").map(nameOf);
    const actions = chosen("actions").map(nameOf);
    if (verdict("ok").checked) hint.textContent = "No violation. ↵ decides.";
    else if (policies.length) hint.textContent = `Violates ${policies.join(", ")}${actions.length ? `: ${actions.join(", ").toLowerCase()}` : ", no action"}. ↵ decides.`;
    else if (verdict("violates").checked) hint.textContent = "Choose the policy it violates.";
    else hint.textContent = "";
  };

  const chooseOk = () => {
    for (const input of [...inputs("policies"), ...inputs("actions")]) input.checked = false;
    actionsTouched = false;
  };

  const choosePolicy = () => {
    const any = chosen("policies").length > 0;
    verdict("violates").checked = any;
    if (any) verdict("ok").checked = false;
    // Removal is what most violations lead to; one key takes it off again.
    if (!actionsTouched) for (const input of inputs("actions")) input.checked = any && input.value === "remove";
  };

  document.addEventListener("change", (event) => {
    if (!form()?.contains(event.target)) return;
    const { name, value } = event.target;
    if (name === "verdict" && value === "ok") chooseOk();
    if (name === "policies") choosePolicy();
    if (name === "actions") {
      actionsTouched = true;
      if (event.target.checked) verdict("ok").checked = false;
    }
    describe();
  });

  document.addEventListener(
    "submit",
    (event) => {
      if (event.target !== form() || event.submitter?.hasAttribute("formaction")) return;
      const complete = verdict("ok").checked || chosen("policies").length > 0;
      if (complete) return;
      event.preventDefault();
      event.stopPropagation();
      form().querySelector("[data-decision-hint]").textContent = "Choose first: o for no violation, or the number of a policy.";
    },
    true,
  );

  const start = () => {
    actionsTouched = false;
    if (form()) describe();
  };
  document.addEventListener("evenhand:restored", start);
  document.addEventListener("htmx:afterSettle", (event) => event.target.id === "workspace" && start());
  start();
})();
