// A range of scores: dragging over the bars moves the two sliders, and the sliders move the picked range.
(() => {
  const form = document.querySelector("[data-range]");
  if (!form) return;
  const { score_from: low, score_to: high } = form.elements;
  const picture = form.querySelector("[data-histogram]");
  const picked = form.querySelector("[data-histogram-range]");

  const show = () => {
    const [from, to] = [Number(low.value), Number(high.value)].sort((a, b) => a - b);
    form.querySelector("[data-range-low]").textContent = Number(low.value).toFixed(2);
    form.querySelector("[data-range-high]").textContent = Number(high.value).toFixed(2);
    picked.setAttribute("x", 100 * from);
    picked.setAttribute("width", Math.max(100 * (to - from), 0.4));
  };
  const changed = () => low.dispatchEvent(new Event("change", { bubbles: true }));

  let anchor = null;
  const scoreAt = (event) => {
    const box = picture.getBoundingClientRect();
    return Math.min(Math.max((event.clientX - box.left) / box.width, 0), 1);
  };
  const drag = (event) => {
    const [from, to] = [anchor, scoreAt(event)].sort((a, b) => a - b);
    low.value = from;
    high.value = to;
    show();
  };
  picture.addEventListener("pointerdown", (event) => {
    anchor = scoreAt(event);
    picture.setPointerCapture(event.pointerId);
    drag(event);
  });
  picture.addEventListener("pointermove", (event) => anchor !== null && drag(event));
  for (const end of ["pointerup", "pointercancel"]) {
    picture.addEventListener(end, () => {
      if (anchor === null) return;
      anchor = null;
      changed();
    });
  }

  form.addEventListener("input", show);
  // Another policy or queue has another histogram: the whole page follows.
  form.addEventListener("change", (event) => {
    if (!event.target.matches("[data-reloads]")) return;
    event.stopPropagation();
    form.submit();
  }, true);
})();
