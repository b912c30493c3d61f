// @ts-check
/** Keeps the focus in what htmx preserves; only newer browsers move it unharmed. */

/** @type {HTMLElement | null} */
let held = null;

document.addEventListener("htmx:beforeSwap", () => {
  held = document.activeElement instanceof HTMLElement ? document.activeElement : null;
});

document.addEventListener("htmx:afterSwap", () => {
  const element = held;
  held = null;
  if (!element?.isConnected || element === document.activeElement) return;
  // Only what was lost: not from where somebody has gone meanwhile.
  if (document.activeElement !== document.body) return;
  const { selectionStart, selectionEnd } = /** @type {HTMLInputElement} */ (element);
  element.focus({ preventScroll: true });
  if (element instanceof HTMLInputElement) {
    element.setSelectionRange(selectionStart, selectionEnd);
  }
});
