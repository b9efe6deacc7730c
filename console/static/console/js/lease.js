// Shows the lease, renews it every third of its length, and says what happened when it cannot.
(() => {
  let review = null;
  let endsAt = 0;
  let ticking = null;
  let beating = null;
  let lost = false;

  const minutes = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
  const secondsLeft = () => Math.max((endsAt - performance.now()) / 1000, 0);

  const banner = (template, slots = {}) => {
    const place = review.querySelector("[data-banner]");
    const copy = review.querySelector(`template[data-template="${template}"]`).content.cloneNode(true);
    for (const [name, text] of Object.entries(slots)) {
      const slot = copy.querySelector(`[data-slot="${name}"]`);
      if (slot) slot.textContent = text;
    }
    if (slots.reclaimable === false) copy.querySelector("[data-reclaim]")?.remove();
    place.replaceChildren(copy);
    place.dataset.shows = template;
    htmx.process(place);
  };

  const clear = (template) => {
    const place = review.querySelector("[data-banner]");
    if (place.dataset.shows === template) place.replaceChildren();
  };

  const lockDecision = () => {
    lost = true;
    review.querySelector("[data-lease]")?.classList.add("lease-lost");
    for (const button of review.querySelectorAll("form[data-decision] button")) button.disabled = true;
    for (const menu of review.querySelectorAll("form[data-decision] details")) {
      menu.open = false;
      menu.querySelector("summary").ariaDisabled = "true";
      menu.querySelector("summary").tabIndex = -1;
    }
  };

  const show = () => {
    const text = review.querySelector("[data-lease-text]");
    if (!text) return;
    text.textContent = lost ? "lost" : minutes(secondsLeft());
    review.querySelector("[data-lease]").classList.toggle("lease-short", !lost && secondsLeft() < 60);
  };

  const answered = async (response) => {
    clear("offline");
    if (response.status === 401 || response.status === 403) {
      banner(response.status === 401 ? "logged-out" : "refused");
      return;
    }
    const body = await response.json();
    if (response.ok) {
      endsAt = performance.now() + body.expires_in * 1000;
      if (String(body.version) !== review.dataset.version) {
        lockDecision();
        banner("lease-lost", { title: "The case has changed.", detail: "It was edited or moved while you looked.", action: "Look at it again" });
      }
    } else {
      lockDecision();
      banner("lease-lost", { title: `${body.title}.`, detail: body.detail, reclaimable: body.reclaimable });
    }
  };

  const beat = async () => {
    const current = review;
    if (!current?.isConnected || lost) return;
    const form = current.querySelector("form[data-decision]");
    const body = new FormData();
    for (const name of ["csrfmiddlewaretoken", "lease_token"]) body.set(name, form.elements[name].value);
    try {
      const response = await fetch(current.dataset.heartbeatUrl, { method: "POST", body, headers: { Accept: "application/json" } });
      if (current !== review) return;
      if (response.status >= 500) throw new TypeError("The server failed.");
      await answered(response);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      if (current === review) banner("offline", { left: minutes(secondsLeft()) });
    }
  };

  const start = () => {
    clearInterval(ticking);
    clearInterval(beating);
    lost = false;
    review = document.querySelector("[data-review]");
    if (!review?.dataset.heartbeatUrl) return;
    endsAt = performance.now() + Number(review.dataset.leaseLeft) * 1000;
    show();
    ticking = setInterval(show, 1000);
    const every = Number(review.dataset.heartbeatSeconds);
    beating = setInterval(beat, every * 1000);
    // A lease taken up again may be nearly over.
    if (secondsLeft() < 2 * every) beat();
  };

  document.addEventListener("htmx:afterSettle", (event) => event.target.id === "workspace" && start());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && beat());
  window.addEventListener("online", beat);
  window.addEventListener("offline", () => review?.isConnected && banner("offline", { left: minutes(secondsLeft()) }));
  document.addEventListener("htmx:sendError", () => review?.isConnected && banner("offline", { left: minutes(secondsLeft()) }));
  document.addEventListener("htmx:responseError", (event) => {
    if (!review?.isConnected) return;
    const { status } = event.detail.xhr;
    if (status === 401) banner("logged-out");
    else if (status === 403) banner("refused");
    else banner("server-error", { status: String(status) });
  });
  start();
})();
