/** How long work is cut, so that the page stays alive. */

/** Pieces at work at a time: of 256 KiB each, what every engine does in a few milliseconds. */
export const OUTSTANDING = 8;

/** Milliseconds that a page may be busy and still seem to answer at once, which ends at about 100. */
const LONGEST = 80;

/**
 * A pause for one piece of work that is done bit by bit: called between two bits, it lets the page paint and
 * answer if the work has gone on for long.
 *
 * @returns {() => Promise<void>}
 */
export function breather() {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < LONGEST) return;
    await anotherTask();
    since = performance.now();
  };
}

/** Not a timer, which would idle for 4 ms each time. */
function anotherTask() {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
