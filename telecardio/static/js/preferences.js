// @ts-check
/** What this browser remembers of its wall. */

/** @param {string} name @param {string} otherwise @returns {string} */
export function recall(name, otherwise) {
  try {
    return localStorage.getItem(`telecardio.${name}`) ?? otherwise;
  } catch {
    return otherwise;
  }
}

/** @param {string} name @param {string} value */
export function remember(name, value) {
  try {
    localStorage.setItem(`telecardio.${name}`, value);
  } catch {
    // A browser that stores nothing shows the wall all the same.
  }
}
