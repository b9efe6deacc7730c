// A page that answers the making of something takes the list's address, so that a reload does not make another.
const shown = document.querySelector("[data-once]");
if (shown) history.replaceState(null, "", shown.dataset.once);
