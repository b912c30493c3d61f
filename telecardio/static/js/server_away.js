// @ts-check
/** Says over a page when what it asks for again and again does not come. */

const banner = document.querySelector("[data-server-away]");
let unsaved = false;

/** @param {Element} banner @param {string} kind */
function show(banner, kind) {
  if (!(banner instanceof HTMLElement)) return;
  const words = [banner.dataset[kind], unsaved ? banner.dataset.unsaved : ""];
  const text = words.filter(Boolean).join(" ");
  // It is read out at every write.
  if (banner.textContent !== text) banner.textContent = text;
  banner.hidden = false;
}

/** @param {Event} event @returns {any} what htmx tells of a request */
function told(event) {
  return /** @type {CustomEvent} */ (event).detail;
}

if (banner) {
  document.addEventListener("htmx:afterRequest", (event) => {
    const { successful, xhr, requestConfig } = told(event);
    if (successful) {
      unsaved = false;
      /** @type {HTMLElement} */ (banner).hidden = true;
    } else if (xhr.status >= 500) {
      unsaved ||= requestConfig.verb !== "get";
      show(banner, xhr.status === 503 ? "database" : "failed");
    }
  });
  document.addEventListener("htmx:sendError", (event) => {
    unsaved ||= told(event).requestConfig.verb !== "get";
    show(banner, "server");
  });
}
