/** How long work is cut, so that the page stays alive. */

/** Pieces at work at a time: of 256 KiB each, what every engine does in a few milliseconds. */
export const OUTSTANDING = 8;

/** Milliseconds that a page may be busy without seeming stuck. */
const LONGEST = 40;

let last = 0;

/** Between two pieces of work: let the page paint and answer, if it has been busy for long. */
export async function breathe() {
  if (performance.now() - last < LONGEST) return;
  await anotherTask();
  last = performance.now();
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
