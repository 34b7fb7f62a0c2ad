// The end of an opening: tells the page that waits behind this window, then leaves.

export const READY = "sealpost:ready";

// The opener may be a file, whose origin is null and so cannot be named: the word holds no secret, and the
// opener checks that it came from here. It fetches the key itself, with the secret that only it has.
export function finishOpening(document, window) {
  if (!document.querySelector("[data-opened]") || !window.opener) return;
  window.opener.postMessage(READY, "*");
  window.close();
}
