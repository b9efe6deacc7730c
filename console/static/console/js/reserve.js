// Keeps the next case for this person while they work on one, and gives it back when they leave. Nothing of it is told.
(() => {
  const AFTER = 3000; // whoever clicks through cases needs none
  let waiting = null;

  const body = (review) => {
    const data = new FormData();
    data.set("csrfmiddlewaretoken", review.querySelector("form[data-decision]").elements.csrfmiddlewaretoken.value);
    return data;
  };

  const reserve = async (review) => {
    if (!review.isConnected || document.visibilityState !== "visible") return;
    try {
      await fetch(review.dataset.reserveUrl, { method: "POST", body: body(review), headers: { Accept: "application/json" } });
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // no connection: the next case is found when it is asked for
    }
  };

  const start = () => {
    clearTimeout(waiting);
    const review = document.querySelector("[data-review][data-reserve-url]");
    if (review) waiting = setTimeout(() => reserve(review), AFTER);
  };

  window.addEventListener("pagehide", () => {
    const review = document.querySelector("[data-review][data-leave-url]");
    if (review) navigator.sendBeacon(review.dataset.leaveUrl, body(review));
  });
  document.addEventListener("htmx:afterSettle", (event) => event.target.id === "workspace" && start());
  start();
})();
