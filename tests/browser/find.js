// Finds what a person would, by its words: a control to click, or the field that a label stands for.
// `within`: what the list entry or table row says that the control stands in.
([kind, words, within]) => {
  const seen = (element) => element && element.checkVisibility() && !element.disabled;
  const says = (element) => {
    const text = element.getAttribute("aria-label") || element.innerText || element.value || "";
    return text.replace(/\s+/g, " ").trim();
  };
  const choose = (elements) =>
    elements.find((element) => says(element) === words) || elements.find((element) => says(element).includes(words));
  if (kind === "control") {
    const rows = [...document.querySelectorAll("li, tr")];
    const part = within ? rows.find((row) => says(row).includes(within)) : document;
    const controls = part ? [...part.querySelectorAll("button, a[href], input[type=submit], summary")] : [];
    return choose(controls.filter(seen)) || null;
  }
  return choose([...document.querySelectorAll("label")].filter((label) => seen(label.control)))?.control || null;
}
