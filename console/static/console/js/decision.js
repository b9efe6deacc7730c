// Keeps verdict, policies and actions consistent while one decides, and says in words what Enter will do.
(() => {
  const form = () => document.querySelector("form[data-decision]");
  const inputs = (name) => [...form().querySelectorAll(`input[name="${name}"]`)];
  const verdict = (value) => inputs("verdict").find((input) => input.value === value);
  const chosen = (name) => inputs(name).filter((input) => input.checked);
  const nameOf = (input) => input.parentElement.querySelector("span").firstChild.textContent.trim();
  let actionsTouched = false;
  let consequencesTold = false;

  const isSuggested = (input) => "suggested" in input.dataset;
  const inWords = (action) => `${nameOf(action).toLowerCase()}${isSuggested(action) ? " (suggested)" : ""}`;
  const graveActions = () => chosen("actions").map((input) => input.dataset.consequence).filter(Boolean);
  // Like is treated alike: what goes against the last cases like this one is asked about once.
  const againstPractice = () => {
    const { practice, practicePolicies, practiceCount } = form().dataset;
    if (!practice) return [];
    const policies = chosen("policies").map((input) => input.value);
    const usual = practicePolicies.split(" ").filter(Boolean);
    const agrees = practice === "ok" ? verdict("ok").checked : policies.some((policy) => usual.includes(policy));
    if (agrees) return [];
    const names = inputs("policies").filter((input) => usual.includes(input.value)).map(nameOf);
    return [`The last ${practiceCount} cases like this one were all decided otherwise: ${practice === "ok" ? "no violation" : `violates ${names.join(", ")}`}.`];
  };
  const consequences = () => [...graveActions(), ...againstPractice()];
  const tell = (words, { grave = false } = {}) => {
    const hint = form().querySelector("[data-decision-hint]");
    hint.textContent = words;
    hint.classList.toggle("decision-hint-grave", grave);
  };
  const check = (action, { checked, suggested = false }) => {
    action.checked = checked;
    if (suggested) action.dataset.suggested = "";
    else delete action.dataset.suggested;
  };

  const describe = () => {
    const policies = chosen("policies").map(nameOf);
    const actions = chosen("actions").map(inWords).join(", ");
    if (verdict("ok").checked) tell("No violation. ↵ decides.");
    else if (policies.length) tell(`Violates ${policies.join(", ")}${actions ? `: ${actions}` : ", no action"}. ↵ decides.`);
    else if (verdict("violates").checked) tell("Choose the policy it violates.");
    else tell("");
  };

  const chooseOk = () => {
    for (const input of inputs("policies")) input.checked = false;
    for (const input of inputs("actions")) check(input, { checked: false });
    actionsTouched = false;
  };

  const choosePolicy = () => {
    const any = chosen("policies").length > 0;
    verdict("violates").checked = any;
    if (any) verdict("ok").checked = false;
    if (actionsTouched) return;
    // Removal is what most violations lead to.
    for (const input of inputs("actions")) {
      const suggested = any && input.value === "remove";
      check(input, { checked: suggested, suggested });
    }
  };

  // Whoever presses the key of a suggested action wants it: the first press takes it as chosen, the next takes it off.
  document.addEventListener("evenhand:key", (event) => {
    if (!form()?.contains(event.target) || event.target.name !== "actions" || !isSuggested(event.target)) return;
    event.preventDefault();
    check(event.target, { checked: true });
    event.target.dispatchEvent(new Event("change", { bubbles: true }));
  });

  document.addEventListener("change", (event) => {
    if (!form()?.contains(event.target)) return;
    const { name, value } = event.target;
    if (name === "verdict" && value === "ok") chooseOk();
    if (name === "policies") choosePolicy();
    if (name === "actions") {
      actionsTouched = true;
      delete event.target.dataset.suggested;
      if (event.target.checked) verdict("ok").checked = false;
    }
    if (name === "rationale") return;
    consequencesTold = false;
    describe();
  });

  document.addEventListener(
    "submit",
    (event) => {
      if (event.target !== form() || event.submitter?.hasAttribute("formaction")) return;
      const complete = verdict("ok").checked || chosen("policies").length > 0;
      const grave = consequences();
      if (complete && (!grave.length || consequencesTold)) return;
      event.preventDefault();
      event.stopPropagation();
      consequencesTold = complete;
      if (complete) tell(`${grave.join(" ")} ↵ again confirms.`, { grave: true });
      else tell("Choose first: o for no violation, or the number of a policy.");
    },
    true,
  );

  const start = () => {
    consequencesTold = false;
    if (!form()) return;
    // What is chosen already was chosen by the person.
    actionsTouched = [...chosen("policies"), ...chosen("actions")].length > 0;
    describe();
  };
  document.addEventListener("evenhand:restored", start);
  document.addEventListener("htmx:afterSettle", (event) => event.target.id === "workspace" && start());
  start();
})();
