// A page that polls and finds the session gone loads itself anew, which leads to the login; one with a form stays.
document.addEventListener("htmx:responseError", (event) => {
  if (event.detail.xhr.status === 401 && !document.querySelector("[data-review]")) location.reload();
});
