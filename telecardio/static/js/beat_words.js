// @ts-check
/** Beat labels as people read them. */

/**
 * @param {string[]} words of the classes, in the order of their index
 * @param {{symbol: number, probability: number}} beat
 * @returns {string} such as "ventricular 97 %"
 */
export function beatWords(words, beat) {
  const percent = Math.round(100 * beat.probability);
  return `${words[beat.symbol] ?? "unknown"} ${percent} %`;
}
