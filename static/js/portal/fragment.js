// The code that a mailed link carries behind its #, where no server sees it: into the field that asks for it.

const CODE = /^#([0-9A-Za-z]{4}(?:-?[0-9A-Za-z]{4}){3})$/;

export function takeFragment(document, window) {
  const field = document.querySelector("[data-fragment]");
  const code = CODE.exec(window.location.hash);
  if (!field || !code) return;
  field.value = code[1];
  field.closest(".field").hidden = true;
  // Neither the address bar nor the history keeps it.
  window.history.replaceState(null, "", window.location.pathname);
}
