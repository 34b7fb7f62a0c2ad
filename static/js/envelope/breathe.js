/** How long work is cut, so that the page stays alive. */

/** Pieces at work at a time: of 256 KiB each, what every engine does in a few milliseconds. */
export const OUTSTANDING = 8;

/** Let the page paint and answer between two pieces of work. */
export const breathe = () => new Promise((resolve) => setTimeout(resolve));
