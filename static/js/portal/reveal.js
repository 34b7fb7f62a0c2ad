// The button beside a passphrase field that shows what was typed; hidden where scripts do not run.

export function offerToShow(document) {
  for (const button of document.querySelectorAll("[data-reveals]")) {
    const input = document.getElementById(button.dataset.reveals);
    button.hidden = false;
    button.addEventListener("click", () => reveal(button, input, input.type === "password"));
    // A shown passphrase must not stay in the browser's list of typed texts.
    input.form.addEventListener("submit", () => reveal(button, input, false));
  }
}

function reveal(button, input, shown) {
  input.type = shown ? "text" : "password";
  button.setAttribute("aria-pressed", String(shown));
}
